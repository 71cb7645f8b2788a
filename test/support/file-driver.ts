/** A second store driver, as proof of the contract: plain files in one folder, shared by processes. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";

import type {
  Condition,
  FieldName,
  FieldValue,
  Step,
  StoreDriver,
  Subscriber,
} from "../../lib/stores/driver.js";

/** What a file holds: the fields of a record in base64, the ends of members, the numbers of a note. */
interface Kept<Content> {
  readonly key: string;
  readonly endsAt: number;
  readonly content: Record<string, Content>;
}

/** Creates a driver over the files of a folder. */
export function createFileDriver(folder: string): StoreDriver {
  const fileOf = (key: string): string =>
    join(folder, createHash("sha256").update(key).digest("hex"));
  const get = <Content>(key: string): Kept<Content> => {
    const kept = readKept<Content>(fileOf(key));
    const none = { key, endsAt: 0, content: {} };
    return kept === undefined || kept.endsAt <= Date.now() ? none : kept;
  };
  const put = (kept: Kept<unknown>): void => {
    const file = fileOf(kept.key);
    // Never half a file: who reads does not wait for the folder.
    fs.writeFileSync(`${file}.new`, JSON.stringify(kept));
    fs.renameSync(`${file}.new`, file);
  };
  const remove = (key: string) => {
    fs.rmSync(fileOf(key), { force: true });
  };
  const locked = <Answer>(work: () => Answer): Promise<Answer> => {
    takeFolder(folder);
    try {
      return Promise.resolve(work());
    } finally {
      fs.rmdirSync(join(folder, "in-use"));
    }
  };

  const fieldOf = ({ key, field }: FieldName): Buffer | undefined =>
    bytesOf(get<string>(key).content[field]);
  const holds = ({ isOneOf, ...name }: Condition): boolean =>
    isOneOf.includes(fieldOf(name)?.toString());
  const setFields = (
    key: string,
    before: Kept<string>,
    fields: Readonly<Record<string, FieldValue>>,
    lifetimeMs: number | undefined,
  ): void => {
    const content = { ...before.content };
    for (const [name, value] of Object.entries(fields)) {
      content[name] = Buffer.from(value).toString("base64");
    }
    const kept = lifetimeMs === undefined ? before.endsAt : after(lifetimeMs);
    put({ key, endsAt: kept, content });
  };
  const apply = (step: Step): void => {
    if ("set" in step) {
      setFields(step.set, get(step.set), step.fields, step.lifetimeMs);
    } else if ("unset" in step) {
      const before = get(step.unset.key);
      put({ ...before, content: without(before.content, step.unset.field) });
    } else if ("delete" in step) remove(step.delete);
    else if ("publish" in step) {
      fs.appendFileSync(
        fileOf(step.publish),
        `${JSON.stringify(step.message)}\n`,
      );
    } else {
      const before = get<string>(step.setAside);
      remove(step.setAside);
      if (before.endsAt === 0) return;
      setFields(step.under, before, step.fields, step.lifetimeMs);
    }
  };
  const membersOf = (key: string): string[] =>
    Object.entries(get<number>(key).content)
      .sort(([, one], [, other]) => one - other)
      .map(([member]) => member);

  return {
    read(key, fields) {
      const { content } = get<string>(key);
      return Promise.resolve(fields.map((field) => bytesOf(content[field])));
    },
    decide: (cases) =>
      locked(() => {
        const index = cases.findIndex(({ when }) => when.every(holds));
        const { want = [], then = [] } = cases[index] ?? {};
        const fields = want.map(fieldOf);
        then.forEach(apply);
        return { index, fields };
      }),
    enter: ({ members, note }, { member, endsAt, now, lifetimeMs, want }) =>
      locked(() => {
        const before = get<number>(members);
        const staying = Object.entries(before.content).filter(
          ([, end]) => end > now,
        );
        const content = { ...Object.fromEntries(staying), [member]: endsAt };
        const kept = Math.max(before.endsAt, after(lifetimeMs));
        put({ key: members, endsAt: kept, content });
        const numbers = get<number>(note).content;
        return {
          count: Object.keys(content).length,
          note: want.map((name) => numbers[name]),
        };
      }),
    leave: ({ members }, member) =>
      locked(() => {
        const before = get<number>(members);
        const content = without(before.content, member);
        if (Object.keys(content).length === 0) remove(members);
        else put({ ...before, content });
      }),
    members: ({ members }) => Promise.resolve(membersOf(members)),
    note: ({ members, note }, numbers, lifetimeMs) =>
      locked(() => {
        const content = { ...get<number>(note).content };
        for (const [name, number] of Object.entries(numbers)) {
          content[name] = Math.max(number, content[name] ?? number);
        }
        put({ key: note, endsAt: after(lifetimeMs), content });
        return membersOf(members);
      }),
    subscribe: (channel, subscriber) => follow(fileOf(channel), subscriber),
  };
}

/** The keys of what is kept in a folder. */
export function keysInFolder(folder: string): string[] {
  return fs.readdirSync(folder).flatMap((name) => {
    const kept = readKept(join(folder, name));
    return kept === undefined || kept.endsAt <= Date.now() ? [] : [kept.key];
  });
}

function without<Content>(
  content: Readonly<Record<string, Content>>,
  name: string,
): Record<string, Content> {
  const others = Object.entries(content).filter(([other]) => other !== name);
  return Object.fromEntries(others);
}

function after(milliseconds: number): number {
  return Date.now() + milliseconds;
}

function bytesOf(base64: string | undefined): Buffer | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, "base64");
}

/** Undefined: there is none, or it is the folder's lock or a channel. */
function readKept<Content>(file: string): Kept<Content> | undefined {
  try {
    const value = JSON.parse(fs.readFileSync(file, "utf8")) as Kept<Content>;
    return typeof value === "object" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Waits until no process changes the folder, and keeps the others from it. */
function takeFolder(folder: string): void {
  for (;;) {
    try {
      fs.mkdirSync(join(folder, "in-use"));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/** Tells of the lines that are added to a file. */
function follow(file: string, { told, missed }: Subscriber): () => void {
  fs.appendFileSync(file, "");
  let read = fs.statSync(file).size;
  const watcher = fs.watch(file, { persistent: false }, () => {
    const added = fs.readFileSync(file).subarray(read).toString();
    read += Buffer.byteLength(added);
    for (const line of added.split("\n").filter(Boolean)) {
      told(JSON.parse(line) as string);
    }
  });
  queueMicrotask(missed);
  return () => {
    watcher.close();
  };
}
