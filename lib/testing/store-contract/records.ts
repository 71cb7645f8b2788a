/** The rules of the store contract for records. */
import assert from "node:assert/strict";
import { always, eventually, newKey, put, textsOf, type Rule } from "./rule.js";

/** How long what is to end lives, in milliseconds. */
const SHORT_MS = 300;

/** A record with fields of a lifetime each. */
export const recordCases: readonly Rule[] = [
  {
    title: "a record: there are no fields before any was set",
    async holds(driver) {
      const fields = await driver.read(newKey(), ["a", "b"]);
      assert.deepEqual(fields, [undefined, undefined]);
    },
  },
  {
    title:
      "a record: fields are given as they were set, in the order they are asked for",
    async holds(driver, elsewhere) {
      const key = newKey();
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      await always(driver, put(key, { bytes, text: "zoë 世界", empty: "" }));
      const read = await elsewhere.read(key, [
        "empty",
        "none",
        "text",
        "bytes",
      ]);
      const [empty, none, text, given] = read;
      assert.equal(empty?.length, 0);
      assert.equal(none, undefined);
      assert.equal(text?.toString(), "zoë 世界");
      assert.equal(given?.toString("hex"), bytes.toString("hex"));
    },
  },
  {
    title: "a record: what is set leaves the other fields",
    async holds(driver) {
      const key = newKey();
      await always(driver, put(key, { a: "1", b: "2" }));
      await always(driver, { set: key, fields: { b: "3" } });
      assert.deepEqual(await textsOf(driver, key, "a", "b"), ["1", "3"]);
    },
  },
  {
    title: "a record: one field is taken away, and the others stay",
    async holds(driver) {
      const key = newKey();
      await always(driver, put(key, { a: "1", b: "2" }));
      await always(driver, { unset: { key, field: "a" } });
      assert.deepEqual(await textsOf(driver, key, "a", "b"), [undefined, "2"]);
    },
  },
  {
    title: "a record: it is deleted, also where there is none",
    async holds(driver, elsewhere) {
      const key = newKey();
      await always(driver, put(key, { a: "1" }));
      await always(elsewhere, { delete: key });
      await always(elsewhere, { delete: key });
      assert.deepEqual(await textsOf(driver, key, "a"), [undefined]);
    },
  },
  {
    title:
      "a record: it ends when its lifetime is over, also when it was changed meanwhile",
    async holds(driver, elsewhere) {
      const [brief, long] = [newKey(), newKey()];
      await always(driver, put(brief, { a: "1" }, SHORT_MS));
      await always(driver, put(long, { a: "1" }));
      await always(driver, { set: long, fields: { b: "2" } });
      await eventually("the record ends", async () => {
        return (await textsOf(elsewhere, brief, "a"))[0] === undefined;
      });
      assert.deepEqual(await textsOf(elsewhere, long, "a"), ["1"]);
    },
  },
  {
    title: "a record: a lifetime that is set again counts from then",
    async holds(driver) {
      const [control, longer, shorter] = [newKey(), newKey(), newKey()];
      for (const key of [control, longer]) {
        await always(driver, put(key, { a: "1" }, SHORT_MS));
      }
      await always(driver, put(longer, { b: "2" }));
      await always(driver, put(shorter, { a: "1" }));
      await always(driver, put(shorter, { b: "2" }, SHORT_MS));
      for (const key of [control, shorter]) {
        await eventually("the record ends", async () => {
          return (await textsOf(driver, key, "a"))[0] === undefined;
        });
      }
      assert.deepEqual(await textsOf(driver, longer, "b"), ["2"]);
    },
  },
  {
    title:
      "a record: set aside, it is under its other key alone, with the further fields",
    async holds(driver, elsewhere) {
      const key = newKey();
      const under = `${key}:aside`;
      const step = { setAside: key, under, fields: { by: "me" } };
      await always(driver, put(key, { a: "1" }));
      await always(driver, { ...step, lifetimeMs: 60_000 });
      assert.deepEqual(await textsOf(elsewhere, key, "a"), [undefined]);
      assert.deepEqual(await textsOf(elsewhere, under, "a", "by"), ["1", "me"]);
      await always(driver, put(key, { a: "2" }));
      await always(driver, { ...step, lifetimeMs: SHORT_MS });
      await eventually("what was set aside ends", async () => {
        return (await textsOf(elsewhere, under, "a"))[0] === undefined;
      });
    },
  },
  {
    title: "a record: where there is none, nothing is set aside",
    async holds(driver) {
      const key = newKey();
      const under = `${key}:aside`;
      await always(driver, {
        setAside: key,
        under,
        fields: { by: "me" },
        lifetimeMs: 60_000,
      });
      assert.deepEqual(await textsOf(driver, under, "by"), [undefined]);
    },
  },
];
