/** Moves the time of this process: for the application, the kit and the test provider alike. */

/** `Date` as it was, and ours, which is ahead of it. */
interface MovedDate {
  readonly real: DateConstructor;
  readonly ours: DateConstructor;
  aheadMilliseconds: number;
}

let moved: MovedDate | undefined;

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
  movedDate().aheadMilliseconds += seconds * 1000;
}

/** Brings the real time back. Call it after each test that moved it. */
export function resetClock(): void {
  // Another clock that a test has put in place since is not ours to remove.
  if (globalThis.Date === moved?.ours) globalThis.Date = moved.real;
  moved = undefined;
}

function movedDate(): MovedDate {
  if (globalThis.Date === moved?.ours) return moved;
  moved = moving(globalThis.Date);
  globalThis.Date = moved.ours;
  return moved;
}

/** `Date` with another idea of now, and nothing else. */
function moving(real: DateConstructor): MovedDate {
  const now = (): number => real.now() + date.aheadMilliseconds;
  function TestDate(...given: readonly unknown[]): Date | string {
    if ((new.target as unknown) === undefined) {
      return new real(now()).toString();
    }
    const parts = given.length === 0 ? [now()] : given;
    return Reflect.construct(real, parts, new.target) as Date;
  }
  // The same prototype: a date from before is an instance of it as well.
  TestDate.prototype = real.prototype;
  const { parse, UTC } = real;
  const ours = Object.assign(TestDate, { now, parse, UTC }) as DateConstructor;
  const date: MovedDate = { real, ours, aheadMilliseconds: 0 };
  return date;
}
