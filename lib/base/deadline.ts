/** Waits for an answer for a bounded time, and not less because we were busy or got no CPU. */

/** How late a timer may be before our own event loop is the suspect, in milliseconds. */
const LATE_MS = 20;

/** What an answer that already waits in the socket gets to be read, in milliseconds. */
const SECOND_CHANCE_MS = 50;

/**
 * The answer, or a rejection with `onTimeout()` after `milliseconds`.
 *
 * After a blocked event loop Node runs timers before it reads sockets, so a
 * deadline would strike although the answer has arrived. A timer that fires
 * late therefore gives a short second chance, and every timer one look.
 */
export function withinDeadline<Answer>(
  answer: Promise<Answer>,
  milliseconds: number,
  onTimeout: () => Error,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const due = performance.now() + milliseconds;
    const giveUp = (): void => {
      reject(onTimeout());
    };
    let timer = setTimeout(() => {
      const late = performance.now() - due;
      // Sockets are read between timers and immediates: one look at them at least.
      timer = setTimeout(
        () => setImmediate(giveUp),
        late < LATE_MS ? 0 : SECOND_CHANCE_MS,
      );
    }, milliseconds);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/** How often {@link withinOwnTime} counts, in milliseconds. */
const TICK_MS = 50;

/**
 * The answer, or a rejection with `onTimeout()` after `milliseconds` in which
 * this process got its turns.
 *
 * A process that is blocked, or hardly gets a CPU, cannot tell whether somebody
 * else is silent: a tick that comes late counts as one that came in time. For
 * watching others in the background; who answers a user has {@link withinDeadline}.
 */
export function withinOwnTime<Answer>(
  answer: Promise<Answer>,
  milliseconds: number,
  onTimeout: () => Error,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let ticksLeft = Math.ceil(milliseconds / TICK_MS);
    const timer = setInterval(() => {
      ticksLeft--;
      if (ticksLeft > 0) return;
      clearInterval(timer);
      // Sockets are read between timers and immediates: one look at them at least.
      setImmediate(() => {
        reject(onTimeout());
      });
    }, TICK_MS);
    answer
      .finally(() => {
        clearInterval(timer);
      })
      .then(resolve, reject);
  });
}
