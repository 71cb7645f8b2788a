/** What of a value JSON would change or drop is told by name. */
import vm from "node:vm";

import { describe, expect, test } from "@jest/globals";

import { jsonFault } from "../../lib/base/plain-json.js";

const cyclic: Record<string, unknown> = {};
cyclic["self"] = { again: cyclic };

const deep = (levels: number): unknown =>
  levels === 0 ? 1 : { a: deep(levels - 1) };

const gap: unknown[] = [];
gap[1] = 1;

class Money {
  readonly amount = 1;
}

describe("plain JSON has no fault", () => {
  test.each<[string, unknown]>([
    [
      "texts, numbers, truth values and null",
      { a: "", b: -1.5, c: true, d: null },
    ],
    ["lists and objects in each other", { a: [[], {}, [{ b: [1] }]] }],
    [
      "an object without a prototype",
      Object.assign(Object.create(null) as object, { a: 1 }),
    ],
    [
      "an object of another realm",
      vm.runInNewContext("({ a: [1, { b: 2 }] })"),
    ],
    ["a member that is called __proto__", JSON.parse('{"__proto__":{"a":1}}')],
    ["16 levels", deep(16)],
    ["the same object twice", [cyclic["none"] ?? 1, 1]],
  ])("%s", (_what, value) => {
    expect(jsonFault(value, "data")).toBe(undefined);
    expect(JSON.parse(JSON.stringify(value))).toEqual(value);
  });
});

describe("a fault names where it is", () => {
  test.each<[string, unknown, string]>([
    ["undefined", { a: { b: undefined } }, "data.a.b is undefined"],
    ["a function", { a: () => 1 }, "data.a is a function"],
    ["a symbol", { a: Symbol("s") }, "data.a is a symbol"],
    ["a big integer", { a: 1n }, "data.a is a bigint"],
    ["NaN", { a: [0, NaN] }, "data.a.1 is NaN"],
    ["infinity", { a: Infinity }, "data.a is Infinity"],
    ["-0", { a: -0 }, "data.a is -0"],
    [
      "a date",
      { createdAt: new Date(0) },
      "data.createdAt is of the class Date",
    ],
    ["a map", { a: new Map() }, "data.a is of the class Map"],
    ["an instance", { a: new Money() }, "data.a is of the class Money"],
    ["a buffer", { a: Buffer.from("") }, "data.a is of the class Buffer"],
    ["a list with a gap", { a: gap }, "data.a is a list with gaps or names"],
    [
      "a list with a name",
      { a: Object.assign([1], { b: 1 }) },
      "data.a is a list with gaps or names",
    ],
    ["a symbol as a name", { [Symbol("s")]: 1 }, "data.Symbol(s) is hidden"],
    [
      "a hidden member",
      Object.defineProperty({}, "a", { value: 1 }),
      "data.a is hidden",
    ],
    ["toJSON", { toJSON: () => 1 }, "data.toJSON is a function"],
    ["17 levels", { a: deep(17) }, "levels deep"],
    ["an object that contains itself", cyclic, "contains itself"],
    [
      "a text as an object",
      { a: Object("text") as unknown },
      "data.a is of the class String",
    ],
  ])("%s", (_what, value, fault) => {
    expect(jsonFault(value, "data")).toContain(fault);
  });
});
