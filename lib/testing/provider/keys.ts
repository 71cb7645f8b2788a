/**
 * The keys of the test provider.
 *
 * `node:crypto` instead of jose: jose makes no wrong token, and what the tests
 * verify with jose is then the work of another implementation.
 */
import {
  generateKeyPair,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
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
  /** Of ML-DSA-44. Undefined: this Node.js has none. */
  readonly mlDsa: SigningKey | undefined;
}

/** The keys that a provider signs with, and its JWK Set. */
export interface PublishedKeys extends SigningKeys {
  readonly jwks: readonly PublishedKey[];
}

const generate = promisify(generateKeyPair);
const RSA = { modulusLength: 2048 };
const P256 = { namedCurve: "P-256" };

const published: Promise<PublishedKeys>[] = [];

/**
 * The keys before the first rotation (0), after it (1), and so on.
 *
 * Made once for all providers of a test file: an RSA key takes longer than a login.
 */
export function publishedKeys(rotation: number): Promise<PublishedKeys> {
  return (published[rotation] ??= makePublishedKeys(rotation));
}

let foreign: SigningKeys | undefined;

/** Keys that no provider publishes, made when somebody asks for them. */
export function foreignKeys(): SigningKeys {
  return (foreign ??= {
    rsa: made("foreign-rsa", generateKeyPairSync("rsa", RSA)),
    ec: made("foreign-ec", generateKeyPairSync("ec", P256)),
    ed: made("foreign-ed", generateKeyPairSync("ed25519")),
    mlDsa: mlDsaKey("foreign-ml-dsa"),
  });
}

/** What the conformance suite serves, and a key that nobody can import. */
async function makePublishedKeys(rotation: number): Promise<PublishedKeys> {
  const name = `key-${rotation}`;
  const rsa = made(`${name}-rsa`, await generate("rsa", RSA));
  const ec = made(`${name}-ec`, generateKeyPairSync("ec", P256));
  const ed = made(`${name}-ed`, generateKeyPairSync("ed25519"));
  const mlDsa = mlDsaKey(`${name}-ml-dsa`);
  return {
    rsa,
    ec,
    ed,
    mlDsa,
    jwks: [
      { kty: "XYZ", kid: `${name}-xyz`, use: "sig", xyz: "unheard of" },
      rsa.jwk,
      ec.jwk,
      ed.jwk,
      ...(mlDsa ? [mlDsa.jwk] : []),
      rsaOfNobody(`${name}-rsa-2`),
      ecOfNobody(`${name}-ec-2`, "P-256"),
      ecOfNobody(`${name}-secp256k1`, "secp256k1"),
      rsaOfNobody(`${name}-rsa-encryption`, "enc"),
      ecOfNobody(`${name}-ec-encryption`, "P-256", "enc"),
    ],
  };
}

/** RFC 9964, from Node.js 24.7 on. */
function mlDsaKey(kid: string): SigningKey | undefined {
  const makeKeyPair = generateKeyPairSync as (
    type: string,
  ) => KeyPairKeyObjectResult;
  try {
    return made(kid, makeKeyPair("ml-dsa-44"));
  } catch {
    return undefined;
  }
}

function ecOfNobody(
  kid: string,
  namedCurve: string,
  use?: string,
): PublishedKey {
  return made(kid, generateKeyPairSync("ec", { namedCurve }), use).jwk;
}

/** Looks like any other, and took no time to find: nobody has to sign with it. */
function rsaOfNobody(kid: string, use = "sig"): PublishedKey {
  const modulus = randomBytes(256);
  modulus[0] = 0xc0;
  modulus[255] = 0x01;
  return { kty: "RSA", e: "AQAB", n: modulus.toString("base64url"), kid, use };
}

function made(
  kid: string,
  { privateKey, publicKey }: KeyPairKeyObjectResult,
  use = "sig",
): SigningKey {
  // No `alg`: the suite publishes none.
  return {
    kid,
    privateKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, use },
  };
}
