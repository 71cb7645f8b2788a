/** What happened, for logs, audit trails and metrics; never a token. */
import { captureRejectionSymbol, EventEmitter } from "node:events";
import type { LoginKitErrorCode } from "../base/failure-texts.js";
import type { SecurityChoice } from "./security-choice.js";

/** Which login an event is about. */
export interface LoginSubject {
  /** The login's id; safe to log. */
  readonly loginId: string;
  /** The name of the provider, by the option `providers`; `default` where there is one. */
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
}

/** Where a request came from. */
export interface RequestOrigin {
  /** The IP address, as far as Express trusts it (`trust proxy`). */
  readonly address: string | undefined;
}

/** Why a login ended. */
export type LoginEndReason =
  /** The user signed out. */
  | "logout"
  /** Somebody signed in in the same browser. */
  | "replaced"
  | "expired"
  /** The provider no longer accepts the refresh token, or the token that it has just given for renewing claims. */
  | "refresh_rejected"
  /** The provider said so, by back-channel or front-channel. */
  | "provider_logout"
  /** By `kit.sessions`. */
  | "revoked"
  /** The user has more logins than are allowed. */
  | "limit"
  /** `findProvider` does not find its provider any more. */
  | "provider_removed";

/** Event names and what their listeners receive. */
export interface LoginKitEvents {
  /**
   * A provider was found, for the first time or with other metadata than before:
   * what of its protections logins use, why, and what would be stronger (`choices`,
   * and in one line `summary`).
   */
  "provider.found": [
    {
      /** Its name, by the option `providers`; `default` where there is one. */
      readonly provider: string;
      readonly issuer: string;
      readonly choices: readonly SecurityChoice[];
      readonly summary: string;
    },
  ];
  /** An authorization request was sent; `returnTo` is where the login will end. */
  "login.started": [{ readonly returnTo: string } & RequestOrigin];
  /** A user is signed in. */
  "login.succeeded": [LoginSubject & RequestOrigin];
  /**
   * An authorization response did not lead to a login. `oauthError` is there if
   * the provider sent one, and `oauthErrorDescription` if it said more: its own
   * words, printable, without what it was sent. `diagnosis` says what exactly happened and what to try.
   */
  "login.failed": [
    {
      readonly code: LoginKitErrorCode;
      readonly oauthError?: string;
      readonly oauthErrorDescription?: string;
      /** What exactly happened, for the developer: one line, and no secret. */
      readonly diagnosis: string;
    } & RequestOrigin,
  ];
  /**
   * A login ended; `reason` is `logout`, `replaced`, `expired`,
   * `refresh_rejected`, `provider_logout`, `revoked`, `limit` or `provider_removed`. With `expired` it
   * comes when a request, or `kit.sessions`, finds the login past its end, so it
   * may never come; also where a login has nothing left to renew its claims by.
   *
   * @see docs/ending-logins.md
   */
  "login.ended": [LoginSubject & { readonly reason: LoginEndReason }];
  /** The provider told of a logout, by `channel` `back` or `front`; `ended` logins ended by it. */
  "logout.received": [
    { readonly channel: "back" | "front"; readonly ended: number },
  ];
  /** A login has a new access token; also the first one for a resource server. */
  "token.refreshed": [LoginSubject];
  /** A login got no new access token. */
  "token.refresh_failed": [LoginSubject & { readonly code: LoginKitErrorCode }];
  /** The claims of a login were renewed (`claimsRefreshSeconds`). */
  "claims.refreshed": [LoginSubject];
  /** The claims of a login could not be renewed; `diagnosis` says why. Those there are count for one more `claimsRefreshSeconds`. */
  "claims.refresh_failed": [
    LoginSubject & {
      readonly code: LoginKitErrorCode;
      /** What exactly happened, for the developer: one line, and no secret. */
      readonly diagnosis: string;
    },
  ];
  /** Tokens could not be revoked at the provider; the login is over here all the same. */
  "token.revocation_failed": [
    LoginSubject & { readonly code: LoginKitErrorCode },
  ];
  /**
   * A login ended by `reason`, and its tokens were to be revoked, but nobody here
   * opens them: with `session.tokensNeedCookie` only the browser's cookie does,
   * and it was not there. They are deleted here, and run out at the provider.
   */
  "token.not_revoked": [LoginSubject & { readonly reason: LoginEndReason }];
  /** A request was refused; `path` is without query. */
  "request.refused": [
    {
      readonly code: LoginKitErrorCode;
      readonly method: string;
      /** Path without query. */
      readonly path: string;
      /** What exactly was wrong, for the developer: one line, and no secret. */
      readonly diagnosis: string;
    } & RequestOrigin,
  ];
  /**
   * A failure with status 500 or above, a use of a login that could not be written
   * down, or a provider that could not be asked for its end session endpoint at
   * logout. Without a listener it is dropped, not thrown.
   */
  error: [Error];
}

/** Tells listeners without letting them disturb the flow. */
export interface LoginKitEmitter {
  readonly emitter: EventEmitter<LoginKitEvents>;
  emit: <Name extends keyof LoginKitEvents>(
    name: Name,
    ...payload: LoginKitEvents[Name]
  ) => void;
}

/** Creates the emitter behind `kit.events`. */
export function createEvents(): LoginKitEmitter {
  const emitter = new EventEmitter<LoginKitEvents>({ captureRejections: true });
  const warn = (error: unknown, name: unknown): void => {
    // A broken listener must not break a login; it is the app's own bug.
    process.emitWarning(
      `A listener of the login kit's event ${String(name)} failed: ${String(error)}`,
    );
  };
  // An async listener that rejects would otherwise end the process.
  Object.assign(emitter, { [captureRejectionSymbol]: warn });
  return {
    emitter,
    emit(name, ...payload) {
      // Node throws an "error" event without a listener.
      if (name === "error" && emitter.listenerCount("error") === 0) return;
      try {
        (emitter as EventEmitter).emit(name, ...payload);
      } catch (error) {
        warn(error, name);
      }
    },
  };
}
