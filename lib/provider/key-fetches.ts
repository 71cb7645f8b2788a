/** How often tokens that anybody may post make us fetch the provider's keys. */
import {
  createAllowance,
  type Allowance,
  type Rate,
} from "../base/allowance.js";
import { BoundedMap } from "../base/bounded-map.js";

/** When a token that was held off may be sent again, in seconds: something is allowed again by then. */
export const RETRY_KEYS_SECONDS = 15;

/** Whatever a token says. */
const ANYBODY: Rate = { atOnce: 4, everyMs: RETRY_KEYS_SECONDS * 1000 };

/** For tokens that would end the same live logins. */
const SAME_LOGINS: Rate = { atOnce: 1, everyMs: 60_000 };

/** For tokens that would end some live login. */
const LIVE_LOGINS: Rate = { atOnce: 8, everyMs: 5000 };

/** How many logins are remembered that keys were fetched for. */
const MAX_REMEMBERED = 1000;

/**
 * What is left of the allowances. The claims of a token whose key is unknown
 * may be invented, so they only decide which allowance it uses up: a stranger
 * has to know a live login's `sid` or `sub` to use up what is kept for it.
 */
export interface KeyFetches {
  /** Whether keys may be fetched for any token. */
  readonly takeForAnybody: () => boolean;
  /** Whether they may for a token that would end these live logins; undefined: none. */
  readonly takeFor: (logins: string | undefined) => boolean;
}

/** Creates full allowances. */
export function createKeyFetches(now: () => number): KeyFetches {
  const anybody = createAllowance(ANYBODY, now);
  const live = createAllowance(LIVE_LOGINS, now);
  const fetchedAt = new BoundedMap<Allowance>(MAX_REMEMBERED);
  return {
    takeForAnybody: () => anybody.take(),
    takeFor(logins) {
      if (logins === undefined) return false;
      const own = fetchedAt.get(logins) ?? createAllowance(SAME_LOGINS, now);
      if (own.isEmpty() || !live.take()) return false;
      fetchedAt.set(logins, own);
      return own.take();
    },
  };
}
