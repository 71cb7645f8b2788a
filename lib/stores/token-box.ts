/** Seals the tokens of logins for the store: under the server's secret, or under that and the browser's part of the key. */
import { packTokens, unpackTokens } from "./packed-tokens.js";
import { plainTokenSet, toTokenSet } from "./plain-records.js";
import type { BrowserPart, TokenSet } from "./records.js";
import type { SealedBox } from "./sealed-box.js";

/** Seals tokens and opens them. */
export interface TokenBox {
  /** Seals tokens for the record of their login. */
  readonly seal: (
    tokens: TokenSet,
    key: string,
    browserPart: BrowserPart | undefined,
  ) => Buffer;
  /**
   * The other way round, however they were sealed: the option may have been
   * another then. Undefined: they were not sealed for this record, or under a
   * secret that is no longer known, or their browser is not there.
   */
  readonly open: (
    sealed: Buffer,
    key: string,
    browserPart: BrowserPart | undefined,
  ) => TokenSet | undefined;
}

/**
 * Creates it.
 *
 * @param needsBrowser whether what is sealed from now on opens with the browser's part only
 */
export function createTokenBox(
  sealedBox: SealedBox,
  needsBrowser: boolean,
): TokenBox {
  return {
    seal(tokens, key, browserPart) {
      const packed = packTokens(plainTokenSet(tokens));
      if (!needsBrowser) return sealedBox.seal(packed, key);
      const part = browserPart?.();
      if (part === undefined) {
        throw new TypeError(
          "tokens are sealed for a browser that is not there",
        );
      }
      return sealedBox.seal(packed, key, part);
    },
    open(sealed, key, browserPart) {
      const packed = sealedBox.openBytes(sealed, key, browserPart);
      return packed === undefined
        ? undefined
        : toTokenSet(unpackTokens(packed));
    },
  };
}
