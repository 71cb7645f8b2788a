/** Locks, in the store: one process does for all what need be done once. */
import type { Condition, SetFields, StoreDriver } from "./driver.js";
import { loginKeysOf } from "./login-keys.js";

/** What came of an attempt to take a lock. */
export type LockOutcome =
  | "taken"
  /** Somebody else is asking the provider. */
  | "held"
  /** The provider was unwell just now. */
  | "paused"
  /**
   * The lock is free, but its last owner has neither stored new tokens nor
   * given it back: a process that died, or one that the store was away from.
   */
  | { readonly leftBy: string };

/** What is asked of locks. */
export interface StoredLocks {
  /**
   * Takes a lock.
   *
   * The lock of a login leaves a mark in it, which outlives the lock: this
   * owner may be spending the refresh token. Only the owner, new tokens, or
   * somebody who names it as `gone` take the mark away.
   */
  readonly takeLock: (
    id: string,
    owner: string,
    milliseconds: number,
    gone?: string,
  ) => Promise<LockOutcome>;
  /** Prolongs a lock that is still this owner's, or takes it anew where it ended and the mark is still this owner's. */
  readonly keepLock: (
    id: string,
    owner: string,
    milliseconds: number,
  ) => Promise<boolean>;
  /** Gives a lock and its mark back if they are still this owner's; others may go at once. */
  readonly releaseLock: (id: string, owner: string) => Promise<void>;
  /** Turns the owner's lock into a pause: nobody asks the provider until it is over. */
  readonly pauseLock: (
    id: string,
    owner: string,
    milliseconds: number,
  ) => Promise<void>;
}

/** Who holds a lock while nobody may ask the provider. */
const PAUSED = "paused";

/**
 * Creates them over a driver.
 *
 * The store may be away for longer than a lock lives. So the lock of a login,
 * which its owner takes before it spends the refresh token, leaves its owner's
 * name in the login too (`o`), until new tokens are stored or the owner is done.
 * Who finds another's name there and no lock has to wait for its return. Where
 * a lock belongs to no login, there is no record, and no name.
 */
export function createStoredLocks(
  driver: StoreDriver,
  keyPrefix: string,
): StoredLocks {
  const of = (id: string): LockSteps => lockSteps(keyPrefix, id);

  return {
    async takeLock(id, owner, milliseconds, gone) {
      const { login, lockIs, markIs, isNoLogin, hold, mark } = of(id);
      const isFree = lockIs(undefined, owner);
      const isUnmarked = markIs(undefined, "", owner, gone);
      const take = hold(owner, milliseconds);
      const { index, fields } = await driver.decide([
        { when: [lockIs(PAUSED)], then: [] },
        { when: [isFree, isUnmarked, isNoLogin], then: [take] },
        { when: [isFree, isUnmarked], then: [take, mark(owner)] },
        { when: [isFree], then: [], want: [{ key: login, field: "o" }] },
      ]);
      if (index === -1) return "held";
      if (index === 0) return "paused";
      return index < 3 ? "taken" : { leftBy: String(fields[0]) };
    },
    async keepLock(id, owner, milliseconds) {
      const { lockIs, markIs, hold } = of(id);
      const then = [hold(owner, milliseconds)];
      const { index } = await driver.decide([
        { when: [lockIs(owner)], then },
        { when: [lockIs(undefined), markIs(owner)], then },
      ]);
      return index !== -1;
    },
    async releaseLock(id, owner) {
      const { lock, lockIs, markIs, mark } = of(id);
      const release = { delete: lock };
      await driver.decide([
        { when: [markIs(owner), lockIs(owner)], then: [mark(""), release] },
        { when: [markIs(owner)], then: [mark("")] },
        { when: [lockIs(owner)], then: [release] },
      ]);
    },
    async pauseLock(id, owner, milliseconds) {
      const { lockIs, markIs, hold, mark } = of(id);
      const pause = hold(PAUSED, milliseconds);
      await driver.decide([
        {
          when: [markIs(owner), lockIs(owner, undefined)],
          then: [pause, mark("")],
        },
        { when: [markIs(owner)], then: [mark("")] },
        { when: [lockIs(owner)], then: [pause] },
      ]);
    },
  };
}

/** What decisions on one lock are made of. */
interface LockSteps {
  readonly login: string;
  readonly lock: string;
  readonly isNoLogin: Condition;
  readonly lockIs: (...holders: readonly (string | undefined)[]) => Condition;
  readonly markIs: (...owners: readonly (string | undefined)[]) => Condition;
  readonly hold: (holder: string, milliseconds: number) => SetFields;
  readonly mark: (owner: string) => SetFields;
}

function lockSteps(keyPrefix: string, id: string): LockSteps {
  const { login, lock } = loginKeysOf(keyPrefix, id);
  return {
    login,
    lock,
    isNoLogin: { key: login, field: "r", isOneOf: [undefined] },
    lockIs: (...isOneOf) => ({ key: lock, field: "by", isOneOf }),
    markIs: (...isOneOf) => ({ key: login, field: "o", isOneOf }),
    hold: (holder, milliseconds) => ({
      set: lock,
      fields: { by: holder },
      lifetimeMs: Math.ceil(milliseconds),
    }),
    mark: (owner) => ({ set: login, fields: { o: owner } }),
  };
}
