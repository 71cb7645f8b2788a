/** Encryption at rest with key rotation. */
import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
} from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { BrowserPart } from "./records.js";
import type { Secret } from "../base/secret.js";

// Layout: version, compressed?, initialization vector, tag, ciphertext.
/** First byte of what a secret of the server opens. */
const BY_SECRET = 1;
/** First byte of what needs the browser's part of the key too. */
const BY_SECRET_AND_BROWSER = 2;
const IV_START = 2;
const IV_LENGTH = 12;
const TAG_START = IV_START + IV_LENGTH;
const TAG_LENGTH = 16;
const TEXT_START = TAG_START + TAG_LENGTH;

/** Limit for one value: a damaged store cannot make us allocate more. */
const MAX_PLAINTEXT_BYTES = 4 * 1024 * 1024;

/** A text that is shorter is not compressed: it would hardly become smaller. */
const MIN_COMPRESSED_BYTES = 1024;

/** Seals with the first secret and opens with any of them. */
export interface SealedBox {
  /**
   * Seals a text, compressed where that makes it smaller, or bytes as they are.
   *
   * @param place where the value is kept; it opens nowhere else.
   * @param browserPart it opens with this one only; absent: a secret is enough
   */
  seal: (plain: string | Buffer, place: string, browserPart?: Secret) => Buffer;
  /** @returns undefined when no key opens it, or it belongs to another place. */
  open: (sealed: Buffer, place: string) => string | undefined;
  /**
   * The same for bytes.
   *
   * @param browserPart asked where the bytes need it; without it they stay closed
   */
  openBytes: (
    sealed: Buffer,
    place: string,
    browserPart?: BrowserPart,
  ) => Buffer | undefined;
}

/**
 * AES-256-GCM under keys that HKDF derives from the session secrets, so that a
 * dump of the store alone gives no token.
 */
export function createSealedBox(
  secrets: readonly [string, ...string[]],
): SealedBox {
  const [sealingKey, ...olderKeys] = secrets.map(deriveKey) as [
    Buffer,
    ...Buffer[],
  ];
  const keys = [sealingKey, ...olderKeys];
  const openBytes: SealedBox["openBytes"] = (sealed, place, browserPart) => {
    if (sealed.length < TEXT_START) return undefined;
    const needsBrowser = sealed[0] === BY_SECRET_AND_BROWSER;
    if (!needsBrowser && sealed[0] !== BY_SECRET) return undefined;
    const part = needsBrowser ? browserPart?.() : undefined;
    if (needsBrowser && part === undefined) return undefined;
    for (const key of keys) {
      const plain = open(keyWith(part, key), sealed, place);
      if (plain !== undefined) return plain;
    }
    return undefined;
  };
  return {
    seal: (plain, place, browserPart) =>
      seal(
        keyWith(browserPart, sealingKey),
        Buffer.from(plain),
        place,
        browserPart === undefined ? BY_SECRET : BY_SECRET_AND_BROWSER,
        typeof plain === "string" && plain.length >= MIN_COMPRESSED_BYTES,
      ),
    open: (sealed, place) => openBytes(sealed, place)?.toString(),
    openBytes,
  };
}

function deriveKey(secret: string): Buffer {
  return Buffer.from(
    hkdfSync("sha256", secret, "", "express-login-kit sealed-box 1", 32),
  );
}

/** The key of a secret as it is, or one that follows from it and the browser's part: from neither alone. */
function keyWith(browserPart: Secret | undefined, key: Buffer): Buffer {
  if (browserPart === undefined) return key;
  // The key has a fixed length, so no other pair makes the same bytes.
  const both = Buffer.concat([key, Buffer.from(browserPart.reveal())]);
  return Buffer.from(
    hkdfSync("sha256", both, "", "express-login-kit sealed-box 2", 32),
  );
}

function seal(
  key: Buffer,
  plain: Buffer,
  place: string,
  version: number,
  mayCompress: boolean,
): Buffer {
  if (plain.length > MAX_PLAINTEXT_BYTES) {
    throw new RangeError("the value is too large to be sealed");
  }
  const deflated = mayCompress ? deflateRawSync(plain) : plain;
  const compressed = deflated.length < plain.length;
  const header = Buffer.from([version, compressed ? 1 : 0]);
  const iv = randomBytes(IV_LENGTH);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(Buffer.concat([header, Buffer.from(place)]));
  const text = Buffer.concat([
    cipher.update(compressed ? deflated : plain),
    cipher.final(),
  ]);
  return Buffer.concat([header, iv, cipher.getAuthTag(), text]);
}

function open(key: Buffer, sealed: Buffer, place: string): Buffer | undefined {
  const header = sealed.subarray(0, IV_START);
  const decipher = createDecipheriv(
    "aes-256-gcm",
    key,
    sealed.subarray(IV_START, TAG_START),
    { authTagLength: TAG_LENGTH },
  );
  decipher.setAAD(Buffer.concat([header, Buffer.from(place)]));
  decipher.setAuthTag(sealed.subarray(TAG_START, TEXT_START));
  let plain = decipher.update(sealed.subarray(TEXT_START));
  try {
    decipher.final();
  } catch {
    // Node has one error for a wrong key, a wrong place and altered bytes.
    return undefined;
  }
  if (header[1] === 1) {
    plain = inflateRawSync(plain, { maxOutputLength: MAX_PLAINTEXT_BYTES });
  }
  return plain;
}
