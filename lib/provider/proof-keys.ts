/** The keys that tokens are bound to: made for one login, read back wherever it is used (DPoP, RFC 9449). */
import { createHash } from "node:crypto";
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from "jose";
import type { CryptoKey } from "openid-client";
import { BoundedMap } from "../base/bounded-map.js";
import { Secret } from "../base/secret.js";

/** Algorithms of proofs, the one that is preferred first. */
export const PROOF_ALGORITHMS = ["ES256", "Ed25519", "EdDSA", "PS256"] as const;

/** How a proof is signed. */
export type ProofAlgorithm = (typeof PROOF_ALGORITHMS)[number];

/** A key that was read. */
export interface ProofKey {
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  /** What a proof shows of it. */
  readonly publicJwk: JWK;
}

/** For how many logins keys stay read; the one that was read first makes room. */
const MAX_KEYS = 10_000;

const keys = new BoundedMap<Promise<ProofKey>>(MAX_KEYS);

/** Makes a key: its private JWK, as it is kept. */
export async function newProofKey(algorithm: ProofAlgorithm): Promise<Secret> {
  const { privateKey } = await generateKeyPair(algorithm, {
    extractable: true,
  });
  const jwk = { ...(await exportJWK(privateKey)), alg: algorithm };
  return new Secret(JSON.stringify(jwk));
}

/** Reads a key, once in this process. */
export function readProofKey(kept: Secret): Promise<ProofKey> {
  // Not the key itself: what names it shows nothing of it.
  const name = createHash("sha256").update(kept.reveal()).digest("base64");
  const known = keys.get(name);
  if (known !== undefined) return known;
  const read = importProofKey(jwkOf(kept));
  keys.set(name, read);
  return read;
}

/** What `cnf.jkt` of tokens says that are bound to a key, and `dpop_jkt` of the request for them (RFC 9449 6.1, 10). */
export async function thumbprintOf(kept: Secret): Promise<string> {
  return calculateJwkThumbprint(publicPartOf(jwkOf(kept)));
}

/** A key as openid-client takes it: requests to the provider are rare, so the public half is not kept. */
export async function readKeyPair(
  kept: Secret,
): Promise<ProofKey & { readonly publicKey: CryptoKey }> {
  const key = await readProofKey(kept);
  const publicKey = await importJWK(key.publicJwk, key.algorithm, {
    extractable: true,
  });
  return { ...key, publicKey: publicKey as CryptoKey };
}

function jwkOf(kept: Secret): JWK {
  return JSON.parse(kept.reveal()) as JWK;
}

async function importProofKey(jwk: JWK): Promise<ProofKey> {
  const { alg = "ES256" } = jwk;
  const privateKey = await importJWK(jwk, alg);
  return {
    algorithm: alg,
    // Asymmetric keys are never bytes.
    privateKey: privateKey as CryptoKey,
    publicJwk: publicPartOf(jwk),
  };
}

/** What RFC 7638 makes a thumbprint of, and nothing private. */
function publicPartOf({ kty, crv, x, y, n, e }: JWK): JWK {
  const members = { kty, crv, x, y, n, e };
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  );
}
