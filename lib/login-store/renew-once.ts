/** Many ask for the same new token, in many processes: one gets it, all have it. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { LoginKitError } from "../errors.js";
import type { LoginStore } from "./login-store.js";

/** How long a lock outlives its holder, in milliseconds. A crash costs the others so long. */
const LOCK_FOR = 4000;

/** How often a holder prolongs its lock, in milliseconds. */
const KEEP_EVERY = 1000;

/**
 * How often a process looks whether another one is done, in milliseconds.
 * Measured: a waiter learns it after 13 to 16 ms on average, at the price of
 * about 40 small reads a second for each login that is just being refreshed.
 */
const LOOK_EVERY = 25;

/** First and longest pause after a failure of the provider, in milliseconds. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/** For so many logins at the most the number of failures is remembered. */
const MAX_REMEMBERED = 10_000;

/** One renewal. */
export interface Renewal<Value> {
  /** Names the lock, across processes. */
  readonly id: string;
  /** Names what is renewed: callers of this process that ask for the same share one renewal. */
  readonly shared: string;
  /** What is good already, if anything; always from the store. */
  readonly read: () => Promise<Value | undefined>;
  /** Gets something new and stores it. Runs while this process holds the lock. */
  readonly renew: () => Promise<Value>;
  /** Whether to wait while another process renews, or to fail at once. */
  readonly patient: boolean;
}

/** Gives what is good already, or renews it once for everybody. */
export type RenewOnce = <Value>(renewal: Renewal<Value>) => Promise<Value>;

/** What {@link createRenewOnce} works with. */
export interface RenewOnceDeps {
  readonly loginStore: LoginStore;
  /** How long a patient caller waits for another process, in seconds. */
  readonly waitSeconds: number;
  readonly random: () => number;
  /** Told about every wait for another process. */
  readonly onWait: () => void;
}

/**
 * Renews through a lock in the store.
 *
 * The returned function rejects with `ERR_PROVIDER_UNAVAILABLE` when another
 * process is still at it, or when the provider failed a moment ago: then
 * nobody asks until a pause is over, which doubles with every failure.
 */
export function createRenewOnce({
  loginStore,
  waitSeconds,
  random,
  onWait,
}: RenewOnceDeps): RenewOnce {
  const failures = new Map<string, number>();
  const renewals = new Map<string, Promise<unknown>>();

  /** Runs while we hold the lock, and hands it on in the right state. */
  const holding = async <Value>(
    { id, read, renew }: Renewal<Value>,
    owner: string,
  ): Promise<Value> => {
    const keeping = setInterval(() => {
      // A store that does not answer lets the lock end; correctness does not
      // depend on it.
      loginStore.keepLock(id, owner, LOCK_FOR).catch(() => false);
    }, KEEP_EVERY);
    let pause: number | undefined;
    try {
      // The holder before us may have finished between our look and our lock.
      const value = (await read()) ?? (await renew());
      failures.delete(id);
      return value;
    } catch (error) {
      if (isUnwell(error)) pause = nextPause(id, failures, random);
      else failures.delete(id);
      throw error;
    } finally {
      clearInterval(keeping);
      const handOn =
        pause === undefined
          ? loginStore.releaseLock(id, owner)
          : loginStore.pauseLock(id, owner, pause);
      // Not given back, it ends by itself.
      await handOn.catch(() => undefined);
    }
  };

  const takeOrWait = async <Value>(renewal: Renewal<Value>): Promise<Value> => {
    const owner = randomUUID();
    const giveUpAt = performance.now() + waitSeconds * 1000;
    for (let looks = 0; ; looks++) {
      const ready = await renewal.read();
      if (ready !== undefined) return ready;
      const outcome = await loginStore.takeLock(renewal.id, owner, LOCK_FOR);
      if (outcome === "taken") return holding(renewal, owner);
      if (outcome === "paused") {
        throw unavailable("the provider failed a moment ago");
      }
      if (!renewal.patient || performance.now() > giveUpAt) {
        throw unavailable("another process is still waiting for the provider");
      }
      if (looks === 0) onWait();
      await sleep(LOOK_EVERY * (0.5 + random()));
    }
  };

  return function renewOnce<Value>(renewal: Renewal<Value>): Promise<Value> {
    // The same name always stands for the same kind of value.
    const running = renewals.get(renewal.shared) as Promise<Value> | undefined;
    if (running !== undefined) return running;
    const started = takeOrWait(renewal).finally(() => {
      renewals.delete(renewal.shared);
    });
    renewals.set(renewal.shared, started);
    // It goes on when the requests that wait for it have given up: a new
    // refresh token is the only one that counts, so it has to be stored.
    started.catch(() => undefined);
    return started;
  };
}

function isUnwell(error: unknown): boolean {
  return (
    error instanceof LoginKitError &&
    (error.code === "ERR_PROVIDER_UNAVAILABLE" ||
      error.code === "ERR_TOKEN_RESPONSE_INVALID")
  );
}

/** Doubles with every failure; the jitter keeps logins from asking together. */
function nextPause(
  id: string,
  failures: Map<string, number>,
  random: () => number,
): number {
  if (failures.size >= MAX_REMEMBERED) failures.clear();
  const before = failures.get(id) ?? 0;
  failures.set(id, before + 1);
  const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** before);
  return Math.round(pause * (0.5 + random() / 2));
}

function unavailable(message: string): LoginKitError {
  return new LoginKitError("ERR_PROVIDER_UNAVAILABLE", { message });
}
