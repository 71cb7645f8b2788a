/** Turns of the event loop that take long, as in a process that is busy or hardly gets a processor. */
import { setTimeout as sleep } from "node:timers/promises";

/** Holds the process up. */
export function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** So many turns that take so long, in milliseconds; `inEach` begins each. */
export async function blockedTurns(
  turns: number,
  milliseconds: number,
  inEach: () => void = () => undefined,
): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    inEach();
    block(milliseconds);
    await sleep(1);
  }
}
