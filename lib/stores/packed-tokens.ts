/** Tokens as few bytes: what JWTs say is compressed, and what makes tokens secret stays beside it as it is. */
import { compress, decompress } from "./compressed-words.js";
import type { PlainAccessToken, PlainTokenSet } from "./plain-records.js";

/** First byte of packed tokens. That of JSON, as tokens were kept before, is `{`. */
const PACKED = 2;

/** The first byte, and the length of what is compressed. */
const HEAD_BYTES = 5;

/** What is said by one login's tokens is never longer: damage cannot make us allocate more. */
const MAX_SAID_BYTES = 4 * 1024 * 1024;

/** A token set, with something in the place of each token. */
interface TokenPlaces<Token> {
  readonly idToken: Token;
  readonly newestIdToken?: Token;
  readonly refreshToken?: Token;
  readonly proofKey?: Token;
  readonly accessTokens: Readonly<
    Record<string, Omit<PlainAccessToken, "value"> & { readonly value: Token }>
  >;
}

/** Bytes of the secret part; of a JWT also characters of header and payload. */
type PackedToken = readonly [secretBytes: number, ...saidLengths: number[]];

/**
 * Packs tokens. Signatures and opaque tokens are not compressed: they would not
 * become smaller, and no text that a user may choose is compressed together
 * with a secret.
 */
export function packTokens(tokens: PlainTokenSet): Buffer {
  const secrets: Buffer[] = [];
  const texts: string[] = [];
  const packed = replaced(tokens, (token): PackedToken => {
    const { secret, said } = partsOf(token);
    secrets.push(secret);
    texts.push(...said);
    return [secret.length, ...said.map(({ length }) => length)];
  });
  // JSON has no line break.
  const said = compress(`${JSON.stringify(packed)}\n${texts.join("")}`);
  const head = Buffer.from([PACKED, 0, 0, 0, 0]);
  head.writeUInt32BE(said.length, 1);
  return Buffer.concat([head, said, ...secrets]);
}

/** The other way round. */
export function unpackTokens(bytes: Buffer): PlainTokenSet {
  if (bytes[0] !== PACKED) return JSON.parse(bytes.toString()) as PlainTokenSet;
  let end = HEAD_BYTES + bytes.readUInt32BE(1);
  const said = decompress(bytes.subarray(HEAD_BYTES, end), MAX_SAID_BYTES);
  let textEnd = said.indexOf("\n") + 1;
  const packed = JSON.parse(said.slice(0, textEnd)) as TokenPlaces<PackedToken>;
  // In the order in which they were packed.
  return replaced(packed, ([secretBytes, ...saidLengths]) => {
    const secret = bytes.subarray(end, (end += secretBytes));
    if (saidLengths.length === 0) return secret.toString();
    const parts = saidLengths.map((length) =>
      Buffer.from(said.slice(textEnd, (textEnd += length))),
    );
    return [...parts, secret]
      .map((part) => part.toString("base64url"))
      .join(".");
  });
}

function replaced<From, To>(
  {
    idToken,
    newestIdToken,
    refreshToken,
    proofKey,
    ...rest
  }: TokenPlaces<From>,
  change: (token: From) => To,
): TokenPlaces<To> {
  return {
    idToken: change(idToken),
    ...(newestIdToken !== undefined && {
      newestIdToken: change(newestIdToken),
    }),
    ...(refreshToken !== undefined && { refreshToken: change(refreshToken) }),
    accessTokens: Object.fromEntries(
      Object.entries(rest.accessTokens).map(([name, { value, ...token }]) => [
        name,
        { ...token, value: change(value) },
      ]),
    ),
    // The last one: who knows of no keys finds all tokens before it.
    ...(proofKey !== undefined && { proofKey: change(proofKey) }),
  };
}

/** What a token says, as far as that can be put together again letter by letter, and the rest of it. */
function partsOf(token: string): {
  readonly secret: Buffer;
  readonly said: readonly string[];
} {
  const segments = token.split(".");
  const bytes = segments.map((segment) => Buffer.from(segment, "base64url"));
  const [header, payload, signature] = bytes;
  const isWhole = (part: Buffer, index: number): boolean =>
    part.toString("base64url") === segments[index];
  if (
    segments.length === 3 &&
    header !== undefined &&
    payload !== undefined &&
    signature !== undefined &&
    bytes.every(isWhole) &&
    [header, payload].every((part) => Buffer.from(part.toString()).equals(part))
  ) {
    return { secret: signature, said: [header.toString(), payload.toString()] };
  }
  return { secret: Buffer.from(token), said: [] };
}
