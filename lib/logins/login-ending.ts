/** Ends logins: the record first, then the session that goes with it. */
import { randomUUID } from "node:crypto";
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import type { LoginEndReason, LoginSubject } from "../telling/events.js";
import { ownerOf } from "./login-owner.js";
import { tellApplication } from "./tell-application.js";
import { inParts } from "../base/in-parts.js";
import type {
  BrowserPart,
  EndedLogin,
  Identity,
  TokenSet,
} from "../stores/login-store.js";
import type { Persist } from "../stores/finishing.js";
import type { SessionBackend } from "../stores/session-backend.js";
import { belongToSession } from "../stores/tokens-of-session.js";

/**
 * Ends after which the provider is told that the tokens are over. Not after a
 * new login of the same user in the same browser and the like: revoking an old
 * refresh token may end the grant that the new login rests on.
 */
const REVOKING = new Set<LoginEndReason>(["revoked", "refresh_rejected"]);

/**
 * What ends logins, whoever wants it.
 *
 * All reject with `ERR_STORE_UNAVAILABLE` when it is not sure after a moment
 * that the login is over. They go on trying: whenever it is over, its end is
 * told once and its tokens are revoked.
 */
export interface LoginEnding {
  /** Ends a login and tells of it. Undefined: it was over already. Whether its tokens are revoked, the reason says unless told otherwise. */
  end: (
    id: string,
    reason: LoginEndReason,
    options?: {
      readonly isRevoked?: boolean;
      /** Where its browser is there. */
      readonly browserPart?: BrowserPart;
    },
  ) => Promise<EndedLogin | undefined>;
  /** The same for a user who signs out. The tokens are kept for when the provider knows of it, which is for the caller to see to. */
  signOut: (
    id: string,
    browserPart: BrowserPart,
  ) => Promise<EndedLogin | undefined>;
  /** The same, unless its tokens have been replaced since this revision. */
  endAt: (
    id: string,
    reason: LoginEndReason,
    revision: number,
    browserPart: BrowserPart,
  ) => Promise<EndedLogin | undefined>;
  /** Ends those that `find` names, which may be asked again; how many of them were not over already. */
  endAll: (
    find: () => Promise<readonly string[]>,
    reason: LoginEndReason,
  ) => Promise<number>;
}

/** What is done with the tokens of logins that ended. */
export interface RevokeTokens {
  /** Revokes tokens at the provider when there is time. */
  readonly later: (subject: LoginSubject, tokens: TokenSet) => void;
  /** The same, when the user who signs out has been at the provider. */
  readonly afterLogout: (subject: LoginSubject, tokens: TokenSet) => void;
}

/** How a login is to end. */
interface Ending {
  readonly reason: LoginEndReason;
  /** Undefined: whatever has become of its tokens. */
  readonly revision?: number;
  /** Undefined: the reason says. */
  readonly isRevoked?: boolean;
  /** Whether the user is sent to the provider before its tokens are revoked. */
  readonly isSignOut?: boolean;
  /** Undefined: the browser is not there. */
  readonly browserPart?: BrowserPart;
}

/** Creates the one place where logins end. */
export function createLoginEnding(
  ground: Ground,
  backend: SessionBackend,
  revoke: RevokeTokens,
): LoginEnding {
  const { loginStore, events, finishing } = ground;
  const removeSession = async (id: string): Promise<void> => {
    try {
      await backend.remove(id);
    } catch (error) {
      // The login is over, and a session without its login is never given out.
      if (!(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
    }
  };
  const end = async (
    id: string,
    { reason, revision, isRevoked, isSignOut = false, browserPart }: Ending,
    persist: Persist,
  ): Promise<EndedLogin | undefined> => {
    // The same name at every attempt: whose answer was lost gets it again.
    const ender = randomUUID();
    const login = await persist(() =>
      revision === undefined
        ? loginStore.endLogin(id, ender, browserPart)
        : loginStore.endLoginAt(id, revision, ender, browserPart),
    );
    if (login === undefined) return undefined;
    const { record, tokens } = login;
    const subject = subjectOf(id, record.identity);
    // Nobody was told of a sign-in that was not completed.
    const wasLive = login.revision > 0;
    if (wasLive) {
      events.emit("login.ended", { ...subject, reason });
      tellApplication(ground, login, reason);
    }
    const isToBeRevoked =
      isSignOut ||
      !wasLive ||
      (isRevoked ?? (await revokes(login, reason, ground)));
    if (tokens === undefined) {
      // Whoever makes a login that is not live yet has its tokens, and revokes them.
      if (isToBeRevoked && wasLive) {
        events.emit("token.not_revoked", { ...subject, reason });
      }
    } else if (isSignOut) revoke.afterLogout(subject, tokens);
    else if (isToBeRevoked) revoke.later(subject, tokens);
    await removeSession(id);
    return login;
  };

  return {
    end: (id, reason, options) =>
      finishing.finish((persist) => end(id, { reason, ...options }, persist)),
    endAt: (id, reason, revision, browserPart) =>
      finishing.finish((persist) =>
        end(id, { reason, revision, browserPart }, persist),
      ),
    signOut: (id, browserPart) =>
      finishing.finish((persist) =>
        end(id, { reason: "logout", isSignOut: true, browserPart }, persist),
      ),
    endAll: (find, reason) =>
      finishing.finish(async (persist) => {
        const logins = await inParts(await persist(find), (id) =>
          end(id, { reason }, persist),
        );
        return logins.filter((login) => login && login.revision > 0).length;
      }),
  };
}

/** Whether a login's tokens are revoked when it ends by this reason. */
async function revokes(
  { record, tokens }: EndedLogin,
  reason: LoginEndReason,
  { knownProviders }: Ground,
): Promise<boolean> {
  if (reason !== "provider_logout") return REVOKING.has(reason);
  // Back-Channel Logout 2.7: what was granted for offline use outlives the session.
  const { scope = "", tokensEndWithSession = false } =
    (await knownProviders.of(ownerOf(record.identity))) ?? {};
  return (
    !tokensEndWithSession && belongToSession(tokens, record.scope ?? scope)
  );
}

/** How events name a login. */
export function subjectOf(
  id: string,
  { provider, claims }: Identity,
): LoginSubject {
  return {
    loginId: id,
    provider,
    issuer: claims.iss,
    subject: claims.sub,
  };
}
