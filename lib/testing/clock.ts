/** Moves the time of this process: for the application, the kit and the test provider alike. */

const RealDate = Date;
let aheadMilliseconds = 0;

/**
 * Lets time pass at once: `Date` is so far ahead from now on, and goes on from
 * there. Timers do not fire earlier, and Redis has a clock of its own.
 *
 * What an application, the kit and the test provider read is one clock, so they
 * have to run in this process. `resetClock` brings the real time back.
 *
 * @param seconds - may be negative
 */
export function advance(seconds: number): void {
  aheadMilliseconds += seconds * 1000;
  if (globalThis.Date === RealDate) globalThis.Date = dateAhead();
}

/** Brings the real time back. Call it after each test that moved it. */
export function resetClock(): void {
  aheadMilliseconds = 0;
  globalThis.Date = RealDate;
}

/** `Date` with another idea of now, and nothing else. */
function dateAhead(): DateConstructor {
  const now = (): number => RealDate.now() + aheadMilliseconds;
  function TestDate(...given: readonly unknown[]): Date | string {
    if ((new.target as unknown) === undefined)
      return new RealDate(now()).toString();
    const parts = given.length === 0 ? [now()] : given;
    return Reflect.construct(RealDate, parts, new.target) as Date;
  }
  // The same prototype: a date from before is an instance of it as well.
  TestDate.prototype = RealDate.prototype;
  const { parse, UTC } = RealDate;
  return Object.assign(TestDate, { now, parse, UTC }) as DateConstructor;
}
