/** Waits for what comes by itself. */
import { setTimeout as sleep } from "node:timers/promises";

/** Asks again until it holds; throws after so many milliseconds. Not Date: a test may have set the clock. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  milliseconds = 10_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > deadline) {
      throw new Error(`timed out until ${what}`);
    }
    await sleep(10);
  }
}
