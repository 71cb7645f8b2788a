/** The tokens of logins, in the store. */
import { randomUUID } from "node:crypto";
import type { StoreDriver } from "./driver.js";
import { keepTrying } from "./keep-trying.js";
import { loginKeysOf, PREPARED } from "./login-keys.js";
import type { RecentTokens } from "./recent-tokens.js";
import type { BrowserPart, StoredTokenSet, TokenSet } from "./records.js";
import type { TokenBox } from "./token-box.js";

/** What came of an attempt to replace a token set. */
export type ReplaceOutcome =
  | "stored"
  /** Another writer was first; read again. */
  | "conflict"
  /** The login is over; nothing was written. */
  | "ended";

/** What is asked of tokens. */
export interface StoredTokens {
  /** Undefined: there are none, or nobody here opens them. */
  readonly readTokens: (
    id: string,
    browserPart?: BrowserPart,
  ) => Promise<StoredTokenSet | undefined>;
  /**
   * The tokens as they were when the login was read a moment ago, if they need
   * not be asked for. Good for using an access token; not for replacing it.
   */
  readonly recentTokens: (id: string) => StoredTokenSet | undefined;
  /**
   * Compare-and-set on the revision; never brings an ended login back.
   *
   * The tokens exist nowhere else, and the provider may have ended the ones
   * before. So a store that does not answer is asked again for up to ten
   * minutes, longer than any other method waits; no longer once `stop` is
   * aborted. Whoever held the login's lock need not be waited for afterwards.
   */
  readonly replaceTokens: (
    id: string,
    expectedRevision: number,
    tokens: TokenSet,
    options?: {
      readonly browserPart?: BrowserPart;
      readonly stop?: AbortSignal;
    },
  ) => Promise<ReplaceOutcome>;
}

/** How long new tokens are held for a store that does not answer, in milliseconds. */
const KEEP_TOKENS_FOR_MS = 10 * 60 * 1000;

/** Creates them over a driver. */
export function createStoredTokens(
  driver: StoreDriver,
  tokenBox: TokenBox,
  keyPrefix: string,
  recentTokens: RecentTokens,
): StoredTokens {
  return {
    async readTokens(id, browserPart) {
      const key = loginKeysOf(keyPrefix, id).login;
      const [stored, sealed] = await driver.read(key, ["r", "t"]);
      if (stored === undefined || sealed === undefined) return undefined;
      const revision = stored.toString();
      if (revision === PREPARED) return undefined;
      const tokens = tokenBox.open(sealed, key, browserPart);
      if (tokens === undefined) return undefined;
      const opened = { revision: Number(revision), tokens };
      recentTokens.keep(id, opened);
      return opened;
    },
    recentTokens: recentTokens.get,
    async replaceTokens(
      id,
      expectedRevision,
      tokens,
      { browserPart, stop } = {},
    ) {
      const key = loginKeysOf(keyPrefix, id).login;
      const sealed = tokenBox.seal(tokens, key, browserPart);
      const writer = randomUUID();
      const outcome = await keepTrying(
        () => replace(driver, key, expectedRevision, sealed, writer),
        {
          milliseconds: KEEP_TOKENS_FOR_MS,
          ...(stop && { stop }),
          isHopeless: () => driver.isClosed?.() === true,
        },
      );
      recentTokens.forget(id);
      return outcome;
    },
  };
}

/**
 * A write that names an old revision changes nothing, and one that finds no
 * login does not make half of one. A writer that got no answer asks again, and
 * finds its own name (`w`). With the old tokens goes the mark of whoever was
 * spending them (`o`).
 */
async function replace(
  driver: StoreDriver,
  key: string,
  expectedRevision: number,
  sealed: Buffer,
  writer: string,
): Promise<ReplaceOutcome> {
  const next = String(expectedRevision + 1);
  const { index } = await driver.decide([
    { when: [{ key, field: "r", isOneOf: [undefined] }], then: [] },
    { when: [{ key, field: "w", isOneOf: [writer] }], then: [] },
    {
      when: [{ key, field: "r", isOneOf: [String(expectedRevision)] }],
      then: [{ set: key, fields: { r: next, w: writer, t: sealed, o: "" } }],
    },
  ]);
  if (index === 0) return "ended";
  return index === -1 ? "conflict" : "stored";
}
