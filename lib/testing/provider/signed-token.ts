/** Signs JWTs as they should be, or as a test wants them. */
import {
  constants,
  createHash,
  createHmac,
  type KeyObject,
  randomUUID,
  sign as signWith,
} from "node:crypto";

import { foreignKeys, type SigningKey, type SigningKeys } from "./keys.js";

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

/** What is not as it should be in a token. Everything left out is right. */
export interface WrongToken {
  /** Claims to replace, `undefined` removes one; or a function of the right claims. */
  readonly claims?: Claims | ((right: Claims) => Claims);
  /** Changes the claims' JSON, which may be such as no object is written as. */
  readonly json?: (right: string) => string;
  /**
   * Header parameters to replace or add; `undefined` removes one.
   *
   * `alg` also decides how the token is signed: "none" not at all, "HS256" with
   * the client secret, the others with the published key of that kind.
   */
  readonly header?: TokenHeader;
  /** Default "published". */
  readonly key?: KeyChoice;
  /** Replaces the whole token; gets the token as it would have been. */
  readonly token?: (token: string) => string;
}

/** The protected header of a token; may have any member. */
export interface TokenHeader {
  readonly alg?: string | undefined;
  readonly [parameter: string]: unknown;
}

/**
 * What a token is signed with.
 *
 * - "published": what its `kid` names
 * - "foreign": a key that is not published, under the `kid` of the published one
 * - "foreign-kid": a key that is not published, under a `kid` that is not either
 * - bytes: the secret of an HS256 token
 */
export type KeyChoice = "published" | "foreign" | "foreign-kid" | Uint8Array;

/** A token as it should be, and what can sign it. */
export interface RightToken {
  readonly claims: Claims;
  readonly alg: string;
  readonly published: SigningKeys;
  readonly clientSecret: string;
}

/** The token in compact form. */
export function signToken(right: RightToken, lie: WrongToken = {}): string {
  // A header without `alg` is still signed somehow.
  const { alg = right.alg } = lie.header ?? {};
  const { kid, signature } = signerOf(alg, right, lie.key ?? "published");
  const header = { alg, kid, ...lie.header };
  const claims = JSON.stringify(changedClaims(right.claims, lie));
  const input = `${encoded(JSON.stringify(header))}.${encoded(lie.json?.(claims) ?? claims)}`;
  const token = `${input}.${signature(input)}`;
  return lie.token?.(token) ?? token;
}

/** The same token with a signature that is not its own. */
export function withBrokenSignature(token: string): string {
  const [header = "", claims = "", signature = ""] = token.split(".");
  // The first character: the last one may carry bits that nobody reads.
  const first = signature.startsWith("A") ? "B" : "A";
  return [header, claims, first + signature.slice(1)].join(".");
}

/** JSON leaves out what is undefined, which is how a lie removes a member. */
function changedClaims(right: Claims, { claims }: WrongToken): Claims {
  return typeof claims === "function" ? claims(right) : { ...right, ...claims };
}

function encoded(text: string): string {
  return Buffer.from(text).toString("base64url");
}

interface Signer {
  readonly kid: string | undefined;
  readonly signature: (input: string) => string;
}

function signerOf(alg: string, right: RightToken, choice: KeyChoice): Signer {
  if (alg === "none") return { kid: undefined, signature: () => "" };
  if (alg.startsWith("HS")) {
    const secret = choice instanceof Uint8Array ? choice : right.clientSecret;
    return {
      kid: undefined,
      signature: (input) =>
        createHmac(hashOf(alg), secret).update(input).digest("base64url"),
    };
  }
  const isForeign = choice === "foreign" || choice === "foreign-kid";
  const key = keyFor(alg, isForeign ? foreignKeys() : right.published);
  return {
    kid:
      choice === "foreign-kid"
        ? randomUUID()
        : keyFor(alg, right.published).kid,
    signature: (input) => signatureOf(alg, key.privateKey, Buffer.from(input)),
  };
}

function keyFor(alg: string, keys: SigningKeys): SigningKey {
  if (alg.startsWith("RS") || alg.startsWith("PS")) return keys.rsa;
  if (alg === "ES256") return keys.ec;
  if (alg === "EdDSA" || alg === "Ed25519") return keys.ed;
  if (alg === "ML-DSA-44" && keys.mlDsa) return keys.mlDsa;
  throw new Error(`the test provider has no key for ${alg}`);
}

function signatureOf(alg: string, key: KeyObject, input: Buffer): string {
  if (key.asymmetricKeyType === "ed25519" || isPostQuantum(alg)) {
    return signWith(null, input, key).toString("base64url");
  }
  return signWith(hashOf(alg), input, {
    key,
    dsaEncoding: "ieee-p1363",
    ...(alg.startsWith("PS") && {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }),
  }).toString("base64url");
}

/** The left half of a hash of a token, for `at_hash` (Core 3.1.3.6). */
export function leftHalfHash(alg: string, token: string): string {
  const hash = (
    isPostQuantum(alg)
      ? // RFC 9964 does not say it: as openid-client has it.
        createHash("shake256", { outputLength: 64 })
      : createHash(hashOf(alg))
  )
    .update(token)
    .digest();
  return hash.subarray(0, hash.length / 2).toString("base64url");
}

/** Signs without a hash of its own, as Ed25519 does. */
function isPostQuantum(alg: string): boolean {
  return alg.startsWith("ML-DSA-");
}

/** The hash function that belongs to an `alg`. */
export function hashOf(alg: string): string {
  const bits = /(?:256|384|512)$/.exec(alg)?.[0] ?? "512";
  return alg === "none" || alg === "Ed25519" || alg === "EdDSA"
    ? "sha512"
    : `sha${bits}`;
}
