/** Checks proofs of possession at a resource server (DPoP, RFC 9449 section 4.3). */
import { createHash } from "node:crypto";
import {
  calculateJwkThumbprint,
  decodeProtectedHeader,
  EmbeddedJWK,
  errors,
  jwtVerify,
} from "jose";
import type { JWTPayload } from "jose";

/** How proofs may be signed: with keys that the API never shares. */
export const PROOF_ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "PS256"];

/** How old a proof may be, in seconds, and how far its clock may be ahead. */
const MAX_AGE_SECONDS = 60;
const AHEAD_SECONDS = 5;

/** What a proof has to fit. */
export interface Proven {
  /** The header `DPoP`, as it came. */
  readonly proof: string | undefined;
  readonly method: string;
  /** Where this server is asked, without query: by its own configuration, never by a header of the request. */
  readonly url: string;
  readonly accessToken: string;
  /** The thumbprint of the key that the access token is bound to (`cnf.jkt`). */
  readonly thumbprint: unknown;
}

type ProofError = "invalid_dpop_proof" | "invalid_token" | "use_dpop_nonce";

/** The proof is not good for this request, or the server wants its nonce in it. */
export class ProofRefused extends Error {
  readonly code: ProofError;

  constructor(code: ProofError, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Creates the check. It remembers each proof for as long as it would be good,
 * so none is good twice.
 *
 * @param nonce what proofs have to hold; absent: nothing
 * @throws {ProofRefused} by its result
 */
export function createProofCheck(
  nonce?: () => string,
): (proven: Proven) => Promise<void> {
  const isFirstUse = createUses();

  return async function checkProof(proven) {
    const { proof, method, url, accessToken, thumbprint } = proven;
    // Two headers arrive as one with a comma, which no JWT has.
    if (proof === undefined || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(proof)) {
      throw refused("the request has no proof, or more than one");
    }
    const claims = await verified(proof);
    const { jti, htm, htu, ath } = claims;
    if (htm !== method) throw refused("the proof is for another method");
    if (htu !== url) throw refused("the proof is for another address");
    const hash = createHash("sha256").update(accessToken).digest("base64url");
    if (ath !== hash) throw refused("the proof is for another access token");
    if ((await thumbprintOf(proof)) !== thumbprint) {
      throw new ProofRefused(
        "invalid_token",
        "the access token is bound to another key",
      );
    }
    if (nonce !== undefined && claims["nonce"] !== nonce()) {
      throw new ProofRefused("use_dpop_nonce", "the proof lacks the nonce");
    }
    if (typeof jti !== "string" || !isFirstUse(`${thumbprint} ${jti}`)) {
      throw refused("the proof was used before");
    }
  };
}

async function verified(proof: string): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(proof, EmbeddedJWK, {
      typ: "dpop+jwt",
      algorithms: PROOF_ALGORITHMS,
      maxTokenAge: MAX_AGE_SECONDS,
      clockTolerance: AHEAD_SECONDS,
      requiredClaims: ["jti", "htm", "htu", "iat", "ath"],
    });
    return payload;
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    throw refused(error.message);
  }
}

/** The thumbprint of the key that a proof shows. */
async function thumbprintOf(proof: string): Promise<string> {
  const { jwk } = decodeProtectedHeader(proof);
  if (jwk === undefined) throw refused("the proof shows no key");
  return calculateJwkThumbprint(jwk);
}

/** Remembers what was used for as long as it could be used again, and no longer. */
function createUses(): (name: string) => boolean {
  const goneAt = new Map<string, number>();
  return function isFirstUse(name) {
    const now = Date.now();
    // The first that was used is the first that can be forgotten.
    for (const [used, at] of goneAt) {
      if (at > now) break;
      goneAt.delete(used);
    }
    if (goneAt.has(name)) return false;
    goneAt.set(name, now + (MAX_AGE_SECONDS + 2 * AHEAD_SECONDS) * 1000);
    return true;
  };
}

function refused(message: string): ProofRefused {
  return new ProofRefused("invalid_dpop_proof", message);
}
