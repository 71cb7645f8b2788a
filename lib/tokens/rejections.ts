/** Keeps a resource server that refuses every token from making us ask for ever new ones. */
import {
  createAllowance,
  type Allowance,
  type Rate,
} from "../base/allowance.js";
import { BoundedMap } from "../base/bounded-map.js";
import { LoginKitError } from "../base/errors.js";

/** Remembers at most this many refusals. */
const MAX_REJECTIONS = 10_000;

/** A new token that is refused again is not followed by another at once. */
const ONE_RENEWAL: Rate = { atOnce: 1, everyMs: 30_000 };

/** Tokens that were refused and renewed, by name. */
export interface Rejections {
  /** @throws {LoginKitError} `ERR_ACCESS_TOKEN_REJECTED` when one was followed by a new token just now */
  readonly check: (name: string) => void;
  readonly note: (name: string) => void;
}

/** Creates the memory of one process. */
export function createRejections(now: () => number): Rejections {
  const left = new BoundedMap<Allowance>(MAX_REJECTIONS);
  return {
    check(name) {
      if (left.get(name)?.isEmpty() === true) {
        throw new LoginKitError("ERR_ACCESS_TOKEN_REJECTED");
      }
    },
    note(name) {
      const allowance = createAllowance(ONE_RENEWAL, now);
      allowance.take();
      left.set(name, allowance);
    },
  };
}
