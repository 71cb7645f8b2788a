/** The public parts of the client's keys, for the address that a provider reads them at (`jwks_uri`). */
import { createPublicKey, type JsonWebKey, KeyObject } from "node:crypto";
import { checkedKeys } from "../base/client-key-calls.js";
import {
  type ClientKeys,
  clientKeysNow,
  type KnownKey,
  readClientKeys,
} from "../config/client-keys.js";
import {
  type DecryptionKeys,
  decryptionKeysNow,
  readDecryptionKeys,
} from "../config/decryption-keys.js";

/** What keys are published for. */
export interface PublicKeysOptions {
  /** `enc` for those of `decryptionKeys`. Default `sig`. */
  readonly use?: "sig" | "enc";
}

/**
 * The JWK Set of keys that the client signs with, or decrypts with (RFC 7517 5),
 * without anything private. Publish it, and register its address as the client's `jwks_uri`: a new
 * key is known to the provider before it signs, and an old one while what it
 * signed is still good.
 *
 * A key somewhere else (`{ alg, sign }`) is among them where it has `publicKey`.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for what is no key, and where one of several has no `kid`
 */
export async function publicKeys(
  keys: ClientKeys | DecryptionKeys,
  { use = "sig" }: PublicKeysOptions = {},
): Promise<{ keys: JsonWebKey[] }> {
  if (use === "enc") {
    const source = checkedKeys("publicKeys", () => readDecryptionKeys(keys));
    const known = await decryptionKeysNow(source);
    checkNames(known);
    return { keys: known.map((one) => publishedAs("enc", one.key, one)) };
  }
  const source = checkedKeys("publicKeys", () => readClientKeys(keys));
  const all = await clientKeysNow(source);
  checkNames(all);
  return { keys: all.flatMap(published) };
}

/** Of several keys each has a name, or the provider cannot tell them apart. */
function checkNames(
  all: readonly { readonly kid: string | undefined }[],
): void {
  if (all.length < 2 || all.every(({ kid }) => kid !== undefined)) return;
  checkedKeys("publicKeys", () => {
    throw new Error(
      "has no kid, and there are several: give each the name that its signatures have",
    );
  });
}

function published(known: KnownKey): JsonWebKey[] {
  const { signer } = known;
  const key =
    signer instanceof KeyObject
      ? createPublicKey(signer)
      : signer.publicKey &&
        // Whatever else stands in it stays here.
        createPublicKey({ key: signer.publicKey, format: "jwk" });
  return key === undefined ? [] : [publishedAs("sig", key, known)];
}

function publishedAs(
  use: "sig" | "enc",
  key: KeyObject,
  { kid, algs }: Pick<KnownKey, "kid"> & { readonly algs: readonly string[] },
): JsonWebKey {
  const publicKey = key.type === "public" ? key : createPublicKey(key);
  return {
    ...publicKey.export({ format: "jwk" }),
    use,
    ...(kid !== undefined && { kid }),
    ...(algs.length === 1 && { alg: algs[0] }),
  };
}
