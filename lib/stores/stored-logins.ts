/** Logins in the store: prepared, made live, used and ended. */
import { inParts } from "../base/in-parts.js";
import { loginKeysOf, PREPARED } from "./login-keys.js";
import type { LoginShelf } from "./login-shelf.js";
import {
  PENDING_MS,
  UNUSED_MS,
  type BrowserPart,
  type ListedLogin,
  type LoginGroup,
  type LoginRecord,
  type TokenOrigin,
  type TokenSet,
} from "./records.js";
import type { StoredEnds } from "./stored-ends.js";

/** What is asked of logins. */
export interface StoredLogins {
  /**
   * Prepares a login, and enters it among its user's and its provider session's.
   * It is not live: nobody reads it, but whoever ends those of its group ends it
   * too. Kept for {@link PENDING_MS}.
   *
   * @returns how many logins the user has now, this one included; undefined: a
   * logout came that its tokens are older than, and nothing is kept
   */
  readonly createLogin: (
    id: string,
    login: LoginRecord,
    tokens: TokenSet,
    origin: TokenOrigin,
    browserPart?: BrowserPart,
  ) => Promise<number | undefined>;
  /**
   * Makes a prepared login live; asked again, it says the same. One that was
   * never used is kept for {@link UNUSED_MS}.
   *
   * @returns false when it was ended meanwhile
   */
  readonly activateLogin: (id: string, login: LoginRecord) => Promise<boolean>;
  readonly readLogin: (id: string) => Promise<LoginRecord | undefined>;
  /** Notes that the login was used, and keeps it until its absolute end; does nothing for one that is not live. */
  readonly recordUse: (
    id: string,
    seenAt: number,
    endsAt: number,
  ) => Promise<void>;
  /** A group's live logins, the one that ends first first; forgets what leads to none. Some may have timed out. */
  readonly listLogins: (group: LoginGroup) => Promise<readonly ListedLogin[]>;
}

/** Creates them over a driver. */
export function createStoredLogins(
  shelf: LoginShelf,
  { endLogin }: StoredEnds,
): StoredLogins {
  const { driver, tokenBox, keyPrefix, opened, recentTokens, groups } = shelf;
  const keyOf = (id: string): string => loginKeysOf(keyPrefix, id).login;

  return {
    // Prepared, entered with a look for a logout, then live. A logout leaves its
    // mark, looks for entries, and ends what they lead to. Whichever is later
    // sees the other. The entry comes after what it leads to, so that one that
    // leads nowhere can be forgotten.
    async createLogin(id, login, tokens, origin, browserPart) {
      const key = keyOf(id);
      const { unchanging: i, seen: s } = opened.seal(key, login);
      const t = tokenBox.seal(tokens, key, browserPart);
      await driver.decide([
        {
          when: [{ key, field: "r", isOneOf: [undefined] }],
          then: [
            {
              set: key,
              fields: { i, s, r: PREPARED, t },
              lifetimeMs: PENDING_MS,
            },
          ],
        },
      ]);
      const count = await groups.enter(id, login, origin);
      if (count === undefined) await endLogin(id);
      return count;
    },
    async activateLogin(id, login) {
      const key = keyOf(id);
      // A span and not a time: the store may have another clock.
      const lifetime = Math.ceil(login.endsAt - login.createdAt);
      const lifetimeMs =
        login.seenAt === undefined ? Math.min(UNUSED_MS, lifetime) : lifetime;
      const revision = { key, field: "r" };
      const { index } = await driver.decide([
        { when: [{ ...revision, isOneOf: [undefined] }], then: [] },
        {
          when: [{ ...revision, isOneOf: [PREPARED] }],
          then: [{ set: key, fields: { r: "1" }, lifetimeMs }],
        },
      ]);
      return index !== 0;
    },
    async readLogin(id) {
      const key = keyOf(id);
      const stored = openedFrom(await driver.read(key, FIELDS), key, shelf);
      if (stored === undefined) return undefined;
      recentTokens.noteRevision(id, Number(stored.revision));
      return stored.record;
    },
    async recordUse(id, seenAt, endsAt) {
      const key = keyOf(id);
      const s = opened.sealSeen(key, seenAt);
      const lifetimeMs = Math.max(1, Math.ceil(endsAt - seenAt));
      await driver.decide([
        {
          when: [{ key, field: "r", isOneOf: [undefined, PREPARED] }],
          then: [],
        },
        { when: [], then: [{ set: key, fields: { s }, lifetimeMs }] },
      ]);
    },
    async listLogins(group) {
      const ids = await groups.loginsOf(group);
      const logins = await inParts(ids, async (id) => {
        const key = keyOf(id);
        const stored = openedFrom(await driver.read(key, FIELDS), key, shelf);
        if (stored === undefined) await groups.forget(id, group);
        return stored?.record && { id, record: stored.record };
      });
      return logins.filter((login) => login !== undefined);
    },
  };
}

/** What a login is read by: its unchanging part, when it was last used, its revision. */
const FIELDS = ["i", "s", "r"] as const;

/** Undefined: there is nothing. Without a record: no live login, or a damaged one. */
function openedFrom(
  [unchanging, seen, stored]: readonly (Buffer | undefined)[],
  key: string,
  { opened }: LoginShelf,
):
  | { readonly revision: string; readonly record: LoginRecord | undefined }
  | undefined {
  if (unchanging === undefined) return undefined;
  const revision = String(stored);
  const isLive = seen !== undefined && revision !== PREPARED;
  return {
    revision,
    record: isLive ? opened.open(key, { unchanging, seen }) : undefined,
  };
}
