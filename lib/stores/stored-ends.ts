/** Logins in the store: how they end, and what remains of them. */
import { randomUUID } from "node:crypto";
import type { FieldName, Step, StoreDriver } from "./driver.js";
import { loginKeysOf, type LoginKeys } from "./login-keys.js";
import type { LoginShelf } from "./login-shelf.js";
import { REMAINS_MS, type BrowserPart, type EndedLogin } from "./records.js";

/** Who wants to know of logins that end. */
export interface EndWatcher {
  /** A login ended, in whatever process. */
  readonly ended: (id: string) => void;
  /** Some endings may not have been told: look yourself. */
  readonly missed: () => void;
}

/** What is asked of ends. */
export interface StoredEnds {
  /**
   * Ends a login for good, and tells every process. Undefined: there was none.
   *
   * Whoever got no answer asks again as the same `ender`, and gets the same
   * answer for {@link REMAINS_MS}; nobody else does. Default: a name of its own.
   */
  readonly endLogin: (
    id: string,
    ender?: string,
    browserPart?: BrowserPart,
  ) => Promise<EndedLogin | undefined>;
  /** The same, unless its tokens have been replaced since this revision. */
  readonly endLoginAt: (
    id: string,
    revision: number,
    ender?: string,
    browserPart?: BrowserPart,
  ) => Promise<EndedLogin | undefined>;
  /**
   * What remains of a login that ended a moment ago, whoever ended it; kept for
   * {@link REMAINS_MS}. It opens nothing any more.
   */
  readonly remainsOf: (
    id: string,
    browserPart?: BrowserPart,
  ) => Promise<EndedLogin | undefined>;
  /** Tells the watcher of every login that ends, until the returned function is called. */
  readonly watchEnds: (watcher: EndWatcher) => () => void;
}

const EVERYTHING = ["i", "s", "t", "r"];

/** Creates them over a driver. */
export function createStoredEnds(shelf: LoginShelf): StoredEnds {
  const { driver, keyPrefix, recentTokens, groups } = shelf;
  const channel = `${keyPrefix}ended`;
  const keysOf = (id: string): LoginKeys => loginKeysOf(keyPrefix, id);

  const endLogin = async (
    id: string,
    ender: string = randomUUID(),
    browserPart?: BrowserPart,
    revision?: number,
  ): Promise<EndedLogin | undefined> => {
    const publish: Step = { publish: channel, message: id };
    const fields = await end(driver, keysOf(id), ender, revision, publish);
    if (fields === undefined) return undefined;
    recentTokens.forget(id);
    const ended = toEndedLogin(
      { id, key: keysOf(id).login, browserPart },
      fields,
      shelf,
    );
    if (ended !== undefined) await groups.leave(id, ended.record);
    return ended;
  };

  return {
    endLogin: (id, ender, browserPart) => endLogin(id, ender, browserPart),
    endLoginAt: (id, revision, ender, browserPart) =>
      endLogin(id, ender, browserPart, revision),
    async remainsOf(id, browserPart) {
      const { login, remains } = keysOf(id);
      const fields = await driver.read(remains, EVERYTHING);
      return toEndedLogin({ id, key: login, browserPart }, fields, shelf);
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
  {
    id,
    key,
    browserPart,
  }: {
    readonly id: string;
    readonly key: string;
    readonly browserPart: BrowserPart | undefined;
  },
  [unchanging, seen, sealed, revision]: readonly (Buffer | undefined)[],
  { opened, tokenBox }: LoginShelf,
): EndedLogin | undefined {
  if (unchanging === undefined || seen === undefined) return undefined;
  const record = opened.open(key, { unchanging, seen });
  if (record === undefined) return undefined;
  const tokens = sealed && tokenBox.open(sealed, key, browserPart);
  return { id, record, tokens, revision: Number(String(revision)) };
}
