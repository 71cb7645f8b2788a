/** The client's private keys for what the provider encrypts: how an application hands them over, and what is known of each. */
import { type JsonWebKey, KeyObject } from "node:crypto";
import { types } from "node:util";
import type { CryptoKey } from "openid-client";
import { isPlainObject } from "../base/checked.js";
import {
  fromJwk,
  fromPem,
  type HeldKey,
  type PemKey,
  refuseShort,
} from "./client-keys.js";
import { type KeySource, keysNow, readKeySource } from "./key-source.js";

/** One private key that decrypts: PEM, JWK or a key object. */
export type DecryptionKey =
  string | PemKey | HeldKey | CryptoKey | KeyObject | JsonWebKey;

/**
 * One key, or a list: the newest first, and behind it those that the provider may
 * still use. Or a function that gives either and is asked for each encrypted
 * answer, so that keys change without a restart.
 */
export type DecryptionKeys =
  | DecryptionKey
  | readonly DecryptionKey[]
  | (() =>
      | DecryptionKey
      | readonly DecryptionKey[]
      | Promise<DecryptionKey | readonly DecryptionKey[]>);

/** A key, read. */
export interface KnownDecryptionKey {
  /** What may be encrypted for it with (RFC 7518 4.1). */
  readonly algs: readonly string[];
  readonly kid: string | undefined;
  readonly key: KeyObject;
}

/** Keys, read. */
export type DecryptionKeySource = KeySource<KnownDecryptionKey>;

/** RSA1_5 is not among them: whoever can ask often learns what it hides (Bleichenbacher). */
const OF_RSA = ["RSA-OAEP-256", "RSA-OAEP", "RSA-OAEP-384", "RSA-OAEP-512"];

const OF_CURVES = [
  "ECDH-ES",
  "ECDH-ES+A128KW",
  "ECDH-ES+A192KW",
  "ECDH-ES+A256KW",
];

/** Curves by the names of OpenSSL. */
const CURVES: ReadonlySet<unknown> = new Set([
  "prime256v1",
  "secp384r1",
  "secp521r1",
]);

/**
 * Reads keys.
 *
 * @throws {Error} that says what is wrong with one, and nothing of the key itself
 */
export function readDecryptionKeys(given: unknown): DecryptionKeySource {
  return readKeySource(given, readKey);
}

/** The keys as they are now. Rejects for what is no key. */
export function decryptionKeysNow(
  source: DecryptionKeySource,
): Promise<readonly KnownDecryptionKey[]> {
  return keysNow(source, readKey);
}

function readKey(given: unknown): KnownDecryptionKey {
  if (typeof given === "string") return known(fromPem(given));
  if (types.isCryptoKey(given) || types.isKeyObject(given)) {
    return known(keyObject(given));
  }
  if (!isPlainObject(given)) throw noKey();
  const { kid, alg, use, key, pem, passphrase } = given;
  if (kid !== undefined && typeof kid !== "string") {
    throw new Error("has a kid that is not a text");
  }
  if (use !== undefined && use !== "enc") {
    throw new Error("is a JWK for another use than enc");
  }
  if (types.isCryptoKey(key) || types.isKeyObject(key)) {
    return known(keyObject(key), kid, alg);
  }
  if (typeof pem === "string") {
    const opener = typeof passphrase === "string" ? passphrase : undefined;
    return known(fromPem(pem, opener), kid, alg);
  }
  if (given["kty"] === undefined) throw noKey();
  return known(fromJwk(given), kid, alg);
}

function keyObject(key: CryptoKey | KeyObject): KeyObject {
  return types.isKeyObject(key) ? key : KeyObject.from(key);
}

function known(
  key: KeyObject,
  kid?: string,
  alg?: unknown,
): KnownDecryptionKey {
  if (key.type !== "private") {
    throw new Error(`is a ${key.type} key; hand over the private one`);
  }
  refuseShort(key);
  const fitting = algorithmsOf(key);
  if (alg === undefined) return { algs: fitting, kid, key };
  if (typeof alg === "string" && fitting.includes(alg)) {
    return { algs: [alg], kid, key };
  }
  throw new Error(
    `has an alg that decrypts nothing with this key; it may be ${fitting.join(", ")}`,
  );
}

function algorithmsOf(key: KeyObject): readonly string[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa") return OF_RSA;
  if (type === "x25519") return OF_CURVES;
  if (type === "ec" && CURVES.has(details?.namedCurve)) return OF_CURVES;
  throw new Error("is a key of a kind that decrypts no token");
}

function noKey(): Error {
  return new Error(
    "is not a key: hand over PEM, a JWK, a CryptoKey or a KeyObject",
  );
}
