/** Many ask for the same new token, in many processes: one gets it, all have it. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { LoginKitError } from "../base/errors.js";
import { keepTrying } from "../stores/keep-trying.js";
import type { LockOutcome, LoginStore } from "../stores/login-store.js";

/** How long a lock outlives its holder's last sign of life, in milliseconds. */
const LOCK_FOR = 4000;

/**
 * How long a process whose lock has ended has to come back before another one
 * spends the refresh token, in milliseconds in which the store answered.
 * Measured: one that lives is back within 3 s after an outage, as node-redis
 * waits up to 2.2 s between two attempts. A crash costs the others both spans.
 */
const RETURN_WITHIN = 6000;

/** How often a process looks whether such a one is back, in milliseconds. */
const LOOK_FOR_RETURN_EVERY = 100;

/** No more than this counts between two such looks: the store may have been away meanwhile. */
const LONGEST_LOOK = 500;

/** How long a lock that cannot be given back is tried to be, in milliseconds. */
const GIVE_BACK_FOR = 60_000;

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

/** The renewals of this process. */
export interface Renewals {
  readonly renewOnce: RenewOnce;
  /** Refuses new renewals from now on; resolves when those under way are stored. Never rejects. */
  readonly finish: () => Promise<void>;
}

/** What {@link createRenewals} works with. */
export interface RenewalsDeps {
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
 * `renewOnce` rejects with `ERR_PROVIDER_UNAVAILABLE` when another process is
 * still at it, when the provider failed a moment ago (then nobody asks until a
 * pause is over, which doubles with every failure), or when the application is
 * closing.
 */
export function createRenewals({
  loginStore,
  waitSeconds,
  random,
  onWait,
}: RenewalsDeps): Renewals {
  const failures = new Map<string, number>();
  const renewals = new Map<string, Promise<unknown>>();
  const handedOn = new Set<Promise<void>>();
  const closing = new AbortController();

  /** Lets the others go on, also when the store does not answer just now. */
  const handOn = (change: () => Promise<void>): void => {
    const changed = keepTrying(change, {
      milliseconds: GIVE_BACK_FOR,
      stop: closing.signal,
    })
      // Not given back, it ends by itself.
      .catch(() => undefined)
      .finally(() => {
        handedOn.delete(changed);
      });
    handedOn.add(changed);
  };

  /** Runs while we hold the lock, and hands it on in the right state. */
  const holding = async <Value>(
    { id, read, renew }: Renewal<Value>,
    owner: string,
  ): Promise<Value> => {
    const keeping = setInterval(() => {
      // While the store does not answer, the mark speaks for us.
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
      handOn(() =>
        pause === undefined
          ? loginStore.releaseLock(id, owner)
          : loginStore.pauseLock(id, owner, pause),
      );
    }
  };

  const takeLock = async (
    id: string,
    owner: string,
    gone: string | undefined,
  ): Promise<LockOutcome> => {
    try {
      return await loginStore.takeLock(id, owner, LOCK_FOR, gone);
    } catch (error) {
      // It may have been taken although no answer came.
      handOn(() => loginStore.releaseLock(id, owner));
      throw error;
    }
  };

  const takeOrWait = async <Value>(renewal: Renewal<Value>): Promise<Value> => {
    const owner = randomUUID();
    const isGone = watchForReturn();
    const giveUpAt = performance.now() + waitSeconds * 1000;
    let gone: string | undefined;
    for (let looks = 0; ; looks++) {
      const ready = await renewal.read();
      if (ready !== undefined) return ready;
      if (closing.signal.aborted) throw unavailable(CLOSING);
      const outcome = await takeLock(renewal.id, owner, gone);
      if (outcome === "taken") return holding(renewal, owner);
      if (outcome === "paused") {
        throw unavailable("the provider failed a moment ago");
      }
      const leftBy = outcome === "held" ? undefined : outcome.leftBy;
      gone = isGone(leftBy) ? leftBy : undefined;
      if (
        leftBy === undefined &&
        (!renewal.patient || performance.now() > giveUpAt)
      ) {
        throw unavailable("another process is still waiting for the provider");
      }
      if (looks === 0) onWait();
      const pause = leftBy === undefined ? LOOK_EVERY : LOOK_FOR_RETURN_EVERY;
      await sleep(pause * (0.5 + random()));
    }
  };

  return {
    renewOnce<Value>(renewal: Renewal<Value>): Promise<Value> {
      // The same name always stands for the same kind of value.
      const running = renewals.get(renewal.shared) as
        Promise<Value> | undefined;
      if (running !== undefined) return running;
      if (closing.signal.aborted) return Promise.reject(unavailable(CLOSING));
      const started = takeOrWait(renewal).finally(() => {
        renewals.delete(renewal.shared);
      });
      renewals.set(renewal.shared, started);
      // It goes on when the requests that wait for it have given up: a new
      // refresh token is the only one that counts, so it has to be stored.
      started.catch(() => undefined);
      return started;
    },
    async finish() {
      closing.abort();
      await Promise.allSettled(renewals.values());
      await Promise.allSettled(handedOn);
    },
  };
}

const CLOSING = "the application is closing";

/** Tells whether whoever left a lock has been away for long enough, as far as we have looked. */
function watchForReturn(): (leftBy: string | undefined) => boolean {
  let watched: string | undefined;
  let lookedAt = 0;
  let awayFor = 0;
  return (leftBy) => {
    const time = performance.now();
    awayFor =
      leftBy === watched
        ? awayFor + Math.min(time - lookedAt, LONGEST_LOOK)
        : 0;
    watched = leftBy;
    lookedAt = time;
    return leftBy !== undefined && awayFor >= RETURN_WITHIN;
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
