/** Where session blobs are kept: in this process, or in Redis through connect-redis. */
import { createRequire } from "node:module";
import type { SessionData } from "express-session";
import { ConfigError } from "../base/errors.js";
import { expiringMap } from "../base/expiring-map.js";
import { askRedis, type RedisClient } from "./redis/redis-command.js";

/** Where session blobs are kept. Keys are login ids, so no key holds a session id. */
export interface SessionBackend {
  read: (key: string) => Promise<SessionData | undefined>;
  create: (key: string, session: SessionData) => Promise<void>;
  /** Writes only over what is still there. */
  update: (key: string, session: SessionData) => Promise<void>;
  remove: (key: string) => Promise<void>;
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
