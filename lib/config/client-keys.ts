/** The client's own private keys: how an application hands them over, and what is known of each. */
import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  KeyObject,
} from "node:crypto";
import { types } from "node:util";
import type { CryptoKey } from "openid-client";
import { isPlainObject } from "../base/checked.js";
import {
  isSignatureAlgorithm,
  type SignatureAlgorithmName,
} from "../base/signature-algorithms.js";
import { type KeySource, keysNow, readKeySource } from "./key-source.js";

/** A private key as PEM (PKCS #8, PKCS #1 or SEC 1). */
export interface PemKey {
  readonly pem: string;
  /** What opens it. Default: it is not encrypted. */
  readonly passphrase?: string;
  /** The name under which the provider knows it. Default: none. */
  readonly kid?: string;
  /** The one algorithm that it is used with. Default: what fits to it; RSA keys sign by `PS256`, or by `RS256` where the provider takes that alone. */
  readonly alg?: string;
}

/** A key of Web Crypto or `node:crypto`, with its name. */
export interface HeldKey {
  readonly key: CryptoKey | KeyObject;
  /** The name under which the provider knows it. Default: none. */
  readonly kid?: string;
  /** As for {@link PemKey}. */
  readonly alg?: string;
}

/** A key that is somewhere else, such as in a key management service: only what it signs comes and goes. */
export interface RemoteKey {
  /** What it signs with, such as `ES256`. */
  readonly alg: string;
  /** The name under which the provider knows it. Default: none. */
  readonly kid?: string;
  /** Signs these bytes. May ask a service. */
  readonly sign: (data: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  /** How ECDSA signatures come: `jws`, R and S behind each other, or `der`, as AWS and Google give them. Default `jws`. */
  readonly format?: "jws" | "der";
  /** The public key, for `publicKeys`. Default: not published. */
  readonly publicKey?: JsonWebKey;
}

/** One private key of the client: PEM, JWK, a key object, or something that signs. */
export type ClientKey =
  string | PemKey | HeldKey | RemoteKey | CryptoKey | KeyObject | JsonWebKey;

/**
 * The client's keys: one, or a list of which the first signs, or a function that
 * gives either and is asked at each use, so that keys change without a restart.
 */
export type ClientKeys =
  | ClientKey
  | readonly ClientKey[]
  | (() =>
      | ClientKey
      | readonly ClientKey[]
      | Promise<ClientKey | readonly ClientKey[]>);

/** A key, read. */
export interface KnownKey {
  /** What it can sign with; the first that the provider takes. */
  readonly algs: readonly SignatureAlgorithmName[];
  readonly kid: string | undefined;
  readonly signer: KeyObject | RemoteKey;
}

/** Keys, read. The first one signs. */
export type ClientKeySource = KeySource<KnownKey>;

/** RFC 7518 3.3 and 3.5 want no shorter ones. Bits. */
const SHORTEST_RSA_BITS = 2048;

/** What EC keys sign with, by the names of OpenSSL. */
const OF_CURVE: Readonly<Record<string, SignatureAlgorithmName>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};

/**
 * Reads keys.
 *
 * @throws {Error} that says what is wrong with one, and nothing of the key itself
 */
export function readClientKeys(given: unknown): ClientKeySource {
  return readKeySource(given, readKey);
}

/** The keys as they are now. Rejects for what is no key. */
export function clientKeysNow(
  source: ClientKeySource,
): Promise<readonly KnownKey[]> {
  return keysNow(source, readKey);
}

function readKey(given: unknown): KnownKey {
  if (types.isCryptoKey(given)) return readCryptoKey(given);
  if (types.isKeyObject(given)) return held(given);
  if (typeof given === "string") return held(fromPem(given));
  if (!isPlainObject(given)) throw noKey();
  const { kid, alg } = given;
  if (kid !== undefined && typeof kid !== "string") {
    throw new Error("has a kid that is not a text");
  }
  if (alg !== undefined && !isSignatureAlgorithm(alg)) {
    throw new Error("has an alg that is not known");
  }
  if (typeof given["sign"] === "function") {
    return readRemote(given as unknown as RemoteKey, alg);
  }
  if (types.isCryptoKey(given["key"])) {
    return readCryptoKey(given["key"], kid, alg);
  }
  if (types.isKeyObject(given["key"])) return held(given["key"], kid, alg);
  if (typeof given["pem"] === "string") {
    const { passphrase } = given;
    const opener = typeof passphrase === "string" ? passphrase : undefined;
    return held(fromPem(given["pem"], opener), kid, alg);
  }
  return held(fromJwk(given), kid, alg);
}

