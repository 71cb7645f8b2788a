/** The session store behind express-session: guarded against late writes and silent servers. */
import { createRequire } from "node:module";
import { Store, type SessionData } from "express-session";
import type { Config } from "../config.js";
import { ConfigError } from "../errors.js";
import { expiringMap } from "../expiring-map.js";
import type { LoginStore } from "../login-store/login-store.js";
import { askRedis, type RedisClient } from "../login-store/redis-command.js";
import { loginEnd } from "./login-lifetime.js";
import { loginIdOf } from "./session-id.js";

/** Where session blobs are kept. Keys are login ids, so no key holds a session id. */
export interface SessionBackend {
  read: (key: string) => Promise<SessionData | undefined>;
  create: (key: string, session: SessionData) => Promise<void>;
  /** Writes only over what is still there. */
  update: (key: string, session: SessionData) => Promise<void>;
  remove: (key: string) => Promise<void>;
}

type Callback = (error: unknown) => void;

/** What the store works with. */
export interface SessionStoreDeps {
  readonly config: Config;
  readonly backend: SessionBackend;
  readonly loginStore: LoginStore;
  readonly now: () => number;
}

/**
 * What a session itself holds of its login: only what cannot change. It says
 * that there was one.
 */
export interface SessionMark {
  loginKit?: { readonly loginId: string };
}

/**
 * express-session's store with three additions.
 *
 * A session whose login is over is over as well: the next person at this
 * browser must not find what the last one left.
 *
 * A session that was loaded is written back only if it still exists: otherwise
 * a request that was running while the user signed out would bring it back.
 * Destroying a session ends its login.
 */
export class GuardedSessionStore extends Store {
  readonly #deps: SessionStoreDeps;
  readonly #existing = new WeakSet<object>();

  constructor(deps: SessionStoreDeps) {
    super();
    this.#deps = deps;
  }

  override get(
    sessionId: string,
    callback: (error: unknown, session?: SessionData) => void,
  ): void {
    answer<SessionData | undefined>(
      readLive(loginIdOf(sessionId), this.#deps),
      callback,
    );
  }

  override createSession(
    ...parameters: Parameters<Store["createSession"]>
  ): ReturnType<Store["createSession"]> {
    const session = super.createSession(...parameters);
    this.#existing.add(session);
    return session;
  }

  override set(
    sessionId: string,
    session: SessionData,
    callback: Callback = () => undefined,
  ): void {
    const key = loginIdOf(sessionId);
    const written = this.#existing.has(session)
      ? this.#deps.backend.update(key, session)
      : this.#deps.backend.create(key, session).then(() => {
          this.#existing.add(session);
        });
    answer(written, callback);
  }

  override destroy(
    sessionId: string,
    callback: Callback = () => undefined,
  ): void {
    const id = loginIdOf(sessionId);
    // The login first: what is left behind by a failure must not be the login.
    const { loginStore, backend } = this.#deps;
    const destroyed = loginStore.endLogin(id).then(() => backend.remove(id));
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

/** The session, unless it belongs to a login that has ended. */
async function readLive(
  key: string,
  { config, backend, loginStore, now }: SessionStoreDeps,
): Promise<SessionData | undefined> {
  const session: (SessionData & SessionMark) | undefined =
    await backend.read(key);
  if (session?.loginKit === undefined) return session;
  const record = await loginStore.readLogin(key);
  if (
    record?.identity.claims.iss === config.issuer &&
    loginEnd(record, config) > now()
  ) {
    return session;
  }
  await backend.remove(key);
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

/** Session blobs in this process, for development. */
export function createMemorySessionBackend(
  lifetimeSeconds: number,
  now: () => number,
): SessionBackend {
  const sessions = expiringMap<string>(now);
  const put = (key: string, session: SessionData): Promise<void> => {
    sessions.put(key, JSON.stringify(session), now() + lifetimeSeconds * 1000);
    return Promise.resolve();
  };
  return {
    read(key) {
      const json = sessions.get(key);
      return Promise.resolve(
        json === undefined ? undefined : (JSON.parse(json) as SessionData),
      );
    },
    create: put,
    update: (key, session) =>
      sessions.get(key) === undefined ? Promise.resolve() : put(key, session),
    remove(key) {
      sessions.take(key);
      return Promise.resolve();
    },
  };
}

/** What the Redis backend is built from. */
export interface RedisSessionBackendDeps {
  readonly client: RedisClient;
  readonly keyPrefix: string;
  /** How long a session blob lives after its last write, in seconds. */
  readonly lifetimeSeconds: number;
  /** How long a command may take, in seconds. */
  readonly timeoutSeconds: number;
}

/** Session blobs in Redis, through connect-redis; every command has a deadline. */
export function createRedisSessionBackend({
  client,
  keyPrefix,
  lifetimeSeconds,
  timeoutSeconds,
}: RedisSessionBackendDeps): SessionBackend {
  const ask = (command: () => Promise<unknown>): Promise<unknown> =>
    askRedis(command, timeoutSeconds);

  requireConnectRedis();
  // An optional peer: loaded by those who use Redis, when they first do.
  const connect = async (condition?: "XX") => {
    const { RedisStore } = await import("connect-redis");
    return new RedisStore({
      client: {
        get: (key: string) => ask(() => client.get(key)),
        set: (
          key: string,
          value: string,
          options: { expiration: { type: "EX"; value: number } },
        ) =>
          ask(() =>
            client.set(key, value, {
              ...options,
              ...(condition && { condition }),
            }),
          ),
        del: (keys: string[]) => ask(() => client.del(keys)),
      },
      prefix: `${keyPrefix}session:`,
      ttl: lifetimeSeconds,
      disableTouch: true,
      serializer: { parse: parseSession, stringify: JSON.stringify },
    });
  };
  const creating = once(() => connect());
  const updating = once(() => connect("XX"));

  return {
    async read(key) {
      return (await (await creating()).get(key)) as SessionData | undefined;
    },
    async create(key, session) {
      await (await creating()).set(key, session);
    },
    async update(key, session) {
      await (await updating()).set(key, session);
    },
    async remove(key) {
      await (await creating()).destroy(key);
    },
  };
}

/** Says at start what would otherwise fail at the first login. */
function requireConnectRedis(): void {
  try {
    createRequire(import.meta.url).resolve("connect-redis");
  } catch {
    throw new ConfigError([
      "redis: needs the package connect-redis beside it; run: npm install connect-redis@9",
    ]);
  }
}

/** A blob that is not a session is no session: it must not fail every request until it expires. */
function parseSession(json: string): SessionData {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = null;
  }
  const isSession =
    typeof value === "object" &&
    value !== null &&
    "cookie" in value &&
    typeof value.cookie === "object" &&
    value.cookie !== null;
  // connect-redis hands null on, and express-session starts a new session.
  return (isSession ? value : null) as SessionData;
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
