/** Stores as a kit makes them, for tests that ask a store itself. */
import { createStore, type Store } from "../../lib/stores/store.js";
import type { RedisClient } from "../../lib/stores/redis/redis-command.js";

/** What a test may want otherwise. */
interface StoreOptions {
  readonly secrets?: readonly [string, ...string[]];
  readonly tokensNeedCookie?: boolean;
  readonly keyPrefix?: string;
  readonly sessionSeconds?: number;
  readonly timeoutSeconds?: number;
}

/** The store in Redis, or the embedded one. */
export function storeIn(
  redis: RedisClient | undefined,
  {
    secrets = ["a session secret of thirty-two characters"],
    tokensNeedCookie = false,
    keyPrefix = "login-kit:",
    sessionSeconds = 3600,
    timeoutSeconds = 2,
  }: StoreOptions = {},
): Store {
  return createStore(
    {
      redis,
      secrets,
      tokensNeedCookie,
      keyPrefix,
      sessionSeconds,
      timeoutSeconds,
    },
    () => Date.now(),
  );
}
