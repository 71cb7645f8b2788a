/** The clock of express-login-kit/testing: Date is ahead, and nothing else of it changes. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { advance, resetClock } from "../../lib/testing/index.js";

const RealDate = globalThis.Date;

/** A clock that stands still. */
class FixedDate extends RealDate {
  static override now = (): number => 1000;
}

beforeEach(() => {
  globalThis.Date = FixedDate as DateConstructor;
});
afterEach(() => {
  resetClock();
  globalThis.Date = RealDate;
});

test("advance moves Date.now, new Date() and Date() alike, forward and back", () => {
  advance(5);
  expect(Date.now()).toBe(6000);
  expect(new Date().getTime()).toBe(6000);
  expect(Date()).toBe(new RealDate(6000).toString());
  advance(-1);
  expect(Date.now()).toBe(5000);
});

test("a date that is named is the date that is named", () => {
  advance(5);
  expect(new Date(0).toISOString()).toBe("1970-01-01T00:00:00.000Z");
  expect(new Date("2020-01-01").getUTCFullYear()).toBe(2020);
  expect(Date.UTC(1970, 0)).toBe(0);
  expect(Date.parse("1970-01-01")).toBe(0);
});

test("dates from before and after are instances of Date, whichever it is", () => {
  const before = new Date();
  advance(5);
  expect(before).toBeInstanceOf(Date);
  expect(new Date()).toBeInstanceOf(FixedDate);
});

test("resetClock brings back the Date that was there, and may come twice", () => {
  advance(5);
  resetClock();
  resetClock();
  expect(globalThis.Date).toBe(FixedDate);
});

test("a clock that a test has put in place meanwhile stays, and is moved by the next advance", () => {
  advance(5);
  globalThis.Date = RealDate;
  resetClock();
  expect(globalThis.Date).toBe(RealDate);
  globalThis.Date = FixedDate as DateConstructor;
  advance(7);
  expect(Date.now()).toBe(8000);
});
