/** The store of one application: its logins and its sessions, over one driver. */
import { answeringInTime } from "./ask-store.js";
import type { StoreDriver } from "./driver.js";
import { createLoginStore, type LoginStore } from "./login-store.js";
import { createMemoryDriver } from "./memory/memory-driver.js";
import type { RedisClient } from "./redis/redis-command.js";
import { createRedisDriver } from "./redis/redis-driver.js";
import { createRedisSessions } from "./redis/redis-sessions.js";
import { createSealedBox } from "./sealed-box.js";
import {
  createSessionBackend,
  type SessionBackend,
} from "./session-backend.js";

/** What is kept, and where. */
export interface Store {
  readonly loginStore: LoginStore;
  readonly sessionBackend: SessionBackend;
}

/** What a store follows from. */
export interface StoreSettings {
  readonly redis: RedisClient | undefined;
  /** A driver that the application has brought. Undefined, and no Redis: this process keeps everything. */
  readonly driver?: StoreDriver | undefined;
  readonly keyPrefix: string;
  readonly secrets: readonly [string, ...string[]];
  /** How long a session lives after its last write, in seconds. */
  readonly sessionSeconds: number;
  /** How long the store may take for an answer, in seconds. */
  readonly timeoutSeconds: number;
}

/** Creates it. Contacts nothing. */
export function createStore(settings: StoreSettings, now: () => number): Store {
  const { redis, keyPrefix, sessionSeconds, timeoutSeconds } = settings;
  const sealedBox = createSealedBox(settings.secrets);
  const over = (
    driver: StoreDriver,
    sessionBackend: SessionBackend,
  ): Store => ({
    loginStore: createLoginStore(driver, sealedBox, keyPrefix),
    sessionBackend,
  });
  if (redis === undefined) {
    const driver =
      settings.driver === undefined
        ? createMemoryDriver(now)
        : answeringInTime(settings.driver, timeoutSeconds);
    return over(
      driver,
      createSessionBackend(driver, keyPrefix, sessionSeconds),
    );
  }
  return over(
    createRedisDriver(redis, timeoutSeconds),
    createRedisSessions(redis, keyPrefix, sessionSeconds, timeoutSeconds),
  );
}
