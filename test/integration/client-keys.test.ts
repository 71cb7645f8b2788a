/** The client's keys: every form they are handed over in, a key service, rotation, and secrets that change. */
import {
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
  webcrypto,
} from "node:crypto";

import { afterEach, describe, expect, test } from "@jest/globals";

import {
  type ClientKeys,
  ClientSecretJwt,
  type LoginKitOptions,
  PrivateKeyJwt,
  publicKeys,
  type RemoteKey,
} from "../../lib/index.js";
import { lyingWorld, type LyingWorldOptions } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { CLIENT_SECRET } from "../support/world.js";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const otherEc = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const ed = generateKeyPairSync("ed25519").privateKey;

const pem = (key: KeyObject): string =>
  key.export({ type: "pkcs8", format: "pem" }).toString();
const jwk = (key: KeyObject): JsonWebKey => key.export({ format: "jwk" });
const publicOf = (key: KeyObject): JsonWebKey =>
  createPublicKey(key).export({ format: "jwk" });

/** As AWS and Google sign, or as Azure does. */
function keyService(key: KeyObject, format: "jws" | "der"): RemoteKey {
  return {
    alg: "ES256",
    kid: "in-the-service",
    format,
    publicKey: publicOf(key),
    sign: (data) =>
      Promise.resolve(
        sign("sha256", data, {
          key,
          dsaEncoding: format === "der" ? "der" : "ieee-p1363",
        }),
      ),
  };
}

type Client = NonNullable<LyingWorldOptions["client"]>;

async function start(client: Client, kit: Partial<LoginKitOptions>) {
  const w = await lyingWorld({
    client,
    kit: { clientSecret: undefined as never, ...kit },
  });
  ends.push(w.close);
  const diagnoses: string[] = [];
  w.kit.events.on("login.failed", ({ diagnosis }) => diagnoses.push(diagnosis));
  return {
    ...w,
    diagnoses,
    async signInStatus() {
      const page = await createTestBrowser().navigate(
        `${w.url}/login?return_to=/me&login_hint=alice`,
      );
      return page.response.status;
    },
    /** The header of the last client assertion. */
    assertionHeader() {
      const request = w.provider.received.findLast(
        ({ path }) => path === "/token",
      );
      const assertion = request?.form.get("client_assertion");
      const [head = ""] = (assertion ?? "").split(".");
      return JSON.parse(Buffer.from(head, "base64url").toString()) as unknown;
    },
  };
}

const byKey = (key: KeyObject): Client => ({
  tokenEndpointAuthMethod: "private_key_jwt",
  publicKey: publicOf(key),
});

