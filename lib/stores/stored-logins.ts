/** Logins in the store: prepared, made live, used and ended. */
import { randomUUID } from "node:crypto";
import { inParts } from "../base/in-parts.js";
import type { FieldName, Step, StoreDriver } from "./driver.js";
import { loginKeysOf, PREPARED, type LoginKeys } from "./login-keys.js";
import type { OpenedLogins } from "./opened-logins.js";
import type { RecentTokens } from "./recent-tokens.js";
import {
  PENDING_MS,
  REMAINS_MS,
  UNUSED_MS,
  type EndedLogin,
  type ListedLogin,
  type LoginGroup,
  type LoginRecord,
  type TokenOrigin,
  type TokenSet,
} from "./records.js";
import type { SealedBox } from "./sealed-box.js";
import type { StoredGroups } from "./stored-groups.js";
import { openTokens, sealTokens } from "./stored-tokens.js";

/** Who wants to know of logins that end. */
export interface EndWatcher {
  /** A login ended, in whatever process. */
  readonly ended: (id: string) => void;
  /** Some endings may not have been told: look yourself. */
  readonly missed: () => void;
}

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
  /**
   * Ends a login for good, and tells every process. Undefined: there was none.
   *
   * Whoever got no answer asks again as the same `ender`, and gets the same
   * answer for {@link REMAINS_MS}; nobody else does. Default: a name of its own.
   */
  readonly endLogin: (
    id: string,
    ender?: string,
  ) => Promise<EndedLogin | undefined>;
  /** The same, unless its tokens have been replaced since this revision. */
  readonly endLoginAt: (
    id: string,
    revision: number,
    ender?: string,
  ) => Promise<EndedLogin | undefined>;
  /**
   * What remains of a login that ended a moment ago, whoever ended it; kept for
   * {@link REMAINS_MS}. It opens nothing any more.
   */
  readonly remainsOf: (id: string) => Promise<EndedLogin | undefined>;
  /** A group's live logins, the one that ends first first; forgets what leads to none. Some may have timed out. */
  readonly listLogins: (group: LoginGroup) => Promise<readonly ListedLogin[]>;
  /** Tells the watcher of every login that ends, until the returned function is called. */
  readonly watchEnds: (watcher: EndWatcher) => () => void;
}

// A login is one record. `i` (who, sealed), `s` (last seen, sealed) and `r` (the
// revision of its tokens) are all that a guard reads; `t` (sealed tokens) is
// opened only when a token is needed. The store's own lifetimes are garbage
// collection: the kit checks the times. A command that is carried out late
// changes nothing that has gone on meanwhile.
const EVERYTHING = ["i", "s", "t", "r"];

/** What of a kit the logins in its store share. */
export interface LoginShelf {
  readonly driver: StoreDriver;
  readonly sealedBox: SealedBox;
  readonly keyPrefix: string;
  readonly opened: OpenedLogins;
  readonly recentTokens: RecentTokens;
  readonly groups: StoredGroups;
}

