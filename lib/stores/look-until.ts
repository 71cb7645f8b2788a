/** Looks again and again for what somebody else is about to do. */
import { setTimeout as sleep } from "node:timers/promises";

/** How long and how often to look, in milliseconds. */
export interface Pace {
  /** How long to go on. */
  readonly withinMs: number;
  /** The first pause; each further one is twice as long. */
  readonly firstMs: number;
  /** The longest pause. */
  readonly mostMs: number;
}

/**
 * Looks at once, then after each pause, until it sees what it waits for or the
 * time is up.
 *
 * @returns what it saw last
 */
export async function lookUntil<Seen>(
  look: () => Promise<Seen>,
  isThere: (seen: Seen) => boolean,
  { withinMs, firstMs, mostMs }: Pace,
): Promise<Seen> {
  const giveUpAt = performance.now() + withinMs;
  let seen = await look();
  let pause = firstMs;
  while (!isThere(seen) && performance.now() < giveUpAt) {
    await sleep(pause);
    pause = Math.min(pause * 2, mostMs);
    seen = await look();
  }
  return seen;
}