describe("CORE-44: private_key_jwt with a key", () => {
  test.each<[string, KeyObject, ClientKeys, object]>([
    ["as PEM", ec, pem(ec), { alg: "ES256" }],
    [
      "as PEM with a name",
      ec,
      { pem: pem(ec), kid: "2026" },
      { alg: "ES256", kid: "2026" },
    ],
    [
      "as encrypted PEM",
      ec,
      {
        pem: ec
          .export({
            type: "pkcs8",
            format: "pem",
            cipher: "aes-256-cbc",
            passphrase: "open",
          })
          .toString(),
        passphrase: "open",
      },
      { alg: "ES256" },
    ],
    [
      "as JWK",
      ec,
      { ...jwk(ec), kid: "jwk", alg: "ES256" },
      { alg: "ES256", kid: "jwk" },
    ],
    ["as KeyObject", ec, ec, { alg: "ES256" }],
    ["of RSA: PS256 first", rsa, pem(rsa), { alg: "PS256" }],
    [
      "of RSA with another alg",
      rsa,
      { pem: pem(rsa), alg: "RS512" },
      { alg: "RS512" },
    ],
    ["of Ed25519", ed, pem(ed), { alg: "EdDSA" }],
    [
      "in a key service that signs as JWS",
      ec,
      keyService(ec, "jws"),
      { alg: "ES256", kid: "in-the-service" },
    ],
    [
      "in a key service that signs as DER",
      ec,
      keyService(ec, "der"),
      { alg: "ES256", kid: "in-the-service" },
    ],
    [
      "of a list: the first",
      ec,
      [
        { pem: pem(ec), kid: "new" },
        { pem: pem(otherEc), kid: "old" },
      ],
      { alg: "ES256", kid: "new" },
    ],
  ])("%s", async (_what, key, given, header) => {
    const w = await start(byKey(key), { clientAuth: PrivateKeyJwt(given) });
    expect(await w.signInStatus()).toBe(200);
    expect(w.assertionHeader()).toEqual(header);
  });

  test("of Web Crypto that nobody can export", async () => {
    const key = await webcrypto.subtle.importKey(
      "jwk",
      jwk(ec) as webcrypto.JsonWebKey,
      { name: "ECDSA", namedCurve: "P-256" },
      false,
      ["sign"],
    );
    const w = await start(byKey(ec), {
      clientAuth: PrivateKeyJwt({ key, kid: "held" }),
    });
    expect(await w.signInStatus()).toBe(200);
    expect(w.assertionHeader()).toEqual({ alg: "ES256", kid: "held" });
  });

  test("of RSA: RS256 where the provider takes that alone", async () => {
    const w = await start(byKey(rsa), {
      clientAuth: PrivateKeyJwt(pem(rsa)),
    });
    w.provider.misbehave = {
      metadata: (right) => ({
        ...right,
        token_endpoint_auth_signing_alg_values_supported: ["RS256", "HS256"],
      }),
    };
    expect(await w.signInStatus()).toBe(200);
    expect(w.assertionHeader()).toEqual({ alg: "RS256" });
  });

  test("from a function: another key counts without a restart", async () => {
    let key = otherEc;
    const w = await start(byKey(ec), {
      clientAuth: PrivateKeyJwt(() => Promise.resolve(pem(key))),
    });
    expect(await w.signInStatus()).toBe(502);
    key = ec;
    expect(await w.signInStatus()).toBe(200);
  });
});

test("an assertion is new each time, good for a minute, and for the issuer as a text", async () => {
  const w = await start(byKey(ec), { clientAuth: PrivateKeyJwt(pem(ec)) });
  await w.signInStatus();
  await w.signInStatus();
  const claims = w.provider.received
    .filter(({ path }) => path === "/token")
    .map(({ form }) => {
      const [, body = ""] = (form.get("client_assertion") ?? "").split(".");
      return JSON.parse(Buffer.from(body, "base64url").toString()) as {
        jti: string;
        iat: number;
        exp: number;
        aud: unknown;
      };
    });
  expect(claims).toHaveLength(2);
  expect(new Set(claims.map(({ jti }) => jti)).size).toBe(2);
  for (const { aud, iat, exp } of claims) {
    expect(aud).toBe(w.provider.issuer);
    expect(exp - iat).toBe(60);
  }
});

describe("what a key service does wrong is told without what it was given", () => {
  test.each<[string, RemoteKey["sign"], string]>([
    [
      "it fails",
      () => Promise.reject(new Error("the service is away")),
      "the function clientAuth failed: the service is away",
    ],
    ["it gives nothing", () => new Uint8Array(), "sign gave no bytes"],
    [
      "it signs as DER and nobody said so",
      (data) => sign("sha256", data, ec),
      'if it is DER, say so: format: "der"',
    ],
  ])("%s", async (_what, signs, told) => {
    const w = await start(byKey(ec), {
      clientAuth: PrivateKeyJwt({ alg: "ES256", sign: signs }),
    });
    expect(await w.signInStatus()).toBe(502);
    expect(w.diagnoses).toEqual([expect.stringContaining(told)]);
  });

  test("it says DER and gives something else", async () => {
    const w = await start(byKey(ec), {
      clientAuth: PrivateKeyJwt({
        alg: "ES256",
        format: "der",
        sign: () => Buffer.alloc(70, 1),
      }),
    });
    expect(await w.signInStatus()).toBe(502);
    expect(w.diagnoses[0]).toContain("sign gave what is no DER signature");
  });
});

