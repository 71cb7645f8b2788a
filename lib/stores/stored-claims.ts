/** The claims of logins in the store, when they are renewed. */
import { loginKeysOf, PREPARED } from "./login-keys.js";
import type { LoginShelf } from "./login-shelf.js";
import type { LoginRecord } from "./records.js";
import type { ReplaceOutcome } from "./stored-tokens.js";

/** What is asked of claims; they are read with their login. */
export interface StoredClaims {
  /**
   * Replaces the claims of a login, and when they were asked for, where they are
   * still those of `before`; never brings an ended login back.
   */
  readonly replaceClaims: (
    id: string,
    before: LoginRecord,
    next: LoginRecord,
  ) => Promise<ReplaceOutcome>;
}

/**
 * Creates them. `c` is when the claims were asked for, in clear, so that the
 * store can compare it; a login whose claims were never renewed has none.
 */
export function createStoredClaims({
  driver,
  keyPrefix,
  opened,
}: Pick<LoginShelf, "driver" | "keyPrefix" | "opened">): StoredClaims {
  return {
    async replaceClaims(id, before, next) {
      const key = loginKeysOf(keyPrefix, id).login;
      const { unchanging: i } = opened.seal(key, next);
      const c = String(next.claimsAt);
      const known = before.claimsAt?.toString();
      const { index } = await driver.decide([
        {
          when: [{ key, field: "r", isOneOf: [undefined, PREPARED] }],
          then: [],
        },
        {
          when: [{ key, field: "c", isOneOf: [known] }],
          then: [{ set: key, fields: { i, c } }],
        },
      ]);
      if (index === 0) return "ended";
      return index === 1 ? "stored" : "conflict";
    },
  };
}
