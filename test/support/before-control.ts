/** A bound in time that holds on a machine that stands still. */
import { setTimeout as sleep } from "node:timers/promises";

/** The control looks at the time so often, in milliseconds, and a look later than the limit counts as one at the limit. */
const LOOK_EVERY = 50;
const LONGEST_LOOK = 200;

/**
 * What `work` resolves to, if that comes before a control: a clock of this
 * process that was started in the same moment, and stands still while the
 * process does.
 *
 * Throws when the control has gone for so many milliseconds. Let that be many
 * times what the work may take.
 */
export async function beforeControl<Result>(
  milliseconds: number,
  work: Promise<Result>,
): Promise<Result> {
  const done = new AbortController();
  try {
    return await Promise.race([work, control(milliseconds, done.signal)]);
  } finally {
    done.abort();
  }
}

async function control(
  milliseconds: number,
  done: AbortSignal,
): Promise<never> {
  let left = milliseconds;
  while (left > 0) {
    const from = performance.now();
    await sleep(LOOK_EVERY, undefined, { signal: done });
    left -= Math.min(performance.now() - from, LONGEST_LOOK);
  }
  throw new Error(`a control of ${milliseconds} ms came first`);
}
