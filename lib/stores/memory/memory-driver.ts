/** The embedded store's driver: one process, for development. */
import { expiringMap, type ExpiringMap } from "../../base/expiring-map.js";
import type {
  Case,
  Condition,
  Decision,
  FieldName,
  SetFields,
  Step,
  StoreDriver,
  Subscriber,
} from "../driver.js";

/** What is kept under one key. */
interface Kept<Content> {
  readonly content: Map<string, Content>;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

type Records = ExpiringMap<Kept<Buffer>>;

/** Creates a driver that forgets everything when the process ends. */
export function createMemoryDriver(now: () => number): StoreDriver {
  const records = expiringMap<Kept<Buffer>>(now);
  const groups = expiringMap<Kept<number>>(now);
  const notes = expiringMap<Kept<number>>(now);
  const channels = new Map<string, Set<Subscriber>>();

  const membersOf = (key: string): string[] =>
    [...(groups.get(key)?.content ?? [])]
      .sort(([, one], [, other]) => one - other)
      .map(([member]) => member);
  const tell = (channel: string, message: string): void => {
    for (const { told } of channels.get(channel) ?? []) told(message);
  };

  // One process, one thread: what a method does without waiting is atomic.
  return {
    read(key, fields) {
      const content = records.get(key)?.content;
      return Promise.resolve(fields.map((field) => content?.get(field)));
    },
    decide: (cases) => Promise.resolve(decide(cases, records, now, tell)),
    enter({ members, note }, entry) {
      const { content = new Map<string, number>(), endsAt = 0 } =
        groups.get(members) ?? {};
      for (const [member, end] of content) {
        if (end <= entry.now) content.delete(member);
      }
      content.set(entry.member, entry.endsAt);
      const kept = Math.max(endsAt, now() + entry.lifetimeMs);
      groups.put(members, { content, endsAt: kept }, kept);
      const numbers = notes.get(note)?.content;
      return Promise.resolve({
        count: content.size,
        note: entry.want.map((name) => numbers?.get(name)),
      });
    },
    leave({ members }, member) {
      const content = groups.get(members)?.content;
      content?.delete(member);
      if (content?.size === 0) groups.take(members);
      return Promise.resolve();
    },
    members: ({ members }) => Promise.resolve(membersOf(members)),
    note({ members, note }, numbers, lifetimeMs) {
      const content = notes.get(note)?.content ?? new Map<string, number>();
      for (const [name, number] of Object.entries(numbers)) {
        content.set(name, Math.max(number, content.get(name) ?? number));
      }
      const endsAt = now() + lifetimeMs;
      notes.put(note, { content, endsAt }, endsAt);
      return Promise.resolve(membersOf(members));
    },
    lifetimeMs(key) {
      const { endsAt } = records.get(key) ?? groups.get(key) ?? {};
      return Promise.resolve(endsAt && endsAt - now());
    },
    subscribe(channel, subscriber) {
      const subscribers = channels.get(channel) ?? new Set();
      channels.set(channel, subscribers.add(subscriber));
      return () => {
        subscribers.delete(subscriber);
      };
    },
  };
}

function decide(
  cases: readonly Case[],
  records: Records,
  now: () => number,
  tell: (channel: string, message: string) => void,
): Decision {
  const fieldOf = ({ key, field }: FieldName): Buffer | undefined =>
    records.get(key)?.content.get(field);
  const holds = ({ isOneOf, ...name }: Condition): boolean => {
    const found = fieldOf(name);
    return isOneOf.some((value) =>
      value === undefined || found === undefined
        ? value === found
        : found.equals(Buffer.from(value)),
    );
  };
  const index = cases.findIndex(({ when }) => when.every(holds));
  const { want = [], then = [] } = cases[index] ?? {};
  const fields = want.map(fieldOf);
  for (const step of then) {
    if ("publish" in step) tell(step.publish, step.message);
    else change(records, now, step);
  }
  return { index, fields };
}

function change(
  records: Records,
  now: () => number,
  step: Exclude<Step, { readonly publish: string }>,
): void {
  if ("set" in step) {
    put(records, now, step.set, step);
  } else if ("unset" in step) {
    records.get(step.unset.key)?.content.delete(step.unset.field);
  } else if ("delete" in step) records.take(step.delete);
  else {
    const before = records.take(step.setAside);
    if (before === undefined) return;
    records.put(step.under, before, before.endsAt);
    put(records, now, step.under, step);
  }
}

function put(
  records: Records,
  now: () => number,
  key: string,
  { fields, lifetimeMs }: Pick<SetFields, "fields" | "lifetimeMs">,
): void {
  const { content = new Map<string, Buffer>(), endsAt = Infinity } =
    records.get(key) ?? {};
  for (const [field, value] of Object.entries(fields)) {
    content.set(field, Buffer.from(value));
  }
  const kept = lifetimeMs === undefined ? endsAt : now() + lifetimeMs;
  records.put(key, { content, endsAt: kept }, kept);
}
