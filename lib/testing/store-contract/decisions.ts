/** The rules of the store contract for decisions: compare, and set. */
import assert from "node:assert/strict";
import type { Case } from "../../stores/driver.js";
import { always, newKey, put, textsOf, toTexts, type Rule } from "./rule.js";

/** How many come at the same time. */
const MANY = 20;

/** Cases of which one is applied, or none. */
export const decisionCases: readonly Rule[] = [
  {
    title: "a decision: the first case that holds is applied, and no other",
    async holds(driver) {
      const key = newKey();
      await always(driver, put(key, { a: "1" }));
      const is = (value: string, b: string): Case => ({
        when: [{ key, field: "a", isOneOf: [value] }],
        then: [put(key, { b })],
      });
      const cases = [is("0", "zeroth"), is("1", "first"), is("1", "second")];
      assert.equal((await driver.decide(cases)).index, 1);
      assert.deepEqual(await textsOf(driver, key, "b"), ["first"]);
    },
  },
  {
    title:
      "a decision: where no case holds nothing is changed, and its index is -1",
    async holds(driver) {
      const key = newKey();
      await always(driver, put(key, { a: "1" }));
      const decision = await driver.decide([
        {
          when: [{ key, field: "a", isOneOf: ["2", "", undefined] }],
          then: [{ delete: key }],
          want: [{ key, field: "a" }],
        },
      ]);
      assert.deepEqual(decision, { index: -1, fields: [] });
      assert.deepEqual(await textsOf(driver, key, "a"), ["1"]);
    },
  },
  {
    title:
      "a decision: a field may be asked to be absent, which an empty one is not",
    async holds(driver) {
      const [none, empty] = [newKey(), newKey()];
      await always(driver, put(empty, { a: "" }));
      const isAbsent = (key: string): Promise<{ readonly index: number }> =>
        driver.decide([
          { when: [{ key, field: "a", isOneOf: [undefined] }], then: [] },
        ]);
      assert.equal((await isAbsent(none)).index, 0);
      assert.equal((await isAbsent(empty)).index, -1);
    },
  },
  {
    title:
      "a decision: all conditions of a case have to hold, whatever records they ask",
    async holds(driver) {
      const key = newKey();
      const other = `${key}:other`;
      await always(driver, put(key, { a: "1" }), put(other, { b: "2" }));
      const both = (b: string): Case => ({
        when: [
          { key, field: "a", isOneOf: ["1"] },
          { key: other, field: "b", isOneOf: [b] },
        ],
        then: [],
      });
      assert.equal((await driver.decide([both("3"), both("2")])).index, 1);
    },
  },
  {
    title:
      "a decision: fields that are wanted are told as they were before the steps",
    async holds(driver) {
      const key = newKey();
      const other = `${key}:other`;
      await always(driver, put(key, { a: "1" }), put(other, { b: "2" }));
      const { fields } = await driver.decide([
        {
          when: [],
          then: [put(other, { b: "3" }), { delete: key }],
          want: [
            { key: other, field: "b" },
            { key, field: "a" },
            { key, field: "none" },
          ],
        },
      ]);
      assert.deepEqual(toTexts(fields), ["2", "1", undefined]);
      assert.deepEqual(await textsOf(driver, other, "b"), ["3"]);
    },
  },
  {
    title:
      "a decision: of many at the same time, in whatever process, one finds it as it was",
    async holds(driver, elsewhere) {
      const key = newKey();
      await always(driver, put(key, { revision: "1" }));
      const decisions = await Promise.all(
        Array.from({ length: MANY }, (_, index) =>
          (index % 2 === 0 ? driver : elsewhere).decide([
            {
              when: [{ key, field: "revision", isOneOf: ["1"] }],
              then: [put(key, { revision: "2", by: String(index) })],
            },
          ]),
        ),
      );
      const winners = decisions.flatMap(({ index }, by) =>
        index === 0 ? [String(by)] : [],
      );
      assert.equal(winners.length, 1);
      assert.deepEqual(await textsOf(driver, key, "by"), winners);
    },
  },
];
