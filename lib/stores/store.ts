/** The store of one application: its logins and its sessions, over one driver. */
import type { Watch } from "../base/watch.js";
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
import { watchedDriver, watchedSessions } from "./watched-store.js";

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
  /** Whether tokens open with the cookie of their browser only. */
  readonly tokensNeedCookie: boolean;
  /** How long a session lives after its last write, in seconds. */
  readonly sessionSeconds: number;
  /** How long the store may take for an answer, in seconds. */
  readonly timeoutSeconds: number;
  /** Makes what watches the answers of a store, by what it is. Absent: nobody does. */
  readonly watch?: ((system: string) => Watch) | undefined;
}

/** Creates it. Contacts nothing. */
export function createStore(settings: StoreSettings, now: () => number): Store {
  const { redis, keyPrefix, sessionSeconds, timeoutSeconds } = settings;
  const sealedBox = createSealedBox(settings.secrets);
  const watch = settings.watch?.(systemOf(settings));
  const driver = watched(driverOf(settings, now), watch, watchedDriver);
  return {
    loginStore: createLoginStore(
      driver,
      sealedBox,
      keyPrefix,
      settings.tokensNeedCookie,
    ),
    sessionBackend:
      redis === undefined
        ? createSessionBackend(driver, keyPrefix, sessionSeconds)
        : watched(
            createRedisSessions(
              redis,
              keyPrefix,
              sessionSeconds,
              timeoutSeconds,
            ),
            watch,
            watchedSessions,
          ),
  };
}

function driverOf(
  { redis, driver, timeoutSeconds }: StoreSettings,
  now: () => number,
): StoreDriver {
  if (redis !== undefined) return createRedisDriver(redis, timeoutSeconds);
  return driver === undefined
    ? createMemoryDriver(now)
    : answeringInTime(driver, timeoutSeconds);
}

/** Its name in metrics: `db.system.name` where the semantic conventions have one. */
function systemOf({ redis, driver }: StoreSettings): string {
  if (redis !== undefined) return "redis";
  return driver === undefined ? "embedded" : "own";
}

/** Where nobody watches, what is there is not wrapped. */
function watched<Part>(
  part: Part,
  watch: Watch | undefined,
  watchedPart: (part: Part, watch: Watch) => Part,
): Part {
  return watch === undefined ? part : watchedPart(part, watch);
}
