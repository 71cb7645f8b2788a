/** The embedded store's driver: one process, for development. */
import type {
  Case,
  Condition,
  Decision,
  FieldName,
  FieldValue,
  Step,
  StoreDriver,
  Subscriber,
} from "../driver.js";

/** How often what has ended is swept out, in milliseconds. */
const SWEEP_EVERY_MS = 60_000;

interface Kept<Content> {
  readonly content: Map<string, Content>;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

/** Creates a driver that forgets everything when the process ends. */
export function createMemoryDriver(now: () => number): StoreDriver {
  const records = new ExpiringMaps<Buffer>(now);
  const groups = new ExpiringMaps<number>(now);
  const notes = new ExpiringMaps<number>(now);
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
    decide: (cases) => Promise.resolve(decide(cases, records, tell)),
    enter({ members, note }, entry) {
      const { content = new Map<string, number>(), endsAt = 0 } =
        groups.get(members) ?? {};
      for (const [member, end] of content) {
        if (end <= entry.now) content.delete(member);
      }
      content.set(entry.member, entry.endsAt);
      const kept = Math.max(endsAt, now() + entry.lifetimeMs);
      groups.put(members, { content, endsAt: kept });
      const numbers = notes.get(note)?.content;
      return Promise.resolve({
        count: content.size,
        note: entry.want.map((name) => numbers?.get(name)),
      });
    },
    leave({ members }, member) {
      const content = groups.get(members)?.content;
      content?.delete(member);
      if (content?.size === 0) groups.delete(members);
      return Promise.resolve();
    },
    members: ({ members }) => Promise.resolve(membersOf(members)),
    note({ members, note }, numbers, lifetimeMs) {
      const content = notes.get(note)?.content ?? new Map<string, number>();
      for (const [name, number] of Object.entries(numbers)) {
        content.set(name, Math.max(number, content.get(name) ?? number));
      }
      notes.put(note, { content, endsAt: now() + lifetimeMs });
      return Promise.resolve(membersOf(members));
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
  records: ExpiringMaps<Buffer>,
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
    else change(records, step);
  }
  return { index, fields };
}

function change(
  records: ExpiringMaps<Buffer>,
  step: Exclude<Step, { readonly publish: string }>,
): void {
  if ("set" in step) put(records, step.set, step.fields, step.lifetimeMs);
  else if ("unset" in step) {
    records.get(step.unset.key)?.content.delete(step.unset.field);
  } else if ("delete" in step) records.delete(step.delete);
  else {
    const before = records.get(step.setAside);
    records.delete(step.setAside);
    if (before === undefined) return;
    records.put(step.under, before);
    put(records, step.under, step.fields, step.lifetimeMs);
  }
}

function put(
  records: ExpiringMaps<Buffer>,
  key: string,
  fields: Readonly<Record<string, FieldValue>>,
  lifetimeMs: number | undefined,
): void {
  const { content = new Map<string, Buffer>(), endsAt = Infinity } =
    records.get(key) ?? {};
  for (const [field, value] of Object.entries(fields)) {
    content.set(field, Buffer.from(value));
  }
  const kept = lifetimeMs === undefined ? endsAt : records.after(lifetimeMs);
  records.put(key, { content, endsAt: kept });
}

/** Maps by key, each with a lifetime. */
class ExpiringMaps<Content> {
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept<Content>>();
  #sweptAt: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#sweptAt = now();
  }

  after(milliseconds: number): number {
    return this.#now() + milliseconds;
  }

  get(key: string): Kept<Content> | undefined {
    const kept = this.#kept.get(key);
    return kept === undefined || kept.endsAt <= this.#now() ? undefined : kept;
  }

  put(key: string, kept: Kept<Content>): void {
    this.#kept.set(key, kept);
    const time = this.#now();
    if (time - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = time;
    for (const [candidate, { endsAt }] of this.#kept) {
      if (endsAt <= time) this.#kept.delete(candidate);
    }
  }

  delete(key: string): void {
    this.#kept.delete(key);
  }
}
