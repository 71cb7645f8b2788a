/** The session store behind express-session: guarded against late writes and silent servers. */
import { Cookie, Store, type SessionData } from "express-session";
import type { Ground } from "../config/ground.js";
import { groupName, groupsOf } from "../stores/login-groups.js";
import type { LoginRecord } from "../stores/login-store.js";
import type { LoginEnding } from "../logins/login-ending.js";
import { loginEnd } from "../logins/login-lifetime.js";
import { ownerOf } from "../logins/login-owner.js";
import type { SessionBackend } from "../stores/session-backend.js";
import { noteJustRead } from "../logins/just-read.js";
import { loginIdOf, noteSession } from "../logins/session-id.js";
import { persistCookie } from "./persistent-cookie.js";

type Callback = (error: unknown) => void;

/**
 * What a session itself holds of its login: only what cannot change. It says
 * that there was one, and whose: `user` names a user without telling who that is.
 */
export interface SessionMark {
  loginKit?: { readonly loginId: string; readonly user?: string };
}

/**
 * express-session's store with four additions.
 *
 * A session whose login is over is over as well: the next person at this
 * browser must not find what the last one left. One that is lost while its
 * login lives is an empty one, and the user stays signed in.
 *
 * A session that was loaded is written back only if it still exists: otherwise
 * a request that was running while the user signed out would bring it back.
 * Destroying a session ends its login.
 */
export class GuardedSessionStore extends Store {
  readonly #ground: Ground;
  readonly #loginEnding: LoginEnding;
  readonly #backend: SessionBackend;
  readonly #existing = new WeakSet<object>();
  /** What was written of a session last. */
  readonly #written = new WeakMap<object, string>();

  constructor(
    ground: Ground,
    loginEnding: LoginEnding,
    backend: SessionBackend,
  ) {
    super();
    this.#ground = ground;
    this.#loginEnding = loginEnding;
    this.#backend = backend;
  }

  override get(
    sessionId: string,
    callback: (error: unknown, session?: SessionData) => void,
  ): void {
    answer<SessionData | undefined>(
      readLive(loginIdOf(sessionId), this.#ground, this.#backend),
      callback,
    );
  }

  override createSession(
    ...parameters: Parameters<Store["createSession"]>
  ): ReturnType<Store["createSession"]> {
    const [req, data] = parameters;
    const session = super.createSession(...parameters);
    noteSession(session);
    if (!lost.has(data)) this.#existing.add(session);
    const login = readWith.get(data);
    if (login !== undefined) {
      const { config, now } = this.#ground;
      persistCookie(session, login.record.createdAt, now(), config);
      noteJustRead(req, login);
    }
    return session;
  }

  override set(
    sessionId: string,
    session: SessionData,
    callback: Callback = () => undefined,
  ): void {
    answer(this.#write(loginIdOf(sessionId), session), callback);
  }

  async #write(key: string, session: SessionData): Promise<void> {
    const { persistSeconds } = this.#ground.config.session;
    // The end of a cookie that persists is made anew from the login's beginning.
    const text = JSON.stringify({
      ...session,
      ...(persistSeconds !== undefined && { cookie: undefined }),
    });
    // express-session writes a new session once more when the answer ends.
    if (this.#written.get(session) === text) return;
    const backend = this.#backend;
    if (this.#existing.has(session)) await backend.update(key, session);
    else await backend.create(key, session);
    this.#existing.add(session);
    noteSession(session);
    this.#written.set(session, text);
  }

  override destroy(
    sessionId: string,
    callback: Callback = () => undefined,
  ): void {
    const id = loginIdOf(sessionId);
    // The login first: what is left behind by a failure must not be the login.
    const destroyed = this.#loginEnding
      .end(id, "logout")
      .then(() => this.#backend.remove(id));
    answer(destroyed, callback);
  }

  /** Nothing to do: timeouts come from the login record, not from Redis. */
  override touch(
    _sessionId: string,
    _session: SessionData,
    callback: () => void = () => undefined,
  ): void {
    callback();
  }
}

function isUsable(cookie: unknown): boolean {
  if (typeof cookie !== "object" || cookie === null) return false;
  const { originalMaxAge, maxAge, expires } = cookie as Record<string, unknown>;
  return (
    isTime(maxAge) &&
    isTime(originalMaxAge) &&
    (expires == null || !Number.isNaN(new Date(expires as Date).getTime()))
  );
}

function isTime(value: unknown): boolean {
  return value == null || typeof value === "number";
}

/** Sessions that were given out in place of lost ones. */
const lost = new WeakSet<SessionData>();

/** The logins that sessions were read with. */
const readWith = new WeakMap<
  SessionData,
  { readonly id: string; readonly record: LoginRecord }
>();

/** The session, unless it belongs to a login that has ended. */
async function readLive(
  key: string,
  ground: Ground,
  backend: SessionBackend,
): Promise<SessionData | undefined> {
  const session: (SessionData & SessionMark) | undefined =
    (await backend.read(key)) ?? undefined;
  if (session && !isUsable(session.cookie)) {
    // Damaged; what a session's cookie is follows from the options anyway.
    session.cookie = new Cookie();
  }
  if (session !== undefined && session.loginKit === undefined) return session;
  const record = await ground.loginStore.readLogin(key);
  const { knownProviders, config, now } = ground;
  if (record !== undefined && loginEnd(record, config) > now()) {
    // A provider that only other processes know: its session stays for them.
    if ((await knownProviders.of(ownerOf(record.identity))) === undefined) {
      return undefined;
    }
    const live = session ?? emptySession(key, record);
    readWith.set(live, { id: key, record });
    return live;
  }
  if (session !== undefined) await backend.remove(key);
  return undefined;
}

/** Marked as its login's: what is put into it does not outlive the login either. */
function emptySession(
  loginId: string,
  { identity }: LoginRecord,
): SessionData & SessionMark {
  const [user] = groupsOf(identity);
  const loginKit = { loginId, user: groupName(user) };
  const session = { cookie: new Cookie(), loginKit };
  lost.add(session);
  return session;
}

/** Calls back outside the promise, so that an error in the callback stays its own. */
function answer<Value>(
  promise: Promise<Value>,
  callback: (error: unknown, value?: Value) => void,
): void {
  promise.then(
    (value) => {
      process.nextTick(callback, null, value);
    },
    (error: unknown) => {
      process.nextTick(callback, error);
    },
  );
}
