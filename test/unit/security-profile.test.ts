/** securityProfile: what stops the start, and what the profile sets by itself. */
import { generateKeyPairSync } from "node:crypto";

import { describe, expect, test } from "@jest/globals";
import { ClientSecretBasic } from "openid-client";

import { ClientSecretJwt, None, PrivateKeyJwt } from "../../lib/index.js";
import {
  type AnyOptions,
  problemsOf,
  readProvider,
} from "../support/read-options.js";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;

/** What is enough for the profile. */
const FAPI2 = {
  securityProfile: "fapi2",
  clientSecret: undefined,
  clientAuth: PrivateKeyJwt(ec),
  idTokenSigningAlg: "PS256",
};
/** And for the other one. */
const SIGNING = {
  ...FAPI2,
  securityProfile: "fapi2-message-signing",
  requestSigningKey: ec,
  responseMode: "query.jwt",
};

const BY_KEY =
  "set it to PrivateKeyJwt(key) of this package, tls_client_auth or self_signed_tls_client_auth";

describe("fapi2", () => {
  test("F2-03, F2-13, F2-18: a key and an algorithm are enough", () => {
    expect(problemsOf(FAPI2)).toEqual([]);
    expect(readProvider(FAPI2)).toMatchObject({
      pushedAuthorizationRequests: "always",
      senderConstrained: "always",
    });
  });

  test("F2-02, MT-01: a certificate binds tokens as well", () => {
    for (const clientAuth of [
      "tls_client_auth",
      "self_signed_tls_client_auth",
    ]) {
      const options = { ...FAPI2, clientAuth, senderConstrained: "never" };
      expect(problemsOf(options)).toEqual([]);
      expect(readProvider(options)).toMatchObject({
        senderConstrained: "never",
      });
    }
  });

  test.each(["never", "auto"])(
    "F2-02: no resource server gets a bound token without a proof: %s",
    (senderConstrained) => {
      const url = "https://api.example";
      const resourceServers = {
        orders: { url, senderConstrained },
        stock: { url: `${url}/stock`, senderConstrained: "always" },
        bills: { url: `${url}/bills` },
      };
      const problem = `resourceServers.orders.senderConstrained: is ${senderConstrained}; leave it out, tokens are sent with proofs alone (securityProfile fapi2)`;
      expect(problemsOf({ ...FAPI2, resourceServers })).toEqual([problem]);
      // The certificate of the connection needs none.
      const clientAuth = "tls_client_auth";
      expect(problemsOf({ ...FAPI2, clientAuth, resourceServers })).toEqual([]);

      const providers = { bank: FAPI2, usual: {} };
      const severalWith = (names: string[]) =>
        problemsOf({
          providers,
          resourceServers: {
            orders: { url, senderConstrained, providers: names },
          },
        });
      expect(severalWith(["bank", "usual"])).toContain(problem);
      expect(severalWith(["usual"])).not.toContain(problem);
    },
  );

  test("keys of RSA sign by PS256", () => {
    expect(problemsOf({ ...FAPI2, clientAuth: PrivateKeyJwt(rsa) })).toEqual(
      [],
    );
  });

  // Each stops the start, and says what to change.
  test.each<[string, AnyOptions, string]>([
    [
      "client_secret_basic",
      { clientSecret: "a secret", clientAuth: undefined },
      `clientAuth: is client_secret_basic; ${BY_KEY}`,
    ],
    [
      "client_secret_post",
      { clientSecret: "a secret", clientAuth: "client_secret_post" },
      `clientAuth: is client_secret_post; ${BY_KEY}`,
    ],
    [
      "client_secret_jwt",
      { clientAuth: ClientSecretJwt("a secret") },
      `clientAuth: is ClientSecretJwt(secret); ${BY_KEY}`,
    ],
    [
      "a public client",
      { clientAuth: None() },
      `clientAuth: is None(); ${BY_KEY}`,
    ],
    [
      "a function of somebody else",
      { clientAuth: ClientSecretBasic("a secret") },
      `clientAuth: is a function that is not known; ${BY_KEY}`,
    ],
    [
      "the token endpoint as audience",
      {
        clientAuth: PrivateKeyJwt(ec, { audience: "https://op.example/token" }),
      },
      "clientAuth: the audience is https://op.example/token; leave it out, so that it is the issuer",
    ],
    [
      "a key that signs by RS256",
      { clientAuth: PrivateKeyJwt({ key: rsa, alg: "RS256" }) },
      "clientAuth: has a key that signs by RS256; use one for PS256, ES256, EdDSA, Ed25519",
    ],
    [
      "a key that signs by ES384",
      { clientAuth: PrivateKeyJwt([ec, p384]) },
      "clientAuth: has a key that signs by ES256, ES384; use one for PS256, ES256, EdDSA, Ed25519",
    ],
    [
      "requests that are not pushed",
      { pushedAuthorizationRequests: "never" },
      "pushedAuthorizationRequests: is never; leave it out, requests have to be pushed",
    ],
    [
      "Bearer tokens",
      { senderConstrained: "never" },
      "senderConstrained: is never; leave it out, or bind tokens to a certificate by clientAuth: tls_client_auth",
    ],
    [
      "ID Tokens by RS256, the default",
      { idTokenSigningAlg: undefined },
      "idTokenSigningAlg: is RS256; set it to one of PS256, ES256, EdDSA, Ed25519, as the provider signs for this client",
    ],
    [
      "UserInfo by RS512",
      { userInfoSigningAlg: "RS512" },
      "userInfoSigningAlg: is RS512; set it to one of PS256, ES256, EdDSA, Ed25519, as the provider signs for this client",
    ],
    [
      "clocks that differ by minutes",
      { clockToleranceSeconds: 300 },
      "clockToleranceSeconds: must be at most 60; set the clocks by NTP",
    ],
    [
      "requests in clear",
      { dangerouslyAllowInsecureRequests: true },
      "dangerouslyAllowInsecureRequests: must not be set; everything is sent by TLS",
    ],
  ])("%s stops the start", (_what, change, problem) => {
    expect(problemsOf({ ...FAPI2, ...change })).toEqual([
      `${problem} (securityProfile fapi2)`,
    ]);
  });

  test("all that is wrong is told at once", () => {
    expect(
      problemsOf({ securityProfile: "fapi2", senderConstrained: "never" }),
    ).toHaveLength(3);
  });

  test("of several providers each has its own", () => {
    expect(
      problemsOf({
        issuer: undefined,
        clientId: undefined,
        clientSecret: undefined,
        providers: {
          bank: {
            issuer: "https://bank.example",
            clientId: "a",
            ...FAPI2,
            idTokenSigningAlg: "RS256",
          },
          shop: {
            issuer: "https://op.example",
            clientId: "b",
            clientSecret: "a secret",
          },
        },
      }).filter((problem) => problem.includes("bank")),
    ).toEqual([
      expect.stringMatching(/^providers\.bank\.idTokenSigningAlg: is RS256; /),
    ]);
  });
});

