/** Waits for what comes by itself. */
import { setTimeout as sleep } from "node:timers/promises";

/** Asks again until it holds; throws after so many milliseconds of waiting. Not Date: a test may have set the clock. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  milliseconds = 20_000,
): Promise<void> {
  let left = milliseconds;
  while (!(await holds())) {
    if (left <= 0) throw new Error(`timed out until ${what}`);
    const from = performance.now();
    await sleep(10);
    // While the machine stood still, nobody waited.
    left -= Math.min(performance.now() - from, 100);
  }
}
