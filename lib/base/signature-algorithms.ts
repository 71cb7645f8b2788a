/** The one table of signature algorithms (RFC 7518 3.1, RFC 8037, RFC 9864, RFC 9964). */
import { createHash, generateKeyPairSync } from "node:crypto";

/** What is known of an algorithm. */
interface SignatureAlgorithm {
  /** `secret`: made with the client secret. `published`: checked with a published key. */
  readonly key: "secret" | "published";
  /** What hashes an access token for `at_hash` (Core 3.1.3.6). */
  readonly hash: "sha256" | "sha384" | "sha512" | "shake256";
  /** Whether the FAPI 2.0 Security Profile allows it (5.4.1). */
  readonly isOfFapi2: boolean;
}

const published = (
  hash: SignatureAlgorithm["hash"],
  isOfFapi2 = false,
): SignatureAlgorithm => ({ key: "published", hash, isOfFapi2 });

const secret = (hash: SignatureAlgorithm["hash"]): SignatureAlgorithm => ({
  key: "secret",
  hash,
  isOfFapi2: false,
});

/** An algorithm of the table. */
export type SignatureAlgorithmName =
  | `${"RS" | "PS" | "ES" | "HS"}${"256" | "384" | "512"}`
  | "EdDSA"
  | "Ed25519"
  | `ML-DSA-${"44" | "65" | "87"}`;

const ALGORITHMS: Readonly<Record<SignatureAlgorithmName, SignatureAlgorithm>> =
  {
    RS256: published("sha256"),
    RS384: published("sha384"),
    RS512: published("sha512"),
    PS256: published("sha256", true),
    PS384: published("sha384"),
    PS512: published("sha512"),
    ES256: published("sha256", true),
    ES384: published("sha384"),
    ES512: published("sha512"),
    EdDSA: published("sha512", true),
    Ed25519: published("sha512", true),
    "ML-DSA-44": published("shake256"),
    "ML-DSA-65": published("shake256"),
    "ML-DSA-87": published("shake256"),
    HS256: secret("sha256"),
    HS384: secret("sha384"),
    HS512: secret("sha512"),
  };

const NAMES = Object.keys(ALGORITHMS) as SignatureAlgorithmName[];

/** All of them. */
export const SIGNATURE_ALGORITHMS: readonly SignatureAlgorithmName[] = NAMES;

/** Those that are checked with a published key. */
export const PUBLIC_KEY_ALGORITHMS: readonly SignatureAlgorithmName[] =
  NAMES.filter((name) => ALGORITHMS[name].key === "published");

/** Those that the FAPI 2.0 Security Profile allows. */
export const FAPI2_ALGORITHMS: readonly SignatureAlgorithmName[] = NAMES.filter(
  (name) => ALGORITHMS[name].isOfFapi2,
);

/** Whether a text names one. */
export function isSignatureAlgorithm(
  name: unknown,
): name is SignatureAlgorithmName {
  return typeof name === "string" && Object.hasOwn(ALGORITHMS, name);
}

/** Left half of the hash that belongs to the algorithm, in base64url (Core 3.1.3.6). */
export function leftHalfOfHash(
  text: string,
  name: SignatureAlgorithmName,
): string {
  const { hash } = ALGORITHMS[name];
  const digest = createHash(
    hash,
    // RFC 9964 has no word on it; oauth4webapi and others take 512 bits.
    hash === "shake256" ? { outputLength: 64 } : {},
  )
    .update(text)
    .digest();
  return digest.subarray(0, digest.length / 2).toString("base64url");
}

/** Makes a key pair, and throws where the type is not known. */
type MakeKeyPair = (type: string) => unknown;

/**
 * Why this Node.js cannot check signatures of an algorithm; undefined: it can.
 *
 * @param makeKeyPair what is tried. Default: Node's own
 */
export function whyUnavailable(
  name: string,
  makeKeyPair: MakeKeyPair = generateKeyPairSync as MakeKeyPair,
): string | undefined {
  if (!name.startsWith("ML-DSA-")) return undefined;
  try {
    makeKeyPair(name.toLowerCase());
    return undefined;
  } catch {
    return `${name} needs Node.js 24.7 or later with OpenSSL 3.5; this is ${process.version} with OpenSSL ${process.versions.openssl}`;
  }
}
