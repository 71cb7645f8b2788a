/** Session blobs in Redis, through connect-redis. */
import { createRequire } from "node:module";
import type { SessionData } from "express-session";
import { ConfigError } from "../../base/errors.js";
import { parseSession, type SessionBackend } from "../session-backend.js";
import { askRedis, type RedisClient } from "./redis-command.js";

/**
 * Creates the place for them; every command has a deadline.
 *
 * @param lifetimeSeconds how long a session lives after its last write
 * @param timeoutSeconds how long a command may take
 */
export function createRedisSessions(
  client: RedisClient,
  keyPrefix: string,
  lifetimeSeconds: number,
  timeoutSeconds: number,
): SessionBackend {
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
      // Always, or a cookie that ends earlier would take the session with it.
      ttl: () => lifetimeSeconds,
      disableTouch: true,
      serializer: {
        // connect-redis hands null on, and express-session starts a new session.
        parse: (json) => parseSession(json) ?? (null as unknown as SessionData),
        stringify: JSON.stringify,
      },
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

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