test("DER signatures of every length become those of JWS", async () => {
  const key = { ...keyService(ec, "der"), kid: "k" };
  const w = await start(byKey(ec), { clientAuth: PrivateKeyJwt(key) });
  // R and S are shorter or longer by chance: a quarter of all is not of the usual size.
  for (let round = 0; round < 12; round++) {
    expect(await w.signInStatus()).toBe(200);
  }
});

describe("what is no key is refused at once, and not repeated", () => {
  const secretText = "c2VjcmV0LXRleHQ";
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 });
  test.each<[string, unknown, string]>([
    ["a text", secretText, "is not a private key as PEM that can be opened"],
    [
      "a public key as PEM",
      createPublicKey(ec).export({ type: "spki", format: "pem" }),
      "is not a private key as PEM that can be opened",
    ],
    [
      "a public key object",
      createPublicKey(ec),
      "is a public key; hand over the private one",
    ],
    ["a public JWK", publicOf(ec), "is a JWK without its private part"],
    [
      "a damaged JWK",
      { kty: "EC", crv: "P-256", d: secretText },
      "is not a private key as JWK that this Node.js can read",
    ],
    [
      "RSA of 1024 bits",
      short.privateKey,
      "is an RSA key of 1024 bits; make one of 2048 at least",
    ],
    [
      "an alg that does not fit",
      { pem: pem(ec), alg: "RS256" },
      "has the alg RS256, which does not fit to the key",
    ],
    [
      "an alg of nobody",
      { pem: pem(ec), alg: "X1" },
      "has an alg that is not known",
    ],
    [
      "a kid that is a number",
      { pem: pem(ec), kid: 1 },
      "has a kid that is not a text",
    ],
    [
      "something that signs and does not say how",
      { sign: () => new Uint8Array() },
      "has sign and no alg; name what it signs with",
    ],
    ["no keys", [], "is an empty list of keys"],
    [
      "a key that signs nothing",
      generateKeyPairSync("x25519").privateKey,
      "is a key of a kind that signs no token",
    ],
    [
      "nothing",
      undefined,
      "is not a key: hand over PEM, a JWK, a CryptoKey, a KeyObject, or { alg, sign }",
    ],
  ])("%s", (_what, key, problem) => {
    const make = () => PrivateKeyJwt(key as never);
    expect(make).toThrow(`PrivateKeyJwt: 1 wrong option\n  - key: ${problem}`);
    expect(make).not.toThrow(secretText);
  });
});

describe("publicKeys", () => {
  test("has what is public of each key, under its name", async () => {
    const { keys } = await publicKeys([
      { pem: pem(ec), kid: "new" },
      { ...jwk(rsa), kid: "old", alg: "PS256" },
      { ...keyService(otherEc, "der"), kid: "service" },
      { alg: "ES256", kid: "unknown", sign: () => new Uint8Array() },
    ]);
    expect(keys).toEqual([
      { ...publicOf(ec), kid: "new", use: "sig", alg: "ES256" },
      { ...publicOf(rsa), kid: "old", use: "sig", alg: "PS256" },
      { ...publicOf(otherEc), kid: "service", use: "sig", alg: "ES256" },
    ]);
    expect(JSON.stringify(keys)).not.toContain('"d"');
  });

  test("a private JWK in the place of a public one is not published", async () => {
    const { keys } = await publicKeys({
      alg: "ES256",
      sign: () => new Uint8Array(),
      publicKey: jwk(ec),
    });
    expect(keys).toEqual([{ ...publicOf(ec), use: "sig", alg: "ES256" }]);
  });

  test("several keys without names are refused", async () => {
    await expect(publicKeys([pem(ec), pem(otherEc)])).rejects.toThrow(
      "has no kid, and there are several",
    );
  });
});

