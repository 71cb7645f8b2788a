/** What decrypts: every algorithm as jose encrypts by it, keys in every form, and what is wrong with others. */
import {
  createPublicKey,
  generateKeyPairSync,
  KeyObject,
  webcrypto,
} from "node:crypto";

import { expect, test } from "@jest/globals";
import { CompactEncrypt } from "jose";

import { readDecryptionKeys } from "../../lib/config/decryption-keys.js";
import { publicKeys } from "../../lib/index.js";
import { opened } from "../../lib/provider/decryption.js";
import { problemsOf } from "../support/read-options.js";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const ed = generateKeyPairSync("ed25519").privateKey;
const pem = rsa.export({ type: "pkcs8", format: "pem" }).toString();
const TOKEN = "a.signed.token";
/** How long a function may take that gives keys. */
const providerTimeoutSeconds = 5;

const CASES = [
  ...["RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"].map(
    (alg) => [alg, rsa] as const,
  ),
  ...["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"].map(
    (alg) => [alg, ec] as const,
  ),
].flatMap(([alg, key]) =>
  [
    "A128GCM",
    "A192GCM",
    "A256GCM",
    "A128CBC-HS256",
    "A192CBC-HS384",
    "A256CBC-HS512",
  ].map((enc) => [alg, enc, key] as const),
);

test.each(CASES)("CORE-18: %s with %s is opened", async (alg, enc, key) => {
  const jwe = await new CompactEncrypt(Buffer.from(TOKEN))
    .setProtectedHeader({ alg, enc })
    .encrypt(createPublicKey(key));
  const decryptionKeys = readDecryptionKeys(key);
  expect(
    await opened(jwe, "idToken", { decryptionKeys, providerTimeoutSeconds }),
  ).toBe(TOKEN);
  const [header = "", ...parts] = jwe.split(".");
  const changed = [header, ...parts.slice(0, 3), "A".repeat(22)].join(".");
  await expect(
    opened(changed, "idToken", { decryptionKeys, providerTimeoutSeconds }),
  ).rejects.toThrow("no key of decryptionKeys opens it");
});

test("a key with an alg opens what is encrypted by that alone", async () => {
  const jwe = await new CompactEncrypt(Buffer.from(TOKEN))
    .setProtectedHeader({ alg: "RSA-OAEP", enc: "A256GCM" })
    .encrypt(createPublicKey(rsa));
  const decryptionKeys = readDecryptionKeys({ key: rsa, alg: "RSA-OAEP-256" });
  await expect(
    opened(jwe, "idToken", { decryptionKeys, providerTimeoutSeconds }),
  ).rejects.toThrow(
    "it is encrypted by RSA-OAEP, for which decryptionKeys has no key",
  );
});

test("keys are handed over in every form", async () => {
  const { privateKey } = await webcrypto.subtle.generateKey(
    { name: "ECDH", namedCurve: "P-256" },
    true,
    ["deriveBits"],
  );
  const { known = [] } = readDecryptionKeys([
    pem,
    { pem, kid: "named" },
    rsa,
    { key: ec, alg: "ECDH-ES+A256KW" },
    rsa.export({ format: "jwk" }),
    privateKey,
  ]);
  expect(known.map(({ kid, algs }) => [kid, algs[0]])).toEqual([
    [undefined, "RSA-OAEP-256"],
    ["named", "RSA-OAEP-256"],
    [undefined, "RSA-OAEP-256"],
    [undefined, "ECDH-ES+A256KW"],
    [undefined, "RSA-OAEP-256"],
    [undefined, "ECDH-ES"],
  ]);
  expect(known.every(({ key }) => key instanceof KeyObject)).toBe(true);
});