/** Creates them over a driver. */
export function createStoredLogins(shelf: LoginShelf): StoredLogins {
  const { driver, sealedBox, keyPrefix, opened, recentTokens, groups } = shelf;
  const channel = `${keyPrefix}ended`;
  const keysOf = (id: string): LoginKeys => loginKeysOf(keyPrefix, id);

  const endLogin = async (
    id: string,
    ender: string = randomUUID(),
    revision?: number,
  ): Promise<EndedLogin | undefined> => {
    const publish: Step = { publish: channel, message: id };
    const fields = await end(driver, keysOf(id), ender, revision, publish);
    if (fields === undefined) return undefined;
    recentTokens.forget(id);
    const ended = toEndedLogin(id, fields, keysOf(id).login, shelf);
    if (ended !== undefined) await groups.leave(id, ended.record);
    return ended;
  };

  /** Undefined: there is nothing. Without a record: no live login, or a damaged one. */
  const read = async (
    id: string,
  ): Promise<
    | {
        readonly revision: string;
        readonly record: LoginRecord | undefined;
      }
    | undefined
  > => {
    const key = keysOf(id).login;
    const [unchanging, seen, stored] = await driver.read(key, ["i", "s", "r"]);
    if (unchanging === undefined) return undefined;
    const revision = String(stored);
    const isLive = seen !== undefined && revision !== PREPARED;
    return {
      revision,
      record: isLive ? opened.open(key, { unchanging, seen }) : undefined,
    };
  };

  return {
    // Prepared, entered with a look for a logout, then live. A logout leaves its
    // mark, looks for entries, and ends what they lead to. Whichever is later
    // sees the other. The entry comes after what it leads to, so that one that
    // leads nowhere can be forgotten.
    async createLogin(id, login, tokens, origin) {
      const key = keysOf(id).login;
      const { unchanging: i, seen: s } = opened.seal(key, login);
      const t = sealTokens(sealedBox, tokens, key);
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
      const key = keysOf(id).login;
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
      const stored = await read(id);
      if (stored === undefined) return undefined;
      recentTokens.noteRevision(id, Number(stored.revision));
      return stored.record;
    },
    async recordUse(id, seenAt, endsAt) {
      const key = keysOf(id).login;
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
    endLogin: (id, ender) => endLogin(id, ender),
    endLoginAt: (id, revision, ender) => endLogin(id, ender, revision),
    async remainsOf(id) {
      const { login, remains } = keysOf(id);
      const fields = await driver.read(remains, EVERYTHING);
      return toEndedLogin(id, fields, login, shelf);
    },
    async listLogins(group) {
      const ids = await groups.loginsOf(group);
      const logins = await inParts(ids, async (id) => {
        const stored = await read(id);
        if (stored === undefined) await groups.forget(id, group);
        return stored?.record && { id, record: stored.record };
      });
      return logins.filter((login) => login !== undefined);
    },
    watchEnds: ({ ended, missed }) =>
      driver.subscribe(channel, { told: ended, missed }),
  };
}

/**
 * What a login was is told to the one who ended it, so that it ends once. It
 * remains under another key for a while, with the ender's name (`e`), who asks
 * again where no answer came. Its lock goes too.
 */
async function end(
  driver: StoreDriver,
  { login, lock, remains }: LoginKeys,
  ender: string,
  revision: number | undefined,
  publish: Step,
): Promise<readonly (Buffer | undefined)[] | undefined> {
  const everythingOf = (key: string): FieldName[] =>
    EVERYTHING.map((field) => ({ key, field }));
  const isOver = { key: login, field: "r", isOneOf: [undefined] };
  const isPresent = { ...isOver, isOneOf: [String(revision)] };
  const { index, fields } = await driver.decide([
    {
      when: [isOver, { key: remains, field: "e", isOneOf: [ender] }],
      then: [publish],
      want: everythingOf(remains),
    },
    { when: [isOver], then: [] },
    {
      when: revision === undefined ? [] : [isPresent],
      then: [
        {
          setAside: login,
          under: remains,
          fields: { e: ender },
          lifetimeMs: REMAINS_MS,
        },
        { delete: lock },
        publish,
      ],
      want: everythingOf(login),
    },
  ]);
  return index === 0 || index === 2 ? fields : undefined;
}

/** From {@link EVERYTHING}, as it was under this key. */
function toEndedLogin(
  id: string,
  [unchanging, seen, sealed, revision]: readonly (Buffer | undefined)[],
  key: string,
  { opened, sealedBox }: LoginShelf,
): EndedLogin | undefined {
  if (unchanging === undefined || seen === undefined) return undefined;
  const record = opened.open(key, { unchanging, seen });
  if (record === undefined) return undefined;
  const tokens = sealed && openTokens(sealedBox, sealed, key);
  return { id, record, tokens, revision: Number(String(revision)) };
}
