/** The newest nonce that each server wants to find in proofs (RFC 9449 8). */
import { BoundedMap } from "./bounded-map.js";

/** Of how many origins; the one that was heard of first makes room. */
const MAX_ORIGINS = 100;

/** Longest nonce that is kept, in characters: it goes into a header with every request. */
const MAX_LENGTH = 1024;

// RFC 9449 8.1.
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Nonces, each of one origin. */
export interface ServerNonces {
  readonly of: (origin: string) => string | undefined;
  /** Keeps a server's `DPoP-Nonce`; anything that is no nonce is left alone. */
  readonly note: (origin: string, nonce: unknown) => void;
}

/** Begins with none. */
export function createServerNonces(): ServerNonces {
  const nonces = new BoundedMap<string>(MAX_ORIGINS);
  return {
    of: (origin) => nonces.get(origin),
    note(origin, nonce) {
      if (typeof nonce !== "string" || nonce.length > MAX_LENGTH) return;
      if (NONCE.test(nonce)) nonces.set(origin, nonce);
    },
  };
}
