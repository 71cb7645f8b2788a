/** Waits for an answer no longer than a signal says. */

/**
 * What `begin` resolves with, or a rejection with the signal's reason: also
 * where what was begun does not look at the signal.
 */
export async function unlessAborted<Result>(
  over: AbortSignal,
  begin: () => Promise<Result>,
): Promise<Result> {
  over.throwIfAborted();
  let stopWaiting = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stopWaiting = () => {
      reject(over.reason as Error);
    };
    over.addEventListener("abort", stopWaiting, { once: true });
  });
  try {
    return await Promise.race([aborted, begin()]);
  } finally {
    over.removeEventListener("abort", stopWaiting);
  }
}
