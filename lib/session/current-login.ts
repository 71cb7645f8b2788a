/** From a request to its login: find, start. */
import type { Request } from "express";
import type { Session } from "express-session";
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import type {
  LoginEndReason,
  LoginKitEmitter,
  LoginSubject,
} from "../events.js";
import { groupsOf } from "../login-store/login-groups.js";
import type {
  Claims,
  Device,
  EndedLogin,
  Identity,
  LoginRecord,
  LoginStore,
  TokenOrigin,
  TokenSet,
} from "../login-store/login-store.js";
import { subjectOf, type LoginEnding } from "./login-ending.js";
import { loginEnd } from "./login-lifetime.js";
import {
  loginIdOf,
  sessionIdOf,
  sessionIdsOf,
  type RequestHead,
} from "./session-id.js";
import type { SessionMark } from "./session-store.js";
import type { UserLogins } from "./user-logins.js";

/** A login that is alive at the time of the request. */
export interface LiveLogin {
  /** Safe to log. */
  readonly id: string;
  readonly record: LoginRecord;
  /** When it ends if it is not used again. Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** How an access token is wanted. */
export interface AccessTokenOptions {
  /** A token that the resource server refused (`invalid_token`): this one is not given again, but a new one. At most one in 30 seconds. */
  readonly rejected?: string;
}

/** The signed-in user of a request: `req.oidc`, or `loginOf(req)`. */
export interface Login {
  /** Names this login in logs; opens nothing. */
  readonly id: string;
  /** Claims of the ID Token and UserInfo. `iss` and `sub` together name the user; nothing else does (Core 5.7). */
  readonly claims: Claims;
  /** When the user authenticated at the provider (`auth_time`), if it said. */
  readonly authenticatedAt: Date | undefined;
  /** When the login began here. */
  readonly startedAt: Date;
  /** When the login ends if it is not used again. */
  readonly expiresAt: Date;
  /**
   * A valid access token, refreshed when needed.
   *
   * @param resourceServer a name from the option `resourceServers`; absent: the token issued without a resource indicator.
   * @throws {LoginKitError} `ERR_NO_ACCESS_TOKEN`, `ERR_ACCESS_TOKEN_REJECTED`, `ERR_REFRESH_REJECTED`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_RESOURCE_NOT_ALLOWED`
   */
  accessToken: (
    resourceServer?: string,
    options?: AccessTokenOptions,
  ) => Promise<string>;
  /**
   * `fetch` with the user's access token, to configured resource servers only.
   * Redirects are not followed. A request whose token is refused
   * (`invalid_token`) is sent once more with a new one, unless its body is a stream.
   *
   * @throws {LoginKitError} as `accessToken`, and `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`
   */
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
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
   */
  readonly signal: AbortSignal;
}

/** A new login, as the provider told of it. */
export interface NewLogin {
  readonly identity: Identity;
  readonly tokens: TokenSet;
  readonly origin: TokenOrigin;
  /** When the provider wants it to end at the latest; undefined: it does not say. */
  readonly endsAt: number | undefined;
}

/** What finds and starts logins. */
export interface CurrentLogin {
  /** The request's login, if it has a live one; notes that it was used unless told not to. */
  find: (
    req: RequestHead,
    options?: { readonly extend: boolean },
  ) => Promise<LiveLogin | undefined>;
  /**
   * Starts a login in a new session; the one before ends.
   *
   * @throws {LoginKitError} `ERR_LOGGED_OUT_MEANWHILE`, `ERR_STORE_UNAVAILABLE`
   */
  start: (req: Request, login: NewLogin) => Promise<LiveLogin>;
}

/** What {@link createCurrentLogin} works with. */
export interface CurrentLoginDeps {
  readonly config: Config;
  readonly loginStore: LoginStore;
  readonly loginEnding: LoginEnding;
  readonly userLogins: UserLogins;
  /** Revokes tokens at the provider when there is time. */
  readonly revokeLater: (subject: LoginSubject, tokens: TokenSet) => void;
  readonly events: LoginKitEmitter;
  readonly now: () => number;
}

/** Creates the functions that tie requests to logins. */
export function createCurrentLogin({
  config,
  loginStore,
  loginEnding,
  userLogins,
  revokeLater,
  events,
  now,
}: CurrentLoginDeps): CurrentLogin {
  const idle = config.session.idleTimeoutSeconds * 1000;

  const live = (id: string, record: LoginRecord): LiveLogin => ({
    id,
    record,
    expiresAt: loginEnd(record, config),
  });

  /** Another kit on the same Redis may have another provider: its users are not ours. */
  const belongsHere = ({ identity }: LoginRecord): boolean =>
    identity.claims.iss === config.issuer;

  const read = async (
    sessionId: string | undefined,
  ): Promise<LiveLogin | undefined> => {
    if (sessionId === undefined) return undefined;
    const id = loginIdOf(sessionId);
    const record = await loginStore.readLogin(id);
    if (record === undefined || !belongsHere(record)) return undefined;
    const login = live(id, record);
    if (login.expiresAt > now()) return login;
    await loginEnding.end(id, "expired");
    return undefined;
  };

  const find: CurrentLogin["find"] = async (
    req,
    { extend } = { extend: true },
  ) => {
    const login = await read(sessionIdOf(req, config));
    const time = now();
    // One write in a tenth of the idle timeout at the most: reading is cheap.
    if (!login || !extend || time - login.record.seenAt < idle / 10) {
      return login;
    }
    try {
      await loginStore.recordUse(login.id, time);
    } catch (error) {
      // A Redis that is full or read-only still told us that the login lives.
      // Unextended it ends on time; refusing it would end it now.
      if (!(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
      return login;
    }
    return live(login.id, { ...login.record, seenAt: time });
  };

  /**
   * Ends what this browser is signed in with: the session's login, and the
   * cookie's where that is another one, because its session was lost.
   */
  const endOf = async (
    req: Request,
    reason: LoginEndReason,
  ): Promise<EndedLogin | undefined> => {
    let first: EndedLogin | undefined;
    for (const sessionId of sessionIdsOf(req, config)) {
      const login = await read(sessionId);
      const ended = login && (await loginEnding.end(login.id, reason));
      first ??= ended;
    }
    return first;
  };

  return {
    find,
    async start(req, { identity, tokens, origin, endsAt = Infinity }) {
      const replaced = await endOf(req, "replaced");
      // What one user has left in the session is not the next one's.
      const kept =
        replaced === undefined || isSameUser(replaced.record, identity)
          ? pick(sessionOf(req), config.carryOver)
          : {};
      // A new id at login, so that nobody can plant one (session fixation).
      await regenerate(req);
      const id = loginIdOf(req.sessionID);
      const time = now();
      if (endsAt <= time) {
        // A login that is over when it begins would send the browser round and round.
        throw new LoginKitError("ERR_ID_TOKEN_INVALID", {
          message: `the ID Token was refused: its ${String(config.session.endClaim)} is in the past`,
        });
      }
      const absoluteEnd = time + config.session.absoluteTimeoutSeconds * 1000;
      const record: LoginRecord = {
        identity,
        createdAt: time,
        seenAt: time,
        endsAt: Math.min(absoluteEnd, endsAt),
        device: config.session.recordDevice ? deviceOf(req) : undefined,
      };
      try {
        const count = await loginStore.createLogin(id, record, tokens, origin);
        if (count === undefined) {
          // Nobody will ever use them.
          revokeLater(subjectOf(id, identity), tokens);
          throw new LoginKitError("ERR_LOGGED_OUT_MEANWHILE");
        }
        if (count > config.session.maxLoginsPerUser) {
          const [user] = groupsOf(identity);
          await userLogins.makeRoom(user);
        }
        const session = sessionOf(req);
        Object.assign(session, kept);
        session.loginKit = { loginId: id };
        // express-session would send the answer before, or in spite of, its save.
        await save(session);
      } catch (error) {
        // Nobody has its cookie yet.
        await loginStore.endLogin(id).catch(() => undefined);
        if (!isStoreFailure(error)) {
          // Else express-session would keep an empty one for hours.
          await destroy(sessionOf(req)).catch(() => undefined);
        }
        throw error;
      }
      return live(id, record);
    },
  };
}

/** Longest user agent that is kept, in characters. */
const MAX_USER_AGENT = 256;

function deviceOf(req: Request): Device {
  return {
    userAgent: req.get("User-Agent")?.slice(0, MAX_USER_AGENT),
    address: req.ip,
  };
}

function isSameUser({ identity }: LoginRecord, other: Identity): boolean {
  return (
    identity.claims.iss === other.claims.iss &&
    identity.claims.sub === other.claims.sub
  );
}

function isStoreFailure(error: unknown): boolean {
  return (
    error instanceof LoginKitError && error.code === "ERR_STORE_UNAVAILABLE"
  );
}

function sessionOf(req: Request): Session & SessionMark {
  return req.session;
}

function pick(
  session: Session,
  names: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(session).filter(([name]) => names.includes(name)),
  );
}

function regenerate(req: Request): Promise<void> {
  return settled((done) => sessionOf(req).regenerate(done));
}

function save(session: Session): Promise<void> {
  return settled((done) => session.save(done));
}

function destroy(session: Session): Promise<void> {
  return settled((done) => session.destroy(done));
}

/** Awaits a method of express-session; a store that fails is a store failure. */
function settled(
  call: (done: (error?: unknown) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error === undefined || error === null) resolve();
      else if (error instanceof LoginKitError) reject(error);
      else reject(new LoginKitError("ERR_STORE_UNAVAILABLE", { cause: error }));
    });
  });
}
