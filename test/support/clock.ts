/** A clock that tests move; sockets and timers go on as they are. */
import { jest } from "@jest/globals";

/** Takes over `Date` and nothing else; `releaseClock` in `afterEach`. */
export function takeClock(): void {
  jest.useFakeTimers({
    doNotFake: [
      "clearImmediate",
      "clearInterval",
      "clearTimeout",
      "hrtime",
      "nextTick",
      "performance",
      "queueMicrotask",
      "setImmediate",
      "setInterval",
      "setTimeout",
    ],
  });
}

/** Gives `Date` back. */
export function releaseClock(): void {
  jest.useRealTimers();
}

/** Moves `Date`, for application and provider alike. Negative: back. */
export function passSeconds(seconds: number): void {
  jest.setSystemTime(Date.now() + seconds * 1000);
}
