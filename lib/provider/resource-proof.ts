/** A proof of possession for one request to a resource server (RFC 9449 4.2). */
import { createHash, randomUUID } from "node:crypto";
import { CompactSign } from "jose";
import type { Secret } from "../base/secret.js";
import { readProofKey } from "./proof-keys.js";

/** What a proof is good for: this request with this token, in this moment. */
export interface ProvenRequest {
  readonly method: string;
  readonly url: URL;
  readonly token: Secret;
  /** What the server wants to find in it. */
  readonly nonce: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Signs a proof with the key that the token is bound to. */
export async function proofOf(
  { method, url, token, nonce, at }: ProvenRequest,
  proofKey: Secret,
): Promise<string> {
  const { algorithm, privateKey, publicJwk } = await readProofKey(proofKey);
  const claims = {
    jti: randomUUID(),
    htm: method,
    // Without query and fragment: what stands there differs where a proxy writes it anew.
    htu: url.origin + url.pathname,
    iat: Math.floor(at / 1000),
    ath: createHash("sha256").update(token.reveal()).digest("base64url"),
    ...(nonce !== undefined && { nonce }),
  };
  // SignJWT would copy the claims and read them again: a seventh of the work.
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: algorithm, typ: "dpop+jwt", jwk: publicJwk })
    .sign(privateKey);
}
