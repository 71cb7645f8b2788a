/** The rules of the store contract for groups. */
import assert from "node:assert/strict";
import type {
  EnteredGroup,
  GroupKeys,
  StoreDriver,
} from "../../stores/driver.js";
import { eventually, LONG_MS, newKey, type Rule } from "./rule.js";

/** How long what is to end lives, in milliseconds. */
const SHORT_MS = 300;

/** How often two race. */
const ROUNDS = 50;

function newGroup(): GroupKeys {
  const slot = newKey();
  return { members: `${slot}:members`, note: `${slot}:note` };
}

function enter(
  driver: StoreDriver,
  group: GroupKeys,
  member: string,
  endsAt: number,
  lifetimeMs = LONG_MS,
): Promise<EnteredGroup> {
  const want = ["at", "issued"];
  return driver.enter(group, { member, endsAt, now: 0, lifetimeMs, want });
}

/** Members with their ends, and a note about them. */
export const groupCases: readonly Rule[] = [
  {
    title: "a group: nobody is in it before the first has entered",
    async holds(driver) {
      assert.deepEqual(await driver.members(newGroup()), []);
    },
  },
  {
    title: "a group: its members are in the order of their ends, and counted",
    async holds(driver, elsewhere) {
      const group = newGroup();
      assert.equal((await enter(driver, group, "last", 3000)).count, 1);
      assert.equal((await enter(elsewhere, group, "first", 1000)).count, 2);
      assert.equal((await enter(driver, group, "second", 2000)).count, 3);
      const members = await elsewhere.members(group);
      assert.deepEqual(members, ["first", "second", "last"]);
    },
  },
  {
    title: "a group: who enters again is in it once, with the later word",
    async holds(driver) {
      const group = newGroup();
      await enter(driver, group, "one", 1000);
      await enter(driver, group, "other", 2000);
      assert.equal((await enter(driver, group, "one", 3000)).count, 2);
      assert.deepEqual(await driver.members(group), ["other", "one"]);
    },
  },
  {
    title: "a group: whose end has come goes when the next one enters",
    async holds(driver) {
      const group = newGroup();
      await enter(driver, group, "over", 1000);
      await enter(driver, group, "not yet", 1001);
      const entry = { member: "new", endsAt: 5000, now: 1000 };
      const { count } = await driver.enter(group, {
        ...entry,
        lifetimeMs: LONG_MS,
        want: [],
      });
      assert.equal(count, 2);
      assert.deepEqual(await driver.members(group), ["not yet", "new"]);
    },
  },
  {
    title: "a group: who leaves is in it no more, also who was never there",
    async holds(driver, elsewhere) {
      const group = newGroup();
      await enter(driver, group, "one", 1000);
      await enter(driver, group, "other", 2000);
      await elsewhere.leave(group, "one");
      await elsewhere.leave(group, "nobody");
      assert.deepEqual(await driver.members(group), ["other"]);
    },
  },
  {
    title: "a group: it is kept as long as the one who wanted it longest wants",
    async holds(driver) {
      const [brief, long] = [newGroup(), newGroup()];
      await enter(driver, long, "long", 2000);
      await enter(driver, long, "brief", 1000, SHORT_MS);
      await enter(driver, brief, "brief", 1000, SHORT_MS);
      await eventually("the group ends", async () => {
        return (await driver.members(brief)).length === 0;
      });
      assert.deepEqual(await driver.members(long), ["brief", "long"]);
    },
  },
  {
    title:
      "a note: who enters is told its numbers, in the order they are asked for",
    async holds(driver, elsewhere) {
      const group = newGroup();
      const before = await enter(driver, group, "one", 1000);
      assert.deepEqual(before.note, [undefined, undefined]);
      await driver.note(group, { issued: 1_700_000_000_123 }, LONG_MS);
      const { note } = await enter(elsewhere, group, "other", 1000);
      assert.deepEqual(note, [undefined, 1_700_000_000_123]);
    },
  },
  {
    title: "a note: its numbers rise, each by itself, and never fall",
    async holds(driver) {
      const group = newGroup();
      await driver.note(group, { at: 5, issued: 5 }, LONG_MS);
      await driver.note(group, { at: 4, issued: 6 }, LONG_MS);
      const { note } = await enter(driver, group, "one", 1000);
      assert.deepEqual(note, [5, 6]);
    },
  },
  {
    title: "a note: it ends when its lifetime is over, and its group does not",
    async holds(driver) {
      const group = newGroup();
      await enter(driver, group, "one", 1000);
      await driver.note(group, { at: 1, issued: 1 }, SHORT_MS);
      await eventually("the note ends", async () => {
        return (await enter(driver, group, "one", 1000)).note[0] === undefined;
      });
      assert.deepEqual(await driver.members(group), ["one"]);
    },
  },
  {
    title:
      "a note: who enters sees it, or is told to whoever notes; never neither",
    async holds(driver, elsewhere) {
      for (let round = 0; round < ROUNDS; round++) {
        const group = newGroup();
        const [{ note }, members] = await Promise.all([
          enter(driver, group, "one", 1000),
          elsewhere.note(group, { at: 1 }, LONG_MS),
        ]);
        assert.ok(note[0] === 1 || members.includes("one"));
      }
    },
  },
];
