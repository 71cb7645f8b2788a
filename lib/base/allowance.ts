/** How often something may be done: some times at once, and once more in a while. */

/** How often. */
export interface Rate {
  readonly atOnce: number;
  /** How long it takes until one more is allowed. */
  readonly everyMs: number;
}

/** What is left. */
export interface Allowance {
  readonly isEmpty: () => boolean;
  /** Takes one; false: there is none. */
  readonly take: () => boolean;
}

/** Creates a full one. */
export function createAllowance(
  { atOnce, everyMs }: Rate,
  now: () => number,
): Allowance {
  let left = atOnce;
  let filledAt = now();
  const isEmpty = (): boolean => {
    const earned = Math.floor((now() - filledAt) / everyMs);
    if (earned > 0) {
      left = Math.min(atOnce, left + earned);
      filledAt += earned * everyMs;
    }
    return left === 0;
  };
  return {
    isEmpty,
    take() {
      if (isEmpty()) return false;
      left -= 1;
      return true;
    },
  };
}