describe("CORE-12: a secret from a function", () => {
  test.each(["client_secret_basic", "client_secret_post"] as const)(
    "%s: another secret counts without a restart",
    async (clientAuth) => {
      let secret = "the one before";
      const w = await start(
        { tokenEndpointAuthMethod: clientAuth },
        { clientAuth, clientSecret: () => Promise.resolve(secret) },
      );
      expect(await w.signInStatus()).toBe(502);
      secret = CLIENT_SECRET;
      expect(await w.signInStatus()).toBe(200);
    },
  );

  test("client_secret_jwt by its name, and by ClientSecretJwt", async () => {
    const client: Client = { tokenEndpointAuthMethod: "client_secret_jwt" };
    for (const kit of [
      { clientAuth: "client_secret_jwt", clientSecret: CLIENT_SECRET },
      { clientAuth: "client_secret_jwt", clientSecret: () => CLIENT_SECRET },
      { clientAuth: ClientSecretJwt(() => Promise.resolve(CLIENT_SECRET)) },
    ] satisfies Partial<LoginKitOptions>[]) {
      const w = await start(client, kit);
      expect(await w.signInStatus()).toBe(200);
    }
  });

  test("one that gives nothing signs nobody in, and says so", async () => {
    const w = await start({}, { clientSecret: (() => undefined) as never });
    expect(await w.signInStatus()).toBe(502);
    expect(w.diagnoses).toEqual([
      expect.stringContaining(
        "the function clientSecret failed: the function for the client secret gave no text",
      ),
    ]);
  });

  test("it is the key of ID Tokens by HS256 too", async () => {
    let secret = CLIENT_SECRET;
    const w = await start(
      { idTokenSignedResponseAlg: "HS256" },
      { idTokenSigningAlg: "HS256", clientSecret: () => secret },
    );
    expect(await w.signInStatus()).toBe(200);
    secret = "another one of thirty-two characters";
    expect(await w.signInStatus()).toBe(502);
  });
});

describe("a function that never answers holds nobody up", () => {
  const never = () => new Promise<never>(() => undefined);

  // Shows: ERR_CLIENT_AUTHENTICATION
  test("neither for the secret, nor for a key, nor for what signs", async () => {
    const limit = { providerTimeoutSeconds: 3 };
    const service = { ...keyService(ec, "jws"), sign: never };
    const worlds = await Promise.all([
      start({}, { ...limit, clientSecret: never }),
      start(byKey(ec), { ...limit, clientAuth: PrivateKeyJwt(never) }),
      start(byKey(ec), { ...limit, clientAuth: PrivateKeyJwt(service) }),
      start(
        {},
        { ...limit, clientSecret: CLIENT_SECRET, requestSigningKey: never },
      ),
    ]);
    const errors = worlds.map(({ kit }) => {
      const messages: string[] = [];
      kit.events.on("error", ({ message }) => messages.push(message));
      return messages;
    });
    const statuses = await Promise.all(worlds.map((w) => w.signInStatus()));
    expect(statuses).toEqual([502, 502, 502, 502]);
    expect(errors).toEqual(
      [
        "the function clientSecret failed",
        "the function clientAuth failed",
        "the function clientAuth failed",
        "requestSigningKey cannot sign the authorization request",
      ].map((what) => [
        expect.stringContaining(
          `${what}: it did not answer within providerTimeoutSeconds`,
        ),
      ]),
    );
  });

  // Shows: ERR_PROVIDER_UNAVAILABLE
  test("and a Logout Token that cannot be verified now is good later", async () => {
    let isAway = false;
    const w = await start(
      { idTokenSignedResponseAlg: "HS256" },
      {
        idTokenSigningAlg: "HS256",
        clientSecret: () => {
          if (isAway) throw new Error("the vault is away");
          return CLIENT_SECRET;
        },
      },
    );
    expect(await w.signInStatus()).toBe(200);
    const token = w.provider.logoutToken({
      sub: "alice",
      sid: w.provider.sidOf("alice"),
    });
    const logout = async () => {
      const { status } = await w.provider.postLogoutToken(
        `${w.url}/backchannel-logout`,
        token,
      );
      return status;
    };
    const errors: string[] = [];
    w.kit.events.on("error", ({ message }) => errors.push(message));
    isAway = true;
    expect(await logout()).toBe(503);
    expect(errors).toEqual([
      "the function clientSecret failed: the vault is away",
    ]);
    isAway = false;
    expect(await logout()).toBe(200);
  });
});
