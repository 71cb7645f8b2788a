/** What the rules of the store contract are written with. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  Decision,
  SetFields,
  Step,
  StoreDriver,
} from "../../stores/driver.js";

/** A driver to be tried, and how to close it. */
export interface DriverUnderTest {
  readonly driver: StoreDriver;
  /** The same store as another process has it; absent: it cannot be shared. */
  readonly elsewhere?: StoreDriver;
  readonly close?: () => unknown;
}

/** A rule that a driver keeps. */
export interface Rule {
  readonly title: string;
  /** Rejects where it does not hold. */
  readonly holds: (
    driver: StoreDriver,
    elsewhere: StoreDriver,
  ) => Promise<void>;
}

/** Longer than any rule takes, in milliseconds. */
export const LONG_MS = 60_000;

/** How long a rule waits for what has to come, in milliseconds. */
const PATIENCE_MS = 20_000;

/** How often it looks, in milliseconds. */
const LOOK_EVERY_MS = 20;

/** A key that nobody has; those of one slot are made from it. */
export function newKey(): string {
  return `store-contract:{${randomUUID()}}`;
}

/** Sets fields of a record. */
export function put(
  key: string,
  fields: SetFields["fields"],
  lifetimeMs: number = LONG_MS,
): SetFields {
  return { set: key, fields, lifetimeMs };
}

/** Does it whatever there is. */
export function always(
  driver: StoreDriver,
  ...then: readonly Step[]
): Promise<Decision> {
  return driver.decide([{ when: [], then }]);
}

/** Fields as texts. */
export async function textsOf(
  driver: StoreDriver,
  key: string,
  ...fields: readonly string[]
): Promise<readonly (string | undefined)[]> {
  return toTexts(await driver.read(key, fields));
}

/** Bytes as texts. */
export function toTexts(
  fields: readonly (Buffer | undefined)[],
): readonly (string | undefined)[] {
  return fields.map((field) => field?.toString());
}

/** Waits for what has to come. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`in vain: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}