function readRemote(
  remote: RemoteKey,
  alg: SignatureAlgorithmName | undefined,
): KnownKey {
  if (alg === undefined) {
    throw new Error("has sign and no alg; name what it signs with");
  }
  const { publicKey } = remote;
  if (publicKey !== undefined) {
    refuseShort(createPublicKey({ key: publicKey, format: "jwk" }));
  }
  return { algs: [alg], kid: remote.kid, signer: remote };
}

/** One of Web Crypto says itself what it is for. */
function readCryptoKey(
  key: CryptoKey,
  kid?: string,
  alg?: SignatureAlgorithmName,
): KnownKey {
  if (key.type !== "private" || !key.usages.includes("sign")) {
    throw new Error(
      "is a CryptoKey that does not sign; hand over a private one with the usage sign",
    );
  }
  const { name, hash } = key.algorithm as {
    readonly name: string;
    readonly hash?: { readonly name: string };
  };
  const bits = hash?.name.slice(-3) ?? "";
  const own =
    name === "RSA-PSS"
      ? `PS${bits}`
      : name === "RSASSA-PKCS1-v1_5"
        ? `RS${bits}`
        : name === "ECDSA"
          ? undefined
          : name;
  return held(
    KeyObject.from(key),
    kid,
    alg ?? (isSignatureAlgorithm(own) ? own : undefined),
  );
}

function held(
  key: KeyObject,
  kid?: string,
  alg?: SignatureAlgorithmName,
): KnownKey {
  if (key.type !== "private") {
    throw new Error(`is a ${key.type} key; hand over the private one`);
  }
  refuseShort(key);
  const fitting = algorithmsOf(key);
  if (alg !== undefined && !fitting.includes(alg)) {
    throw new Error(`has the alg ${alg}, which does not fit to the key`);
  }
  return { algs: alg === undefined ? usual(fitting) : [alg], kid, signer: key };
}

/** What a key can sign with, what we prefer first. */
function algorithmsOf(key: KeyObject): readonly SignatureAlgorithmName[] {
  const { asymmetricKeyType: type = "", asymmetricKeyDetails: details } = key;
  if (type === "rsa") {
    return ["PS256", "RS256", "PS384", "PS512", "RS384", "RS512"];
  }
  if (type === "rsa-pss") return ["PS256", "PS384", "PS512"];
  if (type === "ed25519") return ["EdDSA", "Ed25519"];
  const name =
    type === "ec" ? OF_CURVE[details?.namedCurve ?? ""] : type.toUpperCase();
  if (isSignatureAlgorithm(name)) return [name];
  throw new Error("is a key of a kind that signs no token");
}

/** Longer hashes only where the key's alg says so. */
function usual(
  fitting: readonly SignatureAlgorithmName[],
): readonly SignatureAlgorithmName[] {
  return fitting.filter((alg) => !/^[PR]S(?:384|512)$/.test(alg));
}

/** @throws {Error} for an RSA key that is too short */
export function refuseShort(key: KeyObject): void {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? Infinity;
  if (bits >= SHORTEST_RSA_BITS) return;
  throw new Error(
    `is an RSA key of ${String(bits)} bits; make one of ${String(SHORTEST_RSA_BITS)} at least`,
  );
}

/** @throws {Error} that quotes nothing of it */
export function fromPem(pem: string, passphrase?: string): KeyObject {
  try {
    return createPrivateKey({
      key: pem,
      format: "pem",
      ...(passphrase !== undefined && { passphrase }),
    });
  } catch {
    // What OpenSSL says of it may quote it.
    throw new Error("is not a private key as PEM that can be opened");
  }
}

/** @throws {Error} that quotes nothing of it */
export function fromJwk(jwk: Readonly<Record<string, unknown>>): KeyObject {
  if (typeof jwk["kty"] !== "string") throw noKey();
  const isPrivate = jwk["d"] !== undefined || jwk["priv"] !== undefined;
  if (!isPrivate) {
    throw new Error("is a JWK without its private part");
  }
  try {
    return createPrivateKey({ key: jwk as JsonWebKey, format: "jwk" });
  } catch {
    throw new Error("is not a private key as JWK that this Node.js can read");
  }
}

function noKey(): Error {
  return new Error(
    "is not a key: hand over PEM, a JWK, a CryptoKey, a KeyObject, or { alg, sign }",
  );
}
