/** Waits for what comes by itself. */
import { setTimeout as sleep } from "node:timers/promises";

/** Asks again until it holds; throws after so many milliseconds of waiting. Not Date: a test may have set the clock. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  milliseconds = 12_000,
): Promise<void> {
  let left = milliseconds;
  for (;;) {
    const from = performance.now();
    if (await holds()) return;
    if (left <= 0) throw new Error(`timed out until ${what}`);
    await sleep(10);
    // While the machine stood still, nobody waited.
    left -= Math.min(performance.now() - from, 500);
  }
}

/** Tries again until it succeeds; rejects as the last attempt did after so many milliseconds of waiting. */
export async function untilItWorks(
  attempt: () => Promise<unknown>,
  milliseconds?: number,
): Promise<void> {
  let failure: unknown;
  const works = async (): Promise<boolean> => {
    try {
      await attempt();
      return true;
    } catch (error) {
      failure = error;
      return false;
    }
  };
  await until("it works", works, milliseconds).catch((error: unknown) => {
    throw failure ?? error;
  });
}
