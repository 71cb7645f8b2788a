/** One run as it grows: arrows and notes, in the order in which they happen. */
import { hash } from "node:crypto";
import { failureTexts } from "../base/failure-texts.js";
import type { LoginKitError } from "../base/errors.js";
import { oneLine } from "../base/printable.js";
import type { CheckName } from "../telling/checks.js";
import { CHECKS } from "../telling/checks.js";
import type { Party } from "../telling/messages.js";
import { scrubbed } from "./hide.js";
import type { Arrow, Check, Note, Run, RunFailure, RunKind } from "./model.js";

/** An arrow before it has its place. */
export type NewArrow = Omit<Arrow, "is" | "id" | "at" | "checks">;

/** What is learned of an arrow later. */
export interface Learned {
  readonly fields: Arrow["fields"];
  readonly token: Arrow["token"];
}

/** An arrow or a note that may still get checks. */
interface Item {
  readonly item: Arrow | Note;
  /** When it happened, by the process's own clock, in milliseconds. */
  readonly happenedAt: number;
}

/** Most arrows and notes of one run: a page that asks and asks is not one login. */
const MAX_ITEMS = 200;

let lastId = 0;

/** An id that is new in this process. */
export function newId(prefix: string): string {
  lastId += 1;
  return `${prefix}${String(lastId)}`;
}

/** A run that grows. */
export class GrowingRun {
  readonly id: string = newId("run-");
  readonly startedAt: Date;
  kind: RunKind;
  /** What it is about: `GET /orders`. */
  subject: string;
  user: { readonly id: string; readonly subject: string } | undefined;
  readonly browser: number;
  readonly names: Partial<Record<Party, string>> = {};
  /** The browser is at the provider, and this run goes on when it is back. */
  isAway = false;
  /** Requests that are not answered yet. */
  open = 0;
  failure: RunFailure | undefined;
  /** Hash of the address that the browser was sent to: there may be secrets in it. */
  private expected: string | undefined;
  private readonly items: Item[] = [];
  private readonly beganAt: number;
  private readonly changed: (run: GrowingRun) => void;

  constructor(
    kind: RunKind,
    subject: string,
    browser: number,
    now: number,
    changed: (run: GrowingRun) => void,
  ) {
    this.changed = changed;
    this.kind = kind;
    this.subject = subject;
    this.browser = browser;
    this.beganAt = now;
    this.startedAt = new Date();
  }

  /** The browser was sent to this address: its next request there belongs to this run. */
  expect(address: string): void {
    this.expected = hash("sha256", address);
  }

  /** Whether it was this address. Tells so once. */
  wasExpected(address: string): boolean {
    if (this.expected !== hash("sha256", address)) return false;
    this.expected = undefined;
    return true;
  }

  /** Adds an arrow, and gives its id. */
  arrow(arrow: NewArrow, happenedAt: number): string {
    const id = newId("arrow-");
    const at = this.since(happenedAt);
    this.add({ ...arrow, is: "arrow", id, at, checks: [] }, happenedAt);
    return id;
  }

  note(note: Omit<Note, "is" | "id" | "at">, happenedAt: number): void {
    const at = this.since(happenedAt);
    this.add({ ...note, is: "note", id: newId("note-"), at }, happenedAt);
  }

  /** Notes that a check was made on an arrow. */
  check(arrowId: string, name: CheckName, result: Check["result"]): void {
    this.replace(arrowId, (arrow) => ({
      ...arrow,
      checks: [
        ...arrow.checks.filter((check) => check.name !== name),
        { name, ...CHECKS[name], result },
      ],
    }));
  }

  /** Adds what was learned of an arrow later. */
  extend(arrowId: string, { fields, token }: Learned): void {
    this.replace(arrowId, (arrow) => ({
      ...arrow,
      fields: [...arrow.fields, ...fields],
      ...(token !== undefined && { token }),
    }));
  }

  /** Takes decoded tokens away: they say who somebody is. */
  hideTokens(): void {
    for (const { item } of [...this.items]) {
      if (item.is !== "arrow" || item.token === undefined) continue;
      this.replace(item.id, ({ token: _token, ...others }) => others);
    }
  }

  /** Notes why it failed, and at which arrow. */
  fail(error: LoginKitError, arrowId: string | undefined): void {
    const { title, cause, remedy } = failureTexts[error.code];
    const diagnosis = scrubbed(oneLine(error.message));
    this.failure = {
      code: error.code,
      ...{ title, cause, remedy: error.userText ?? remedy, diagnosis },
      arrow: arrowId,
    };
    if (arrowId !== undefined) {
      this.replace(arrowId, (arrow) => ({
        ...arrow,
        checks: arrow.checks.map((check) =>
          check.result === "failed" ? { ...check, diagnosis } : check,
        ),
      }));
    }
    this.touch();
  }

  /** Whether an arrow of this kind is there. */
  has(message: Arrow["message"], direction: Arrow["direction"]): boolean {
    return this.items.some(
      ({ item }) =>
        item.is === "arrow" &&
        item.message === message &&
        item.direction === direction,
    );
  }

  /** Takes over all that another run holds. */
  absorb(other: GrowingRun): void {
    for (const { item, happenedAt } of other.items) {
      this.add({ ...item, at: this.since(happenedAt) }, happenedAt);
    }
    for (const [party, name] of Object.entries(other.names)) {
      this.names[party as Party] ??= name;
    }
    this.failure ??= other.failure;
    this.user ??= other.user;
  }

  /** Tells that something has changed. */
  touch(): void {
    this.changed(this);
  }

  /** As it is now. */
  toRun(): Run {
    const { id, kind, browser, names, failure, user } = this;
    return {
      ...{ id, kind, browser, title: this.title() },
      startedAt: this.startedAt.toISOString(),
      state: this.state(),
      ...(failure !== undefined && { failure }),
      ...(user !== undefined && { login: user }),
      names: { ...names },
      items: this.items.map(({ item }) => item),
    };
  }

  private state(): Run["state"] {
    if (this.open > 0) return "running";
    if (this.failure !== undefined) return "failed";
    return this.isAway ? "running" : "done";
  }

  private title(): string {
    const { kind, subject, user, failure } = this;
    const who = user === undefined ? "" : ` of ${user.subject}`;
    const whose = user === undefined ? "" : `, for ${user.subject}`;
    switch (kind) {
      case "login":
        return failure === undefined
          ? `Login${who}`
          : `Login that failed: ${failure.code}`;
      case "logout":
        return `Logout${who}`;
      case "provider-logout":
        return `Logout${who} by the provider`;
      case "refresh":
        return `Refresh for ${subject}${whose}`;
      case "call":
        return `${subject}${whose}`;
    }
  }

  private since(happenedAt: number): number {
    return Math.max(0, Math.round((happenedAt - this.beganAt) * 10) / 10);
  }

  /** By time; of two at one time the first that was told comes first. */
  private add(item: Arrow | Note, happenedAt: number): void {
    if (this.items.length >= MAX_ITEMS) return;
    const behind = this.items.findIndex(
      (other) => other.happenedAt > happenedAt,
    );
    const place = behind === -1 ? this.items.length : behind;
    this.items.splice(place, 0, { item, happenedAt });
    this.touch();
  }

  private replace(arrowId: string, change: (arrow: Arrow) => Arrow): void {
    const index = this.items.findIndex(({ item }) => item.id === arrowId);
    const found = this.items[index];
    if (found?.item.is !== "arrow") return;
    this.items[index] = { ...found, item: change(found.item) };
    this.touch();
  }
}
