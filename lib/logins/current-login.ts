/** From a request to its login. */
import { baseUrlOf } from "../config/base-url.js";
import type { ProviderConfig } from "../config/config.js";
import type { KeptLoginData } from "../config/login-data.js";
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import type { AccessToken } from "../base/access-token.js";
import type {
  BrowserPart,
  Claims,
  LoginRecord,
} from "../stores/login-store.js";
import { claimsDueAt } from "./claims-age.js";
import type { LoginEnding } from "./login-ending.js";
import { justReadFor } from "./just-read.js";
import { loginEnd } from "./login-lifetime.js";
import { ownerOf } from "./login-owner.js";
import {
  browserPartIn,
  loginIdIn,
  loginIdsIn,
  sessionNamesIn,
  type RequestHead,
  type SessionNames,
} from "./session-id.js";

/** A login that is alive at the time of the request. */
export interface LiveLogin {
  /** Safe to log. */
  readonly id: string;
  readonly record: LoginRecord;
  /** Where it comes from. */
  readonly provider: ProviderConfig;
  /** When it ends if it is not used again. Milliseconds since 1970. */
  readonly expiresAt: number;
  /** For whoever reads or stores its tokens. */
  readonly browserPart: BrowserPart;
}

/**
 * The login with claims that are not old any more; undefined: it has ended. For
 * one whose claims are due ({@link claimsDueAt}).
 *
 * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE` and others where they cannot be renewed and count no longer
 */
export type WithFreshClaims = (
  login: LiveLogin,
) => Promise<LiveLogin | undefined>;

/** How a request is to be authorized. */
export interface AuthorizeOptions {
  /** The `DPoP-Nonce` of the server's newest answer, which proofs for its origin have from now on (RFC 9449 9). */
  readonly nonce?: string;
}

/** Headers that authorize one request, by name in small letters: to be sent, and not to be logged. */
export interface RequestAuthorization {
  readonly authorization?: string;
  /** Where the token is bound to a key. */
  readonly dpop?: string;
}

/** How an access token is wanted. */
export interface AccessTokenOptions {
  /** A token that the resource server refused (`invalid_token`): this one is not given again, but a new one. At most one in 30 seconds. */
  readonly rejected?: AccessToken;
}

/** The signed-in user of a request: `req.oidc`, or `loginOf(req)`. */
export interface Login {
  /** Names this login in logs; opens nothing. */
  readonly id: string;
  /** The name of the provider that the user signed in at, by the option `providers`; `default` where there is one. */
  readonly provider: string;
  /** Claims of the ID Token and UserInfo, as they were at login, or when they were renewed (`claimsRefreshSeconds`). `iss` and `sub` together name the user, of several providers with `provider`; nothing else does (Core 5.7). */
  readonly claims: Claims;
  /**
   * What the provider posted about the user beside its answer (form field `user`
   * with `responseMode: "form_post"`), as Apple does with the name, once. Undefined
   * elsewhere, and where it was longer than 1 KB or no JSON object.
   *
   * Not verified: it came through the browser, and the user can have changed it.
   * Good for a form that is filled in, never for deciding who somebody is.
   */
  readonly unverifiedUser: Readonly<Record<string, unknown>> | undefined;
  /** What the provider granted beside scope (`authorization_details`, RFC 9396); undefined: it told of nothing. */
  readonly authorizationDetails: readonly object[] | undefined;
  /** What the application gave to `kit.startLogin` as `state`; undefined: nothing. */
  readonly state: Readonly<Record<string, unknown>> | undefined;
  /** What `onLogin` gave at login; empty where it gave nothing. Its type is `LoginData`, to which you add members. */
  readonly data: KeptLoginData;
  /** When the user authenticated at the provider (`auth_time`), if it said. */
  readonly authenticatedAt: Date | undefined;
  /** When the login began here. */
  readonly startedAt: Date;
  /** When the login ends if it is not used again. */
  readonly expiresAt: Date;
  /**
   * A valid access token, refreshed when needed. Its `value` is the token
   * itself; printing it shows none.
   *
   * @param resourceServer a name from the option `resourceServers`; absent: the token issued without a resource indicator.
   * @throws {LoginKitError} `ERR_NO_ACCESS_TOKEN`, `ERR_ACCESS_TOKEN_REJECTED`, `ERR_REFRESH_REJECTED`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_RESOURCE_NOT_ALLOWED`
   */
  accessToken: (
    resourceServer?: string,
    options?: AccessTokenOptions,
  ) => Promise<AccessToken>;
  /**
   * `fetch` with the user's access token, to configured resource servers only.
   * Redirects are not followed. A request whose token is refused
   * (`invalid_token`) is sent once more with a new one, unless its body is a stream.
   * It does not throw for status 401 or 500: check the answer.
   *
   * @throws {LoginKitError} as `accessToken`, and `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`
   */
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /**
   * The headers that authorize one request, for a client of your own: the access
   * token, and where it is bound to a key (`senderConstrained`) the proof. A proof
   * is good for this method and URL, once, for a minute or so: ask for each
   * request anew. To configured resource servers only, as with `fetch`.
   *
   * @param method in capital letters
   * @throws {LoginKitError} as `accessToken`
   */
  authorize: (
    url: string | URL,
    method: string,
    options?: AuthorizeOptions,
  ) => Promise<RequestAuthorization>;
  /**
   * Claims fetched from the UserInfo endpoint now (Core 5.3).
   *
   * @throws {LoginKitError} as `accessToken`, and `ERR_USERINFO_INVALID`
   */
  userInfo: () => Promise<Claims>;
  /**
   * Aborted when the login ends, in whatever process and for whatever reason:
   * for streams and sockets, which no guard sees again; and by `kit.close()`.
   * Watched from the first reading until the response or socket closes. Long use of a connection does
   * not count as use of the login.
   *
   * @see docs/ending-logins.md#streams-the-logins-signal
   */
  readonly signal: AbortSignal;
}

