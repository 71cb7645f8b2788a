/** Opens what the provider encrypted for this client: tokens, UserInfo and answers in a JWE (Core 10.2, JARM 2.2). */
import {
  compactDecrypt,
  decodeJwt,
  decodeProtectedHeader,
  type JWTPayload,
} from "jose";
import { printable } from "../base/printable.js";
import {
  decryptionKeysNow,
  type KnownDecryptionKey,
} from "../config/decryption-keys.js";
import type { ProviderConfig } from "../config/provider-config.js";
import type { EncryptedAnswer } from "../config/provider-security-options.js";
import { neededInTime } from "./asked-in-time.js";
import type { LimitedFetch } from "./limited-fetch.js";

/** The ciphers of content (RFC 7518 5.1): each of them notices a change. */
const CONTENT_ALGORITHMS = [
  "A128GCM",
  "A192GCM",
  "A256GCM",
  "A128CBC-HS256",
  "A192CBC-HS384",
  "A256CBC-HS512",
];

/** Parts of a JWE in compact form (RFC 7516 7.1); a signed JWT has three. */
const JWE_PARTS = 5;

/** What says how answers are encrypted. */
export type Encryption = Pick<
  ProviderConfig,
  "decryptionKeys" | "encryptedAnswers" | "providerTimeoutSeconds"
>;

/**
 * What an answer of this kind holds when it is opened: a signed JWT, of which
 * nothing is verified yet. An answer that is not encrypted stays as it is,
 * unless the client is registered for encrypted ones.
 *
 * Whoever has the public key can encrypt. So this says nothing about who sent it.
 *
 * Rejects with an error that says why, and nothing of the content.
 *
 * @param kind undefined: nobody demands that it is encrypted
 * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE` where the application's function gives no keys, or takes longer than `providerTimeoutSeconds`
 */
export async function opened(
  answer: string,
  kind: EncryptedAnswer | undefined,
  encryption: Encryption,
): Promise<string> {
  const { decryptionKeys } = encryption;
  if (decryptionKeys === undefined) return answer;
  if (answer.split(".").length === JWE_PARTS) {
    // A refresh waits for it with new tokens that are not stored yet.
    const keys = await neededInTime(
      "decryptionKeys",
      () => decryptionKeysNow(decryptionKeys),
      encryption,
    );
    return decrypted(answer, keys);
  }
  if (kind !== undefined && mustBeEncrypted(kind, encryption)) {
    throw new Error(
      `it is not encrypted, and encryptedAnswers names ${kind}; register the client for encryption, or leave it out there`,
    );
  }
  return answer;
}

/**
 * What a token says of itself, of which nothing is verified: its claims, or those
 * that the header of an encrypted one repeats (RFC 7519 5.3); none where it says none.
 */
export function claimsIn(token: string): JWTPayload {
  try {
    return token.split(".").length === JWE_PARTS
      ? decodeProtectedHeader(token)
      : decodeJwt(token);
  } catch {
    return {};
  }
}

function mustBeEncrypted(
  kind: EncryptedAnswer,
  { encryptedAnswers = ["idToken"] }: Encryption,
): boolean {
  return encryptedAnswers.includes(kind);
}

async function decrypted(
  jwe: string,
  keys: readonly KnownDecryptionKey[],
): Promise<string> {
  const { alg, kid, enc, zip } = headerOf(jwe);
  if (zip !== undefined) {
    // A few bytes may become very many, and how few they are tells of the content.
    throw new Error("it is compressed before it was encrypted");
  }
  if (!CONTENT_ALGORITHMS.includes(String(enc))) {
    throw new Error(
      `its content is encrypted by ${shown(enc)}, which is not accepted`,
    );
  }
  const ofAlgorithm = keys.filter(({ algs }) => algs.includes(String(alg)));
  if (ofAlgorithm.length === 0) {
    throw new Error(
      `it is encrypted by ${shown(alg)}, for which decryptionKeys has no key`,
    );
  }
  const candidates = ofAlgorithm.filter(
    (one) => kid === undefined || one.kid === undefined || one.kid === kid,
  );
  for (const { key } of candidates) {
    try {
      const { plaintext } = await compactDecrypt(jwe, key, {
        keyManagementAlgorithms: [String(alg)],
        contentEncryptionAlgorithms: CONTENT_ALGORITHMS,
      });
      return new TextDecoder("utf-8", { fatal: true }).decode(plaintext);
    } catch {
      // Another key may be the one; why this one is not says nothing to anybody.
    }
  }
  throw new Error(
    "no key of decryptionKeys opens it: it is encrypted for another one, or it was changed",
  );
}

function headerOf(jwe: string): Readonly<Record<string, unknown>> {
  try {
    return decodeProtectedHeader(jwe);
  } catch {
    throw new Error("its header cannot be read");
  }
}

function shown(name: unknown): string {
  return typeof name === "string" ? printable(name) : "nothing";
}

/** A fetch whose UserInfo responses are opened; keys go through as they are. */
export function openingUserInfo(
  fetch: LimitedFetch,
  encryption: Encryption,
  keysUrl: string | undefined,
): LimitedFetch {
  if (encryption.decryptionKeys === undefined) return fetch;
  return async function fetchOpened(url, request) {
    const response = await fetch(url, request);
    if (url === keysUrl || response.status !== 200) return response;
    const text = await response.text();
    const content = await opened(text, "userInfo", encryption);
    if (content === text) return new Response(text, response);
    // Encrypted and not signed it is JSON (Core 5.3.2).
    const type = content.startsWith("{") ? "json" : "jwt";
    return new Response(content, {
      headers: { "content-type": `application/${type}` },
    });
  };
}
