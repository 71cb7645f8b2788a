/** From a request to its login: find, start, end. */
import type { Request } from "express";
import type { Session } from "express-session";
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import type {
  LoginEndReason,
  LoginKitEmitter,
  LoginSubject,
} from "../events.js";
import type {
  Claims,
  Identity,
  LoginRecord,
  LoginStore,
  TokenSet,
} from "../login-store/login-store.js";
import { loginEnd } from "./login-lifetime.js";
import { loginIdOf, sessionIdOf } from "./session-id.js";
import type { SessionMark } from "./session-store.js";

/** A login that is alive at the time of the request. */
export interface LiveLogin {
  /** Safe to log. */
  readonly id: string;
  readonly record: LoginRecord;
  /** When it ends if it is not used again. Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What the handlers of `req.oidc` can do; see `Login`. */
export interface LoginActions {
  accessToken: (login: LiveLogin, resourceServer?: string) => Promise<string>;
  fetch: (
    login: LiveLogin,
    url: string | URL,
    init?: RequestInit,
  ) => Promise<Response>;
  userInfo: (login: LiveLogin) => Promise<Claims>;
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
   * @throws {LoginKitError} `ERR_NO_ACCESS_TOKEN`, `ERR_REFRESH_REJECTED`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_RESOURCE_NOT_ALLOWED`
   */
  accessToken: (resourceServer?: string) => Promise<string>;
  /**
   * `fetch` with the user's access token, to configured resource servers only. Redirects are not followed.
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
}

/** What finds, starts and ends logins. */
export interface CurrentLogin {
  /** The request's login, if it has a live one; notes that it was used unless told not to. */
  find: (
    req: Request,
    options?: { readonly extend: boolean },
  ) => Promise<LiveLogin | undefined>;
  /** Starts a login in a new session; the one before ends. */
  start: (
    req: Request,
    identity: Identity,
    tokens: TokenSet,
  ) => Promise<LiveLogin>;
  /** Ends the request's login and session. */
  end: (req: Request, reason: LoginEndReason) => Promise<void>;
  /** Ends a login unless its tokens have been replaced since this revision; whether it did. */
  endAt: (
    id: string,
    identity: Identity,
    reason: LoginEndReason,
    revision: number,
  ) => Promise<boolean>;
}

/** What {@link createCurrentLogin} works with. */
export interface CurrentLoginDeps {
  readonly config: Config;
  readonly loginStore: LoginStore;
  readonly events: LoginKitEmitter;
  readonly now: () => number;
}

/** Creates the functions that tie requests to logins. */
export function createCurrentLogin({
  config,
  loginStore,
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
  const told = (
    ended: boolean,
    id: string,
    identity: Identity,
    reason: LoginEndReason,
  ): boolean => {
    if (ended)
      events.emit("login.ended", { ...subjectOf(id, identity), reason });
    return ended;
  };
  const endById = async (
    id: string,
    identity: Identity,
    reason: LoginEndReason,
  ): Promise<void> => {
    told(await loginStore.endLogin(id), id, identity, reason);
  };

  const find: CurrentLogin["find"] = async (
    req,
    { extend } = { extend: true },
  ) => {
    const sessionId = sessionIdOf(req, config);
    if (sessionId === undefined) return undefined;
    const id = loginIdOf(sessionId);
    const record = await loginStore.readLogin(id);
    if (record === undefined || !belongsHere(record)) return undefined;
    const time = now();
    const login = live(id, record);
    if (login.expiresAt <= time) {
      await endById(id, record.identity, "expired");
      return undefined;
    }
    // One write in a tenth of the idle timeout at the most: reading is cheap.
    if (!extend || time - record.seenAt < idle / 10) return login;
    try {
      await loginStore.recordUse(id, time);
    } catch (error) {
      // A Redis that is full or read-only still told us that the login lives.
      // Unextended it ends on time; refusing it would end it now.
      if (!(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
      return login;
    }
    return live(id, { ...record, seenAt: time });
  };

  return {
    find,
    async start(req, identity, tokens) {
      const previous = await find(req, { extend: false });
      if (previous !== undefined) {
        await endById(previous.id, previous.record.identity, "replaced");
      }
      const kept = pick(sessionOf(req), config.carryOver);
      // A new id at login, so that nobody can plant one (session fixation).
      await regenerate(req);
      const id = loginIdOf(req.sessionID);
      const time = now();
      const record: LoginRecord = {
        identity,
        createdAt: time,
        seenAt: time,
        endsAt: time + config.session.absoluteTimeoutSeconds * 1000,
      };
      await loginStore.createLogin(id, record, tokens);
      const session = sessionOf(req);
      Object.assign(session, kept);
      session.loginKit = { loginId: id };
      try {
        // express-session would send the answer before, or in spite of, its save.
        await save(session);
      } catch (error) {
        await loginStore.endLogin(id).catch(() => false);
        throw error;
      }
      return live(id, record);
    },
    async end(req, reason) {
      const login = await find(req, { extend: false });
      if (login !== undefined) {
        await endById(login.id, login.record.identity, reason);
      }
      if ((req.session as unknown) !== undefined) {
        await destroy(sessionOf(req));
      }
    },
    async endAt(id, identity, reason, revision) {
      const ended = await loginStore.endLoginAt(id, revision);
      return told(ended, id, identity, reason);
    },
  };
}

/** How events name a login. */
export function subjectOf(id: string, { claims }: Identity): LoginSubject {
  return { loginId: id, issuer: claims.iss, subject: claims.sub };
}

/** `req.oidc` of a live login. */
export function toLogin(login: LiveLogin, actions: LoginActions): Login {
  const { identity } = login.record;
  return {
    id: login.id,
    claims: identity.claims,
    authenticatedAt:
      identity.authenticatedAt === undefined
        ? undefined
        : new Date(identity.authenticatedAt),
    startedAt: new Date(login.record.createdAt),
    expiresAt: new Date(login.expiresAt),
    accessToken: (resourceServer) => actions.accessToken(login, resourceServer),
    fetch: (url, init) => actions.fetch(login, url, init),
    userInfo: () => actions.userInfo(login),
  };
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