/** How a login is looked for. */
export interface FindOptions {
  /** Whether this is a use of the login. Default true. */
  readonly extend?: boolean;
  /** Those of the request, for whoever has looked already. */
  readonly names?: SessionNames;
}

/** What finds logins. */
export interface CurrentLogin {
  /**
   * The request's login, if it has a live one; notes that it was used, and renews
   * claims that are old. Told not to extend, it notes the first use alone.
   */
  find: (
    req: RequestHead,
    options?: FindOptions,
  ) => Promise<LiveLogin | undefined>;
  /**
   * All live logins of this browser: the session's, and the cookie's where that
   * is another one, because its session was lost.
   */
  allOf: (req: RequestHead) => Promise<readonly LiveLogin[]>;
}

/** Creates the functions that find the logins of requests. */
export function createCurrentLogin(
  { config, knownProviders, loginStore, events, now }: Ground,
  loginEnding: LoginEnding,
  withFreshClaims: WithFreshClaims,
): CurrentLogin {
  const idle = config.session.idleTimeoutSeconds * 1000;

  const read = async (
    req: RequestHead,
    id: string | undefined,
    names: SessionNames,
  ): Promise<LiveLogin | undefined> => {
    if (id === undefined) return undefined;
    const record = justReadFor(req, id) ?? (await loginStore.readLogin(id));
    if (record === undefined) return undefined;
    const provider = await knownProviders.of(ownerOf(record.identity));
    const expiresAt = loginEnd(record, config);
    if (provider !== undefined && expiresAt > now()) {
      // Found when it is asked for: most requests need no token.
      const browserPart: BrowserPart = () => browserPartIn(names, config, id);
      return { id, record, provider, expiresAt, browserPart };
    }
    if (provider !== undefined) await loginEnding.end(id, "expired");
    // Not asked, nobody says that it is gone: another process may know more.
    else if (config.findProvider !== undefined) {
      await loginEnding.end(id, "provider_removed");
    }
    return undefined;
  };

  const find: CurrentLogin["find"] = async (
    req,
    { extend = true, names = sessionNamesIn(req) } = {},
  ) => {
    // Another host than those of the options has no logins.
    baseUrlOf(req, config);
    const found = await read(req, loginIdIn(req, config, names), names);
    const login =
      found !== undefined && extend && claimsDueAt(found) <= now()
        ? await withFreshClaims(found)
        : found;
    const time = now();
    if (login === undefined) return undefined;
    const { seenAt, endsAt } = login.record;
    // One write in a tenth of the idle timeout at the most: reading is cheap.
    const isDue =
      seenAt === undefined || (extend && time - seenAt >= idle / 10);
    if (!isDue) return login;
    try {
      await loginStore.recordUse(login.id, time, endsAt);
    } catch (error) {
      // A Redis that is full or read-only still told us that the login lives.
      // Unextended it ends on time; refusing it would end it now.
      if (!(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
      return login;
    }
    const record = { ...login.record, seenAt: time };
    return { ...login, record, expiresAt: loginEnd(record, config) };
  };

  return {
    find,
    async allOf(req) {
      const names = sessionNamesIn(req);
      const ids = [...loginIdsIn(req, config, names)];
      const logins = await Promise.all(ids.map((id) => read(req, id, names)));
      return logins.filter((login) => login !== undefined);
    },
  };
}
