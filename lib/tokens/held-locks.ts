/** Holds locks of the store while something is renewed, and hands them on in the right state. */
import { LoginKitError } from "../base/errors.js";
import { keepTrying } from "../stores/keep-trying.js";
import type { LockOutcome, LoginStore } from "../stores/login-store.js";

/** How long a lock outlives its holder's last sign of life. */
const LOCK_FOR_MS = 4000;

/** How long a lock that cannot be given back is tried to be. */
const GIVE_BACK_FOR_MS = 60_000;

/** How often a holder prolongs its lock. */
const KEEP_EVERY_MS = 1000;

/** First and longest pause after a failure of the provider. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/** Remembers the number of failures for at most this many logins. */
const MAX_REMEMBERED = 10_000;

/** The locks of this process. */
export interface HeldLocks {
  /** @param gone whose mark may be taken away */
  readonly take: (
    id: string,
    owner: string,
    gone: string | undefined,
  ) => Promise<LockOutcome>;
  /**
   * Does work while the lock is held, then gives the lock back. After a failure
   * of the provider nobody may take it for a while, which doubles every time.
   */
  readonly during: <Value>(
    id: string,
    owner: string,
    work: () => Promise<Value>,
  ) => Promise<Value>;
  /** Resolves when all are handed on. Never rejects. */
  readonly settled: () => Promise<void>;
}

/**
 * Creates them.
 *
 * @param stop aborted when the application is closing
 */
export function createHeldLocks(
  loginStore: LoginStore,
  random: () => number,
  stop: AbortSignal,
): HeldLocks {
  const failures = new Map<string, number>();
  const handedOn = new Set<Promise<void>>();

  /** Lets the others go on, also when the store does not answer just now. */
  const handOn = (change: () => Promise<void>): void => {
    const changed = keepTrying(change, { milliseconds: GIVE_BACK_FOR_MS, stop })
      // Not given back, it ends by itself.
      .catch(() => undefined)
      .finally(() => {
        handedOn.delete(changed);
      });
    handedOn.add(changed);
  };

  return {
    async take(id, owner, gone) {
      try {
        return await loginStore.takeLock(id, owner, LOCK_FOR_MS, gone);
      } catch (error) {
        // It may have been taken although no answer came.
        handOn(() => loginStore.releaseLock(id, owner));
        throw error;
      }
    },
    async during(id, owner, work) {
      const keeping = setInterval(() => {
        // While the store does not answer, the mark speaks for us.
        loginStore.keepLock(id, owner, LOCK_FOR_MS).catch(() => false);
      }, KEEP_EVERY_MS);
      let pause: number | undefined;
      try {
        const value = await work();
        failures.delete(id);
        return value;
      } catch (error) {
        if (isUnwell(error)) pause = nextPause(id, failures, random);
        else failures.delete(id);
        throw error;
      } finally {
        clearInterval(keeping);
        handOn(() =>
          pause === undefined
            ? loginStore.releaseLock(id, owner)
            : loginStore.pauseLock(id, owner, pause),
        );
      }
    },
    async settled() {
      await Promise.allSettled(handedOn);
    },
  };
}

function isUnwell(error: unknown): boolean {
  return (
    error instanceof LoginKitError &&
    (error.code === "ERR_PROVIDER_UNAVAILABLE" ||
      error.code === "ERR_TOKEN_RESPONSE_INVALID")
  );
}

/** Doubles with every failure, in milliseconds; the jitter keeps logins from asking together. */
function nextPause(
  id: string,
  failures: Map<string, number>,
  random: () => number,
): number {
  if (failures.size >= MAX_REMEMBERED) failures.clear();
  const before = failures.get(id) ?? 0;
  failures.set(id, before + 1);
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** before);
  return Math.round(pause * (0.5 + random() / 2));
}