test.each<[string, unknown, string]>([
  ["nothing", [], "is an empty list of keys"],
  ["a number", 5, "is not a key: hand over PEM"],
  ["no PEM", "a key", "is not a private key as PEM"],
  ["a public key", createPublicKey(rsa), "is a public key"],
  ["a key that signs alone", ed, "is a key of a kind that decrypts no token"],
  [
    "a JWK that signs",
    { ...rsa.export({ format: "jwk" }), use: "sig" },
    "is a JWK for another use than enc",
  ],
  ["an alg that is refused", { key: rsa, alg: "RSA1_5" }, "has an alg that"],
  ["a name that is no text", { key: rsa, kid: 1 }, "has a kid that"],
  [
    "a short key",
    generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey,
    "is an RSA key of 1024 bits",
  ],
])("%s stops the start", (_what, decryptionKeys, problem) => {
  expect(problemsOf({ decryptionKeys })).toEqual([
    expect.stringContaining(`decryptionKeys: ${problem}`),
  ]);
});

test("a function is asked at each use, and what it gives is read as ever", async () => {
  let answer: unknown = ec;
  const decryptionKeys = readDecryptionKeys(() => Promise.resolve(answer));
  const jwe = await new CompactEncrypt(Buffer.from(TOKEN))
    .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM" })
    .encrypt(createPublicKey(rsa));
  const open = () =>
    opened(jwe, "idToken", { decryptionKeys, providerTimeoutSeconds });
  await expect(open()).rejects.toThrow("decryptionKeys has no key");
  answer = [ec, rsa];
  expect(await open()).toBe(TOKEN);
  for (const wrong of [undefined, [], "no key", createPublicKey(rsa)]) {
    answer = wrong;
    await expect(open()).rejects.toMatchObject({
      code: "ERR_PROVIDER_UNAVAILABLE",
      message: expect.stringMatching(
        /^the function decryptionKeys failed: is /,
      ),
    });
  }
});

test("a function that never answers fails after providerTimeoutSeconds", async () => {
  const decryptionKeys = readDecryptionKeys(() => new Promise(() => undefined));
  await expect(
    opened("a.b.c.d.e", "idToken", {
      decryptionKeys,
      providerTimeoutSeconds: 0.01,
    }),
  ).rejects.toMatchObject({
    code: "ERR_PROVIDER_UNAVAILABLE",
    message:
      "the function decryptionKeys failed: it did not answer within providerTimeoutSeconds",
  });
});

test("publicKeys asks a function, too", async () => {
  const { keys } = await publicKeys(() => Promise.resolve(ec), { use: "enc" });
  expect(keys).toEqual([
    { ...createPublicKey(ec).export({ format: "jwk" }), use: "enc" },
  ]);
});

test("answers that have to be encrypted have to be signed", () => {
  const options = {
    decryptionKeys: rsa,
    encryptedAnswers: ["authorizationResponse"],
  };
  const problemFor = (mode: string) => [
    `encryptedAnswers: names authorizationResponse, and responseMode is ${mode}; set that to ${mode}.jwt, as what is encrypted has to be signed`,
  ];
  expect(problemsOf(options)).toEqual(problemFor("query"));
  expect(problemsOf({ ...options, responseMode: "form_post" })).toEqual(
    problemFor("form_post"),
  );
  expect(problemsOf({ ...options, responseMode: "query.jwt" })).toEqual([]);
});

test("encryptedAnswers without keys, or of something else, stops the start", () => {
  expect(problemsOf({ encryptedAnswers: ["idToken"] })).toEqual([
    "encryptedAnswers: needs decryptionKeys, the keys that open them",
  ]);
  expect(
    problemsOf({ decryptionKeys: rsa, encryptedAnswers: ["all"] }),
  ).toHaveLength(1);
});

test("publicKeys publishes them for encryption, without anything private", async () => {
  const { keys } = await publicKeys(
    [
      { key: rsa, kid: "new", alg: "RSA-OAEP-256" },
      { key: ec, kid: "old" },
    ],
    { use: "enc" },
  );
  expect(keys).toEqual([
    {
      ...createPublicKey(rsa).export({ format: "jwk" }),
      use: "enc",
      kid: "new",
      alg: "RSA-OAEP-256",
    },
    {
      ...createPublicKey(ec).export({ format: "jwk" }),
      use: "enc",
      kid: "old",
    },
  ]);
  await expect(publicKeys([rsa, ec], { use: "enc" })).rejects.toThrow(
    "has no kid",
  );
});
