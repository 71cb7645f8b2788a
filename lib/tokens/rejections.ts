/** Keeps a resource server that refuses every token from making us ask for ever new ones. */
import { BoundedMap } from "../base/bounded-map.js";
import { LoginKitError } from "../base/errors.js";

/** Remembers at most this many refusals. */
const MAX_REJECTIONS = 10_000;

/** How long a new token that is refused again is not followed by another. */
const PAUSE_MS = 30_000;

/** Tokens that were refused and renewed, by name. */
export interface Rejections {
  /** @throws {LoginKitError} `ERR_ACCESS_TOKEN_REJECTED` when one was followed by a new token just now */
  readonly check: (name: string) => void;
  readonly note: (name: string) => void;
}

/** Creates the memory of one process. */
export function createRejections(now: () => number): Rejections {
  const notedAt = new BoundedMap<number>(MAX_REJECTIONS);
  return {
    check(name) {
      const before = notedAt.get(name);
      if (before !== undefined && now() - before < PAUSE_MS) {
        throw new LoginKitError("ERR_ACCESS_TOKEN_REJECTED");
      }
    },
    note(name) {
      notedAt.set(name, now());
    },
  };
}
