/** Signs what the client sends as a JWT: assertions (RFC 7523) and request objects (RFC 9101). */
import { KeyObject } from "node:crypto";
import {
  type ClientKeySource,
  clientKeysNow,
  type KnownKey,
  type RemoteKey,
} from "../config/client-keys.js";

/** Sizes of R and of S in ECDSA signatures, in bytes (RFC 7518 3.4). */
const ECDSA_BYTES: Readonly<Record<string, number>> = {
  ES256: 32,
  ES384: 48,
  ES512: 66,
};

/** The protected header of a JWT before it is signed. */
export type JwtHeader = Record<string, unknown> & { alg: string };

/** A JWT that is about to be signed. */
export interface UnsignedJwt {
  readonly claims: object;
  readonly header: JwtHeader;
  readonly key: KnownKey;
}

/**
 * The header for the key that signs: the first one, by what the provider takes.
 *
 * @param offered algorithms of the provider's metadata; undefined: it does not say
 */
export async function signerOf(
  keys: ClientKeySource,
  offered: unknown,
): Promise<Omit<UnsignedJwt, "claims">> {
  const [key] = await clientKeysNow(keys);
  const [preferred] = key?.algs ?? [];
  if (key === undefined || preferred === undefined) throw new Error("no key");
  const taken: readonly unknown[] = Array.isArray(offered) ? offered : [];
  const alg = key.algs.find((one) => taken.includes(one)) ?? preferred;
  return {
    key,
    header: { alg, ...(key.kid !== undefined && { kid: key.kid }) },
  };
}

/** Signs it. Rejects where the key cannot, or where what signs elsewhere fails. */
export async function signJwt({
  claims,
  header,
  key: { signer },
}: UnsignedJwt): Promise<string> {
  const payload = Buffer.from(JSON.stringify(claims));
  if (signer instanceof KeyObject) {
    const { CompactSign } = await import("jose");
    return new CompactSign(payload).setProtectedHeader(header).sign(signer);
  }
  const input = `${encoded(JSON.stringify(header))}.${encoded(payload)}`;
  const signature = await signer.sign(Buffer.from(input));
  return `${input}.${encoded(asJws(signature, header.alg, signer))}`;
}

/** A signature as JWS has it. */
function asJws(
  signature: unknown,
  alg: string,
  { format = "jws" }: RemoteKey,
): Uint8Array {
  if (!ArrayBuffer.isView(signature) || signature.byteLength === 0) {
    throw new Error("sign gave no bytes");
  }
  const bytes = Buffer.from(
    signature.buffer,
    signature.byteOffset,
    signature.byteLength,
  );
  const size = ECDSA_BYTES[alg];
  if (size === undefined) return bytes;
  const right = format === "der" ? fromDer(bytes, size) : bytes;
  if (right.length === 2 * size) return right;
  throw new Error(
    `sign gave ${String(right.length)} bytes, and a signature by ${alg} has ${String(2 * size)}; if it is DER, say so: format: "der"`,
  );
}

/** SEQUENCE { INTEGER r, INTEGER s } as R and S of full size (RFC 3279 2.2.3). */
function fromDer(der: Buffer, size: number): Buffer {
  const isLong = der[1] === 0x81;
  let at = isLong ? 3 : 2;
  const readInteger = (): Buffer => {
    const length = der[at + 1] ?? 0;
    const value = der.subarray(at + 2, at + 2 + length);
    if (der[at] !== 0x02 || value.length !== length || length === 0) {
      throw new Error("sign gave what is no DER signature");
    }
    at += 2 + length;
    // A leading zero says that the number is positive.
    const digits = value.length > size ? value.subarray(-size) : value;
    return Buffer.concat([Buffer.alloc(size - digits.length), digits]);
  };
  if (der[0] !== 0x30) throw new Error("sign gave what is no DER signature");
  return Buffer.concat([readInteger(), readInteger()]);
}

function encoded(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
