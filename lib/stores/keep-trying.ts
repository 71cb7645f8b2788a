/** Asks a store that does not answer again, for a bounded time. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

/** First and longest pause between two attempts, in milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 1000;

/** When to stop trying. */
export interface Patience {
  readonly milliseconds: number;
  /** Aborted: one last attempt. */
  readonly stop?: AbortSignal | undefined;
  /** Whether no attempt can succeed any more. Default: one always may. */
  readonly isHopeless?: () => boolean;
}

/**
 * The first answer, or the last failure.
 *
 * The pauses between attempts do not keep the process alive: `kit.close()` does
 * while it waits.
 */
export async function keepTrying<Answer>(
  command: () => Promise<Answer>,
  { milliseconds, stop, isHopeless = () => false }: Patience,
): Promise<Answer> {
  // In an outage as many wait as there are refreshes: that is no leak, and Node would warn of one.
  if (stop !== undefined) setMaxListeners(0, stop);
  const giveUpAt = performance.now() + milliseconds;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const isLast = stop?.aborted === true || performance.now() > giveUpAt;
    try {
      return await command();
    } catch (error) {
      if (isLast || isHopeless()) throw error;
    }
    const pausing = { ref: false, ...(stop && { signal: stop }) };
    await sleep(pause, undefined, pausing).catch(() => undefined);
  }
}
