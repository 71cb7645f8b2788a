/** Makes a login of what the provider answered: it is live by the last step, or nothing of it stays. */
import type { Request } from "express";
import type { Session } from "express-session";
import type { Config } from "../config.js";
import { withinDeadline } from "../deadline.js";
import { LoginKitError } from "../errors.js";
import type { LoginKitEmitter, LoginSubject } from "../events.js";
import { keepTrying } from "../login-store/keep-trying.js";
import { groupName, groupsOf } from "../login-store/login-groups.js";
import type {
  Device,
  Identity,
  LoginRecord,
  LoginStore,
  TokenOrigin,
  TokenSet,
} from "../login-store/login-store.js";
import type { CurrentLogin, LiveLogin } from "./current-login.js";
import type { Finishing } from "./finishing.js";
import type { LoginEnding } from "./login-ending.js";
import { loginEnd } from "./login-lifetime.js";
import { keptFor } from "./session-data.js";
import { loginIdOf } from "./session-id.js";
import type { SessionMark } from "./session-store.js";
import type { UserLogins } from "./user-logins.js";

/** What the provider answered. */
export interface NewLogin {
  readonly issuer: string;
  readonly subject: string;
  readonly tokens: TokenSet;
  readonly origin: TokenOrigin;
  /** When the provider wants it to end at the latest; undefined: it does not say. */
  readonly endsAt: number | undefined;
  /** Who it is. May ask the provider. */
  readonly identify: () => Promise<Identity>;
}

/**
 * Signs the user in, in a new session; what this browser was signed in with
 * before ends afterwards. Whatever fails, nobody is signed in, the browser keeps
 * what it had, and the new tokens are revoked.
 *
 * @throws {LoginKitError} `ERR_LOGGED_OUT_MEANWHILE`, `ERR_STORE_UNAVAILABLE`, and what `identify` throws
 */
export type SignIn = (req: Request, login: NewLogin) => Promise<LiveLogin>;

/** What {@link createSignIn} works with. */
export interface SignInDeps {
  readonly config: Config;
  readonly loginStore: LoginStore;
  readonly currentLogin: CurrentLogin;
  readonly loginEnding: LoginEnding;
  readonly userLogins: UserLogins;
  readonly finishing: Finishing;
  /** Revokes tokens at the provider when there is time. */
  readonly revokeLater: (subject: LoginSubject, tokens: TokenSet) => void;
  readonly events: LoginKitEmitter;
  readonly now: () => number;
}

/** A session, and the id that its cookie names. */
interface IdentifiedSession {
  readonly sessionID: string;
  readonly session: Session & SessionMark;
}

