/** Where logins, their tokens and logins in progress live: written once, over whatever driver. */
import type { StoreDriver } from "./driver.js";
import { createHeldKeys, type HeldKeys } from "./held-keys.js";
import { createOpenedLogins } from "./opened-logins.js";
import { createRecentTokens } from "./recent-tokens.js";
import type { SealedBox } from "./sealed-box.js";
import type { LoginShelf } from "./login-shelf.js";
import { createStoredClaims, type StoredClaims } from "./stored-claims.js";
import { createStoredEnds, type StoredEnds } from "./stored-ends.js";
import { createStoredGroups, type StoredGroups } from "./stored-groups.js";
import { createStoredLocks, type StoredLocks } from "./stored-locks.js";
import { createStoredLogins, type StoredLogins } from "./stored-logins.js";
import { createStoredTokens, type StoredTokens } from "./stored-tokens.js";
import {
  createStoredTransactions,
  type StoredTransactions,
} from "./stored-transactions.js";
import { createTokenBox } from "./token-box.js";
import { createStoredValues, type StoredValues } from "./stored-values.js";

export type * from "./records.js";
export { PENDING_MS, REMAINS_MS, UNUSED_MS } from "./records.js";
export type { LockOutcome } from "./stored-locks.js";
export type { EndWatcher } from "./stored-ends.js";
export type { ReplaceOutcome } from "./stored-tokens.js";

/**
 * Everything that must survive a restart and be shared by processes.
 *
 * Keys are unguessable or derived from unguessable values. Every method
 * rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer in time.
 */
export interface LoginStore
  extends
    StoredTransactions,
    StoredValues,
    StoredLogins,
    StoredEnds,
    StoredClaims,
    StoredTokens,
    StoredLocks,
    HeldKeys,
    Pick<StoredGroups, "loginsOf" | "refuseLogins"> {
  /** Resolves when the store answers a real read. */
  readonly ping: () => Promise<void>;
  /** Whether it will never answer again, because the application has closed it. */
  readonly isClosed: () => boolean;
}

/**
 * Creates the login store of one application.
 *
 * @param tokensNeedCookie whether tokens that are stored from now on open with the browser's part of the key only
 */
export function createLoginStore(
  driver: StoreDriver,
  sealedBox: SealedBox,
  keyPrefix: string,
  tokensNeedCookie = false,
): LoginStore {
  const tokenBox = createTokenBox(sealedBox, tokensNeedCookie);
  const groups = createStoredGroups(driver, keyPrefix);
  const recentTokens = createRecentTokens();
  const shelf: LoginShelf = {
    driver,
    tokenBox,
    keyPrefix,
    opened: createOpenedLogins(sealedBox),
    recentTokens,
    groups,
  };
  const ends = createStoredEnds(shelf);
  return {
    ...createStoredTransactions(driver, sealedBox, keyPrefix),
    ...createStoredValues(driver, sealedBox, keyPrefix),
    ...ends,
    ...createStoredLogins(shelf, ends),
    ...createStoredClaims(shelf),
    ...createStoredTokens(driver, tokenBox, keyPrefix, recentTokens),
    ...createStoredLocks(driver, keyPrefix),
    ...createHeldKeys(driver, keyPrefix),
    loginsOf: groups.loginsOf,
    refuseLogins: groups.refuseLogins,
    async ping() {
      // A real read: a store may say that it is there while it still loads its data.
      await driver.read(`${keyPrefix}ping`, ["v"]);
    },
    isClosed: () => driver.isClosed?.() ?? false,
  };
}
