/** Encrypts what the test provider says for one client (JWE), as it should be or as a test wants it. */
import {
  constants,
  createCipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { deflateRawSync } from "node:zlib";

/** What is not as it should be in what is encrypted. Everything left out is right. */
export interface WrongEncryption {
  /** Header parameters to replace or add; the content is encrypted as usual. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** A key of somebody else. */
  readonly key?: JsonWebKey;
  /** Not encrypted at all. */
  readonly none?: boolean;
}

const ENC = "A256GCM";
const KEY_BYTES = 32;
const IV_BYTES = 12;

/**
 * The content in a JWE of compact form, by `A256GCM`: its key encrypted by
 * `RSA-OAEP-256`, or agreed on by `ECDH-ES`, as the recipient's key is.
 */
export function encrypted(
  content: string,
  recipient: JsonWebKey,
  { header: wrong, key = recipient, none }: WrongEncryption = {},
): string {
  if (none === true) return content;
  const publicKey = createPublicKey({ key, format: "jwk" });
  const { kid } = key as { kid?: string };
  const { header, secret, wrapped } =
    key.kty === "RSA" ? wrappedKey(publicKey) : agreedKey(publicKey);
  const protectedHeader = encoded(
    JSON.stringify({ ...header, enc: ENC, kid, cty: "JWT", ...wrong }),
  );
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", secret, iv);
  cipher.setAAD(Buffer.from(protectedHeader));
  // Where a test says so, it is right in all but that it is compressed.
  const plain = wrong?.["zip"] === "DEF" ? deflateRawSync(content) : content;
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  return [
    protectedHeader,
    ...[wrapped, iv, ciphertext, cipher.getAuthTag()].map(encoded),
  ].join(".");
}

interface ContentKey {
  readonly header: Readonly<Record<string, unknown>>;
  readonly secret: Buffer;
  /** Empty where both sides know the secret. */
  readonly wrapped: Buffer;
}

/** RFC 7518 section 4.3. */
function wrappedKey(key: KeyObject): ContentKey {
  const secret = randomBytes(KEY_BYTES);
  const wrapped = publicEncrypt(
    {
      key,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: "sha256",
    },
    secret,
  );
  return { header: { alg: "RSA-OAEP-256" }, secret, wrapped };
}

/** RFC 7518 section 4.6: one round of Concat KDF gives as many bytes as are needed. */
function agreedKey(key: KeyObject): ContentKey {
  const own =
    key.asymmetricKeyType === "x25519"
      ? generateKeyPairSync("x25519")
      : generateKeyPairSync("ec", {
          namedCurve: key.asymmetricKeyDetails?.namedCurve ?? "",
        });
  const shared = diffieHellman({ privateKey: own.privateKey, publicKey: key });
  const secret = createHash("sha256")
    .update(number(1))
    .update(shared)
    .update(Buffer.concat([number(ENC.length), Buffer.from(ENC)]))
    // Neither side is named.
    .update(Buffer.concat([number(0), number(0), number(KEY_BYTES * 8)]))
    .digest();
  const epk = own.publicKey.export({ format: "jwk" });
  return { header: { alg: "ECDH-ES", epk }, secret, wrapped: Buffer.alloc(0) };
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function encoded(content: string | Buffer): string {
  return Buffer.from(content).toString("base64url");
}