/** Creates the function that ends `callback`. */
export function createSignIn({
  config,
  loginStore,
  currentLogin,
  loginEnding,
  userLogins,
  finishing,
  revokeLater,
  events,
  now,
}: SignInDeps): SignIn {
  const storeTimeout = config.storeTimeoutSeconds * 1000;

  const recordOf = (
    req: Request,
    identity: Identity,
    endsAt: number,
  ): LoginRecord => {
    const time = now();
    if (endsAt <= time) {
      // A login that is over when it begins would send the browser round and round.
      throw new LoginKitError("ERR_ID_TOKEN_INVALID", {
        message: `the ID Token was refused: its ${String(config.session.endClaim)} is in the past`,
      });
    }
    const absoluteEnd = time + config.session.absoluteTimeoutSeconds * 1000;
    return {
      identity,
      createdAt: time,
      seenAt: undefined,
      endsAt: Math.min(absoluteEnd, endsAt),
      device: config.session.recordDevice ? deviceOf(req) : undefined,
    };
  };

  /**
   * The steps in the store: first the login that nobody can use, last the one
   * that makes it live. Gives what this browser was signed in with, and how
   * many logins the user has.
   */
  const makeLive = async (
    req: Request,
    next: IdentifiedSession,
    record: LoginRecord,
    { tokens, origin }: NewLogin,
    overdue: AbortSignal,
  ): Promise<{ replaced: readonly LiveLogin[]; count: number }> => {
    const id = loginIdOf(next.sessionID);
    const [replaced, count] = await Promise.all([
      currentLogin.allOf(req),
      loginStore.createLogin(id, record, tokens),
    ]);
    overdue.throwIfAborted();
    const { session } = next;
    Object.assign(session, keptFor(record.identity, replaced, req, config));
    const [user] = groupsOf(record.identity);
    session.loginKit = { loginId: id, user: groupName(user) };
    // express-session would send the answer before, or in spite of, its save.
    await saved(session);
    const activate = (): Promise<boolean> => {
      overdue.throwIfAborted();
      return loginStore.activateLogin(id, record, origin);
    };
    // It may be asked again: a reply that was lost does not cost the login.
    const isLive = await keepTrying(activate, {
      milliseconds: storeTimeout,
      stop: overdue,
      isHopeless: () => overdue.aborted,
    });
    if (!isLive) throw new LoginKitError("ERR_LOGGED_OUT_MEANWHILE");
    return { replaced, count };
  };

  /**
   * Ends what a step that got no answer may have made. No browser has its
   * cookie, so it does not matter when.
   */
  const undo = (req: Request, { sessionID }: IdentifiedSession): void => {
    const id = loginIdOf(sessionID);
    const { sessionStore } = req;
    finishing
      .finish(async (persist) => {
        await persist(() => loginStore.endLogin(id));
        await persist(() => destroyed(sessionStore, sessionID));
      })
      .catch(() => undefined);
  };

  /** The new login is live, so nothing here fails it: what does not work goes on being tried. */
  const endBefore = async (
    req: Request,
    sessionID: string,
    replaced: readonly LiveLogin[],
    makeRoomFor: Identity | undefined,
  ): Promise<void> => {
    const { sessionStore } = req;
    const roomMade =
      makeRoomFor && userLogins.makeRoom(groupsOf(makeRoomFor)[0]);
    await Promise.all([
      ...replaced.map(({ id }) => loginEnding.end(id, "replaced")),
      roomMade,
    ]);
    await finishing.finish((persist) =>
      persist(() => destroyed(sessionStore, sessionID)),
    );
  };

  return async function signIn(req, login) {
    const { issuer, subject, tokens, identify, endsAt = Infinity } = login;
    const next = nextSession(req);
    const before = req.sessionID;
    const id = loginIdOf(next.sessionID);
    const named = { loginId: id, issuer, subject };
    const overdue = new AbortController();
    const begun = performance.now();
    let record: LoginRecord | undefined;
    let made: Awaited<ReturnType<typeof makeLive>>;
    try {
      record = recordOf(req, await identify(), endsAt);
      // All steps together take no longer than one of them may.
      made = await withinDeadline(
        makeLive(req, next, record, login, overdue.signal),
        storeTimeout,
        () => tookTooLong(config),
      );
    } catch (error) {
      overdue.abort();
      revokeLater(named, tokens);
      if (record !== undefined) undo(req, next);
      throw error;
    }
    // Only now may the answer set the cookie.
    Object.assign(req, next);
    events.emit("login.succeeded", { ...named, address: req.ip });
    const { replaced, count } = made;
    const isOneTooMany = count > config.session.maxLoginsPerUser;
    await withinDeadline(
      endBefore(
        req,
        before,
        replaced,
        isOneTooMany ? record.identity : undefined,
      ),
      Math.max(0, storeTimeout - (performance.now() - begun)),
      () => tookTooLong(config),
    ).catch((error: unknown) => {
      if (!(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
    });
    return { id, record, expiresAt: loginEnd(record, config) };
  };
}

/** A new id at login, so that nobody can plant one (session fixation). The request keeps the old one until it is live. */
function nextSession(req: Request): IdentifiedSession {
  const { sessionID, session } = req;
  req.sessionStore.generate(req);
  const next = { sessionID: req.sessionID, session: req.session };
  Object.assign(req, { sessionID, session });
  return next;
}

/** Longest user agent that is kept, in characters. */
const MAX_USER_AGENT = 256;

function deviceOf(req: Request): Device {
  return {
    userAgent: req.get("User-Agent")?.slice(0, MAX_USER_AGENT),
    address: req.ip,
  };
}

function tookTooLong({ storeTimeoutSeconds }: Config): LoginKitError {
  return new LoginKitError("ERR_STORE_UNAVAILABLE", {
    message: `the sign-in was not stored within ${String(storeTimeoutSeconds)} s`,
  });
}

function saved(session: Session): Promise<void> {
  return settled((done) => session.save(done));
}

function destroyed(store: Request["sessionStore"], id: string): Promise<void> {
  return settled((done) => {
    store.destroy(id, done);
  });
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
