/** Tokens in the store: the same when they come back, small, and no secret compressed beside a user's words. */
import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";

import { describe, expect, test } from "@jest/globals";

import { packTokens, unpackTokens } from "../../lib/stores/packed-tokens.js";
import type { PlainTokenSet } from "../../lib/stores/plain-records.js";

const random = (bytes: number): string =>
  randomBytes(bytes).toString("base64url");

function jwt(claims: object): string {
  const part = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", kid: "key" })}.${part(claims)}.${random(256)}`;
}

const CLAIMS = {
  iss: "https://id.example",
  sub: "248289761001",
  aud: "shop",
  name: "Zoë Ångström",
  email: "zoe@example.com",
  exp: 1_790_000_000,
};

function tokensWith(change: Partial<PlainTokenSet> = {}): PlainTokenSet {
  return {
    idToken: jwt(CLAIMS),
    refreshToken: random(32),
    accessTokens: { "": { value: random(32), receivedAt: 1 } },
    ...change,
  };
}

test("DP-07: the key comes back, and tokens without one take not a byte more", () => {
  const proofKey = JSON.stringify({ kty: "EC", d: random(32), x: random(32) });
  const tokens = tokensWith();
  expect(unpackTokens(packTokens({ ...tokens, proofKey }))).toEqual({
    ...tokens,
    proofKey,
  });
  expect(unpackTokens(packTokens(tokens))).toEqual(tokens);
  const { length } = packTokens({ ...tokens, proofKey });
  expect(length - packTokens(tokens).length).toBeGreaterThan(proofKey.length);
  expect(packTokens(tokens).includes("proofKey")).toBe(false);
});

describe("tokens come back letter by letter:", () => {
  const [header, payload, signature] = jwt(CLAIMS).split(".") as [
    string,
    string,
    string,
  ];
  test.each<[string, string]>([
    ["a JWT", jwt(CLAIMS)],
    ["an opaque token", random(32)],
    ["an empty token", ""],
    ["a JWT without a signature", `${header}.${payload}.`],
    ["an encrypted JWT of five parts", `${header}.${random(32)}.a.b.c`],
    ["a JWT in padded base64", `${header}=.${payload}.${signature}`],
    ["a JWT whose last bits are not zero", `${header}.${payload}.QR`],
    ["a payload that is no text", `${header}.${random(40)}__8.${signature}`],
    ["a payload with a byte order mark", `${header}.77u_e30.${signature}`],
    ["two dots and nothing", ".."],
    ["other letters", "opaque token with spaces, ünïcode.and.dots"],
  ])("%s", (_what, token) => {
    const tokens = tokensWith({
      refreshToken: token,
      newestIdToken: token,
      accessTokens: {
        "": { value: token, receivedAt: 1, expiresAt: 2, scope: "a b" },
        "urn:orders\tread": { value: random(8), receivedAt: 3, type: "DPoP" },
        "10": { value: token, receivedAt: 4 },
      },
    });
    expect(unpackTokens(packTokens(tokens))).toEqual(tokens);
  });

  test("no refresh token and no access token", () => {
    const tokens = { idToken: jwt(CLAIMS), accessTokens: {} };
    expect(unpackTokens(packTokens(tokens))).toEqual(tokens);
  });
});

test("tokens that were kept as JSON are still read", () => {
  const tokens = tokensWith();
  const kept = Buffer.from(JSON.stringify(tokens));
  expect(unpackTokens(kept)).toEqual(tokens);
});

test("opaque tokens and signatures are kept as they are, beside what is compressed", () => {
  const tokens = tokensWith();
  const packed = packTokens(tokens);
  const signature = tokens.idToken.split(".")[2] ?? "";
  const secrets = [
    Buffer.from(signature, "base64url"),
    Buffer.from(tokens.refreshToken ?? ""),
    Buffer.from(tokens.accessTokens[""]?.value ?? ""),
  ];
  for (const secret of secrets) expect(packed.includes(secret)).toBe(true);
  // What a user is called changes what is compressed, and nothing else.
  const rest = packed.subarray(packed.length - Buffer.concat(secrets).length);
  expect(rest.equals(Buffer.concat(secrets))).toBe(true);
});

test("three JWTs are smaller than as compressed JSON", () => {
  const tokens = tokensWith({
    refreshToken: jwt({ ...CLAIMS, typ: "Refresh" }),
    accessTokens: {
      "": { value: jwt({ ...CLAIMS, scope: "orders" }), receivedAt: 1 },
    },
  });
  const json = deflateRawSync(JSON.stringify(tokens));
  expect(packTokens(tokens).length).toBeLessThan(json.length * 0.96);
});
