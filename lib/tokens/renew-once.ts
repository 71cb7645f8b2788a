/** Many ask for the same new token, in many processes: one gets it, all have it. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { LoginKitError } from "../base/errors.js";
import type { LoginStore } from "../stores/login-store.js";
import { createHeldLocks } from "./held-locks.js";

/**
 * How long a process whose lock has ended has to come back before another one
 * spends the refresh token; time in which the store answered counts.
 * Measured: one that lives is back within 3 s after an outage, as node-redis
 * waits up to 2.2 s between two attempts. A crash costs the others both spans.
 */
const RETURN_WITHIN_MS = 6000;

/** How often a process looks whether such a one is back. */
const LOOK_FOR_RETURN_EVERY_MS = 100;

/** No more than this counts between two such looks: the store may have been away meanwhile. */
const LONGEST_LOOK_MS = 500;

/**
 * How often a process looks whether another one is done.
 * Measured: a waiter learns it after 13 to 16 ms on average, at the price of
 * about 40 small reads a second for each login that is just being refreshed.
 */
const LOOK_EVERY_MS = 25;

/** What there is in the store. */
export interface Look<Value, Basis> {
  /** What is good already, if anything. */
  readonly ready: Value | undefined;
  /** What a renewal starts from otherwise. */
  readonly basis: Basis;
}

/** One renewal, by a caller that has looked and found nothing good. */
export interface Renewal<Value, Basis> {
  /** Names the lock, across processes. */
  readonly id: string;
  /** Names what is renewed: callers of this process that ask for the same share one renewal. */
  readonly shared: string;
  /** Looks again; always in the store. */
  readonly look: () => Promise<Look<Value, Basis>>;
  /** Gets something new, from what was found under the lock, and stores it. Runs while this process holds the lock. */
  readonly renew: (basis: Basis) => Promise<Value>;
  /** How long to wait while another process renews, in seconds; 0: fail at once. */
  readonly waitSeconds: number;
}

/** Gives what is good by now, or renews it once for everybody. */
export type RenewOnce = <Value, Basis>(
  renewal: Renewal<Value, Basis>,
) => Promise<Value>;

/** The renewals of this process. */
export interface Renewals {
  readonly renewOnce: RenewOnce;
  /** Refuses new renewals from now on; resolves when those under way are stored. Never rejects. */
  readonly finish: () => Promise<void>;
}

/** What {@link createRenewals} works with. */
export interface RenewalsDeps {
  readonly loginStore: LoginStore;
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
  random,
  onWait,
}: RenewalsDeps): Renewals {
  const renewals = new Map<string, Promise<unknown>>();
  const closing = new AbortController();
  const locks = createHeldLocks(loginStore, random, closing.signal);

  const takeOrWait = async <Value, Basis>({
    id,
    look,
    renew,
    waitSeconds,
  }: Renewal<Value, Basis>): Promise<Value> => {
    const owner = randomUUID();
    const isGone = watchForReturn();
    const giveUpAt = performance.now() + waitSeconds * 1000;
    let gone: string | undefined;
    for (let waits = 0; ; waits++) {
      if (closing.signal.aborted) throw unavailable(CLOSING);
      const outcome = await locks.take(id, owner, gone);
      if (outcome === "taken") {
        return locks.during(id, owner, async () => {
          // The holder before us may have finished between our look and our lock.
          const { ready, basis } = await look();
          return ready ?? renew(basis);
        });
      }
      if (outcome === "paused") {
        throw unavailable("the provider failed a moment ago");
      }
      const leftBy = outcome === "held" ? undefined : outcome.leftBy;
      gone = isGone(leftBy) ? leftBy : undefined;
      if (leftBy === undefined && performance.now() >= giveUpAt) {
        throw unavailable("another process is still waiting for the provider");
      }
      if (waits === 0) onWait();
      const pause =
        leftBy === undefined ? LOOK_EVERY_MS : LOOK_FOR_RETURN_EVERY_MS;
      await sleep(pause * (0.5 + random()));
      const { ready } = await look();
      if (ready !== undefined) return ready;
    }
  };

  return {
    renewOnce<Value, Basis>(renewal: Renewal<Value, Basis>): Promise<Value> {
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
      await locks.settled();
    },
  };
}

const CLOSING = "the application is closing";

/** Tells whether whoever left a lock has been away for long enough, as far as we have looked. */
function watchForReturn(): (leftBy: string | undefined) => boolean {
  let watched: string | undefined;
  let lookedAt = 0;
  let awayForMs = 0;
  return (leftBy) => {
    const time = performance.now();
    awayForMs =
      leftBy === watched
        ? awayForMs + Math.min(time - lookedAt, LONGEST_LOOK_MS)
        : 0;
    watched = leftBy;
    lookedAt = time;
    return leftBy !== undefined && awayForMs >= RETURN_WITHIN_MS;
  };
}

function unavailable(message: string): LoginKitError {
  return new LoginKitError("ERR_PROVIDER_UNAVAILABLE", { message });
}
