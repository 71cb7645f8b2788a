/** Checks proofs of possession (RFC 9449 section 4.3), for the test provider and for test resource servers. */
import {
  constants,
  createHash,
  createPublicKey,
  type JsonWebKey,
  verify,
} from "node:crypto";

import { type Claims, hashOf } from "./signed-token.js";
import { nowSeconds } from "./state.js";

/** How proofs may be signed. */
export const PROOF_ALGORITHMS: readonly string[] = [
  "ES256",
  "EdDSA",
  "Ed25519",
  "PS256",
];

/** How old a proof may be, and how far ahead its clock. Seconds. */
const TOLERANCE = 60;

/** What a proof has to fit. */
export interface Proven {
  /** The header `DPoP`. */
  readonly proof: unknown;
  readonly method: string;
  /** Without query and fragment. */
  readonly url: string;
  /** Undefined: at the token endpoint. */
  readonly accessToken?: string;
  /** What it must hold; undefined: none. */
  readonly nonce: string | undefined;
  /** Which proofs were used; a good one is added. */
  readonly uses: Set<string>;
}

/** Why a proof is refused. */
export type ProofError = "invalid_dpop_proof" | "use_dpop_nonce";

/** The thumbprint of the proven key (RFC 7638), or why the proof is no good. */
export function readProof(
  proven: Proven,
):
  | { readonly jkt: string; readonly error?: undefined }
  | { readonly error: ProofError } {
  const { proof, method, url, accessToken, nonce, uses } = proven;
  const [head = "", body = "", signature = "", more] = String(proof).split(".");
  const { typ, alg, jwk } = jsonOf(head);
  const { jti, htm, htu, iat, ath, nonce: sent } = jsonOf(body);
  const hash =
    accessToken === undefined
      ? undefined
      : createHash("sha256").update(accessToken).digest("base64url");
  const isRight =
    more === undefined &&
    typ === "dpop+jwt" &&
    typeof alg === "string" &&
    PROOF_ALGORITHMS.includes(alg) &&
    isPublicKey(jwk) &&
    isSignedBy(jwk, alg, `${head}.${body}`, signature) &&
    htm === method &&
    htu === url &&
    ath === hash &&
    Math.abs(Number(iat) - nowSeconds()) <= TOLERANCE &&
    typeof jti === "string" &&
    !uses.has(jti);
  if (!isRight) return { error: "invalid_dpop_proof" };
  if (nonce !== undefined && sent !== nonce) return { error: "use_dpop_nonce" };
  uses.add(jti);
  return { jkt: thumbprintOf(jwk) };
}

function isPublicKey(jwk: unknown): jwk is JsonWebKey {
  return typeof jwk === "object" && jwk !== null && !("d" in jwk);
}

function isSignedBy(
  jwk: JsonWebKey,
  alg: string,
  input: string,
  signature: string,
): boolean {
  const key = createPublicKey({ format: "jwk", key: jwk });
  return verify(
    key.asymmetricKeyType === "ed25519" ? null : hashOf(alg),
    Buffer.from(input),
    {
      key,
      dsaEncoding: "ieee-p1363",
      ...(alg.startsWith("PS") && {
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }),
    },
    Buffer.from(signature, "base64url"),
  );
}

/** Of the required members alone, in the order of their names. */
function thumbprintOf({ crv, e, kty, n, x, y }: JsonWebKey): string {
  const members = JSON.stringify({ crv, e, kty, n, x, y });
  return createHash("sha256").update(members).digest("base64url");
}

function jsonOf(part: string): Claims {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString()) as Claims;
  } catch {
    return {};
  }
}
