/** The session store behind express-session: guarded against late writes and silent servers. */
import { Store, type SessionData } from "express-session";
import type { Ground } from "../config/ground.js";
import type { LoginRecord } from "../stores/login-store.js";
import type { LoginEnding } from "../logins/login-ending.js";
import { loginEnd } from "../logins/login-lifetime.js";
import { ownerOf } from "../logins/login-owner.js";
import type { SessionBackend } from "../stores/session-backend.js";
import { noteJustRead } from "../logins/just-read.js";
import { loginIdOf, noteSession } from "../logins/session-id.js";
import {
  bareSession,
  isBare,
  sessionCookie,
  type SessionMark,
} from "./bare-session.js";
import { persistCookie } from "./persistent-cookie.js";

type Callback = (error: unknown) => void;

/**
 * express-session's store with four additions.
 *
 * A session whose login is over is over as well: the next person at this
 * browser must not find what the last one left. A login without a stored session
 * has an empty one: it is stored when the application puts something into it.
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
  /** Sessions of live logins that were not stored when they were asked for. */
  readonly #unstored = new WeakSet<object>();
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
    if (unstored.has(data)) this.#unstored.add(session);
    else this.#existing.add(session);
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
    const { config } = this.#ground;
    const { persistSeconds } = config.session;
    // The end of a cookie that persists is made anew from the login's beginning.
    const text = JSON.stringify({
      ...session,
      ...(persistSeconds !== undefined && { cookie: undefined }),
    });
    // express-session writes a new session once more when the answer ends.
    if (this.#written.get(session) === text) return;
    const backend = this.#backend;
    if (this.#existing.has(session)) await backend.update(key, session);
    else if (isBare(key, session, config)) {
      noteSession(session);
      return;
    } else await this.#create(key, session);
    this.#existing.add(session);
    noteSession(session);
    this.#written.set(session, text);
  }

  async #create(key: string, session: SessionData): Promise<void> {
    await this.#backend.create(key, session);
    if (!this.#unstored.has(session)) return;
    // Its login may have ended since it was read. Whoever ends one ends the
    // login first and then removes the session: whichever is later sees the other.
    const record = await this.#ground.loginStore.readLogin(key);
    if (record === undefined) await this.#backend.remove(key);
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

/** Sessions that were made of a live login alone. */
const unstored = new WeakSet<SessionData>();

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
    session.cookie = sessionCookie(ground.config);
  }
  if (session !== undefined && session.loginKit === undefined) return session;
  const record = await ground.loginStore.readLogin(key);
  const { knownProviders, config, now } = ground;
  if (record !== undefined && loginEnd(record, config) > now()) {
    // A provider that only other processes know: its session stays for them.
    if ((await knownProviders.of(ownerOf(record.identity))) === undefined) {
      return undefined;
    }
    const live = session ?? bareSession(key, record, config);
    if (session === undefined) unstored.add(live);
    readWith.set(live, { id: key, record });
    return live;
  }
  if (session !== undefined) await backend.remove(key);
  return undefined;
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
