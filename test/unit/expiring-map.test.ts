/** expiringMap: entries end at their own time, and do not pile up. */
import { expect, test } from "@jest/globals";

import { expiringMap } from "../../lib/base/expiring-map.js";

const MINUTE = 60_000;

function mapAt(time: number) {
  const clock = { time };
  const map = expiringMap<string>(() => clock.time);
  return { clock, map };
}

test("an entry is there until its time", () => {
  const { clock, map } = mapAt(0);
  map.put("a", "value", 1000);
  clock.time = 999;
  expect(map.get("a")).toBe("value");
});

test("an entry is gone at its time", () => {
  const { clock, map } = mapAt(0);
  map.put("a", "value", 1000);
  clock.time = 1000;
  expect(map.get("a")).toBeUndefined();
  expect(map.take("a")).toBeUndefined();
});

test("an entry that is put again has the later time", () => {
  const { clock, map } = mapAt(0);
  map.put("a", "first", 1000);
  map.put("a", "second", 2000);
  clock.time = 1500;
  expect(map.get("a")).toBe("second");
});

test("an entry can be taken once", () => {
  const { map } = mapAt(0);
  map.put("a", "value", 1000);
  expect(map.take("a")).toBe("value");
  expect(map.take("a")).toBeUndefined();
  expect(map.get("a")).toBeUndefined();
});

test("reading an entry leaves it there", () => {
  const { map } = mapAt(0);
  map.put("a", "value", 1000);
  map.get("a");
  expect(map.get("a")).toBe("value");
});

test.each(["__proto__", "constructor", "toString", ""])(
  "%j is a key like any other",
  (key) => {
    const { map } = mapAt(0);
    expect(map.get(key)).toBeUndefined();
    map.put(key, "value", 1000);
    expect(map.take(key)).toBe("value");
  },
);

test("expired entries are swept out, so that memory does not grow for ever", () => {
  const { clock, map } = mapAt(0);
  map.put("old", "value", 1000);
  clock.time = MINUTE;
  map.put("new", "value", MINUTE + 1000);
  // Back in time, only what was swept out cannot be seen again.
  clock.time = 0;
  expect(map.get("old")).toBeUndefined();
  expect(map.get("new")).toBe("value");
});