describe("fapi2-message-signing", () => {
  test("a key for requests and signed answers are enough", () => {
    expect(problemsOf(SIGNING)).toEqual([]);
    expect(problemsOf({ ...SIGNING, responseMode: "form_post.jwt" })).toEqual(
      [],
    );
  });

  test.each<[string, AnyOptions, string]>([
    [
      "requests that are not signed",
      { requestSigningKey: undefined },
      "requestSigningKey: is missing; set it to the key that signs authorization requests",
    ],
    [
      "a request key that signs by RS256",
      { requestSigningKey: { key: rsa, alg: "RS256" } },
      "requestSigningKey: has a key that signs by RS256; use one for PS256, ES256, EdDSA, Ed25519",
    ],
    [
      "answers that are not signed",
      { responseMode: "form_post" },
      "responseMode: is form_post; set it to form_post.jwt, so that answers are signed",
    ],
    [
      "answers by RS256",
      { responseSigningAlg: "RS256" },
      "responseSigningAlg: is RS256; set it to one of PS256, ES256, EdDSA, Ed25519, as the provider signs for this client",
    ],
  ])("%s stops the start", (_what, change, problem) => {
    expect(problemsOf({ ...SIGNING, ...change })).toEqual([
      expect.stringContaining(
        problem.includes("is missing") ? "requestSigningKey: is " : problem,
      ),
    ]);
  });
});

test("without a profile nothing of this is demanded", () => {
  expect(problemsOf({ senderConstrained: "never" })).toEqual([]);
  expect(readProvider({})).toMatchObject({
    pushedAuthorizationRequests: "auto",
    senderConstrained: "auto",
  });
});

test.each(["F2-19: 2048 bits at least"])("%s", () => {
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  expect(() => PrivateKeyJwt(short)).toThrow("is an RSA key of 1024 bits");
  expect(problemsOf({ requestSigningKey: short })).toEqual([
    "requestSigningKey: is an RSA key of 1024 bits; make one of 2048 at least",
  ]);
});
