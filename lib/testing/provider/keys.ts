/**
 * The keys of the test provider.
 *
 * `node:crypto` instead of jose: jose makes no wrong token, and what the tests
 * verify with jose is then the work of another implementation.
 */
import {
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from "node:crypto";
import { promisify } from "node:util";

/** A key pair under its `kid`. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** The public key as it is published. */
  readonly jwk: PublishedKey;
}

/** A member of the JWK Set. */
export type PublishedKey = JsonWebKey & {
  readonly kid?: string;
  readonly use?: string;
};

/** One key for each family of algorithms. */
export interface SigningKeys {
  readonly rsa: SigningKey;
  readonly ec: SigningKey;
  readonly ed: SigningKey;
}

/** The keys that a provider signs with, and its JWK Set. */
export interface PublishedKeys extends SigningKeys {
  readonly jwks: readonly PublishedKey[];
}

const generate = promisify(generateKeyPair);
const rsa = () => generate("rsa", { modulusLength: 2048 });
const ec = (namedCurve: string) => generate("ec", { namedCurve });
const ed = () => generate("ed25519");

const published: Promise<PublishedKeys>[] = [];

/**
 * The keys before the first rotation (0), after it (1), and so on.
 *
 * Made once for all providers of a test file: an RSA key takes longer than a login.
 */
export function publishedKeys(rotation: number): Promise<PublishedKeys> {
  return (published[rotation] ??= makePublishedKeys(rotation));
}

let foreign: Promise<SigningKeys> | undefined;

/** Keys that no provider publishes. */
export function foreignKeys(): Promise<SigningKeys> {
  return (foreign ??= makeSigningKeys("foreign"));
}

/** What the conformance suite serves, and a key that nobody can import. */
async function makePublishedKeys(rotation: number): Promise<PublishedKeys> {
  const name = `key-${rotation}`;
  const [signing, ...others] = await Promise.all([
    makeSigningKeys(name),
    made(`${name}-rsa-2`, rsa()),
    made(`${name}-ec-2`, ec("P-256")),
    made(`${name}-secp256k1`, ec("secp256k1")),
    made(`${name}-rsa-encryption`, rsa(), "enc"),
    made(`${name}-ec-encryption`, ec("P-256"), "enc"),
  ]);
  return {
    ...signing,
    jwks: [
      { kty: "XYZ", kid: `${name}-xyz`, use: "sig", xyz: "unheard of" },
      ...[signing.rsa, signing.ec, signing.ed, ...others].map((key) => key.jwk),
    ],
  };
}

async function makeSigningKeys(name: string): Promise<SigningKeys> {
  const [rsaKey, ecKey, edKey] = await Promise.all([
    made(`${name}-rsa`, rsa()),
    made(`${name}-ec`, ec("P-256")),
    made(`${name}-ed`, ed()),
  ]);
  return { rsa: rsaKey, ec: ecKey, ed: edKey };
}

async function made(
  kid: string,
  pair: Promise<KeyPairKeyObjectResult>,
  use = "sig",
): Promise<SigningKey> {
  const { privateKey, publicKey } = await pair;
  // No `alg`: the suite publishes none.
  return {
    kid,
    privateKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, use },
  };
}
