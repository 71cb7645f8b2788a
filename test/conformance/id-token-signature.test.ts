/** JWS and JWK: by which keys, algorithms and headers an ID Token is believed. */
import { describe, expect, test } from "@jest/globals";

import { expectAccepted, expectRefused } from "../support/id-token-login.js";
import {
  type LyingProvider,
  type Misbehaviour,
  withBrokenSignature,
} from "../support/lying-provider.js";
import {
  expectSignedIn,
  inModuleWorld,
  USUAL_VARIANT,
} from "../support/module-world.js";
import {
  foreignKeys,
  type PublishedKey,
} from "../../lib/testing/provider/keys.js";
import { createTestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";

/** The same claims under this header, unsigned. */
const unsigned =
  (header: object) =>
  (token: string): string => {
    const encoded = Buffer.from(JSON.stringify(header)).toString("base64url");
    return `${encoded}.${token.split(".")[1] ?? ""}.`;
  };

// No signature, an altered one, and new keys are modules of the suite: see
// login-modules.ts and config-rp.test.ts.
describe("the signature", () => {
  test.each(["foreign", "foreign-kid"] as const)(
    "CORE-22: by a key that is not published (%s) is refused",
    (key) => expectRefused({ key }),
  );

  test.each(["None", "NONE", "nOnE", undefined])(
    "ASVS 9.1.2: none at all, and the alg %s, is refused",
    (alg) => expectRefused({ token: unsigned({ alg }) }),
  );

  test.each(["ES256", "PS256", "EdDSA", "HS256"])(
    "CORE-23 fapi2 invalid-alternate-alg: right, but %s where RS256 is registered, is refused",
    (alg) => expectRefused({ header: { alg } }),
  );

  test.each<[string, (jwk: PublishedKey) => Uint8Array]>([
    ["its modulus", ({ n = "" }) => Buffer.from(n, "base64url")],
    ["its JSON", (jwk) => Buffer.from(JSON.stringify(jwk))],
  ])(
    "ASVS 9.1.2: HS256 with the published RSA key (%s) as its secret is refused",
    (_what, secret) =>
      expectRefused(({ provider }) => ({
        header: { alg: "HS256", kid: provider.keys.rsa.kid },
        key: secret(provider.keys.rsa.jwk),
      })),
  );

  describe.each(["ES256", "PS256", "EdDSA", "HS256"])(
    "by %s, where that is registered",
    (alg) => {
      const registered = {
        kit: { idTokenSigningAlg: alg },
        client: { idTokenSignedResponseAlg: alg },
      };

      // With at_hash, which has a hash function of its own for each.
      // Shows: F2-18
      test(`CORE-23, CORE-24, CORE-30: ${alg} is accepted`, () =>
        expectAccepted({}, registered));

      test(`oidcc-client-test-invalid-sig-${alg.toLowerCase()}: altered, it is refused`, () =>
        expectRefused({ token: withBrokenSignature }, registered));

      test(`CORE-23: RS256 is refused where ${alg} is registered`, () =>
        expectRefused({ header: { alg: "RS256" } }, registered));
    },
  );
});

describe("a key in the header, or an address of one, is never used", () => {
  // A request for it would be one call too many.
  // Shows: F2-20
  test.each(["jwk", "jku", "x5u", "x5c"] as const)(
    "CORE-32, ASVS 9.1.3: with %s, which leads to the key that signed",
    (parameter) =>
      expectRefused(({ provider }) => ({
        key: "foreign",
        header: { [parameter]: keySources(provider)[parameter] },
      })),
  );

  test("CORE-32: beside a right signature they are ignored", () =>
    expectAccepted(({ provider }) => ({ header: keySources(provider) })));
});

/** Where the key would be found, by header parameter (RFC 7515 section 4.1). */
function keySources({ issuer }: LyingProvider) {
  const { rsa } = foreignKeys();
  return {
    jwk: rsa.jwk,
    jku: `${issuer}foreign-jwks`,
    x5u: `${issuer}foreign-certificate`,
    x5c: ["MIIB"],
  };
}

describe("the header", () => {
  test.each([
    { crit: ["urn:example:rule"], "urn:example:rule": true },
    { crit: ["b64"], b64: true },
    { crit: ["exp"] },
    { crit: [] },
    { crit: "exp" },
  ])("RFC 7515 4.1.11: %j is refused", (header) => expectRefused({ header }));

  // Shows: ASVS 9.2.2
  test.each([
    "at+jwt",
    "application/at+jwt",
    "AT+JWT",
    "logout+jwt",
    "secevent+jwt",
    "",
    1,
    null,
    {},
    ["JWT"],
  ])("AT-02, BCL-22: typ %j is no ID Token's", (typ) =>
    expectRefused({ header: { typ } }),
  );

  test.each(["JWT", "jwt"])("RFC 7519 5.1: typ %s is accepted", (typ) =>
    expectAccepted({ header: { typ } }),
  );

  test("BCL-22: a logout token without typ is no ID Token", () =>
    expectRefused(({ provider }) => ({
      token: () => provider.logoutToken({ sub: "alice" }),
    })));

  test("AT-02: an access token without typ is no ID Token", () =>
    expectRefused({
      claims: ({ nonce: _nonce, at_hash: _hash, ...right }) => ({
        ...right,
        client_id: right["aud"],
        scope: "openid profile",
      }),
    }));

  test("CORE-22: a kid that is no text names no key", () =>
    expectRefused({ header: { kid: 1 } }));
});

describe("among the published keys", () => {
  test("1.2.10: those that nobody can import do no harm, not even under the right kid", () =>
    expectAccepted(
      {},
      {
        misbehave: {
          jwks(right) {
            const kid = right[1]?.kid;
            return [
              { kty: "XYZ", kid, use: "sig" },
              { kty: "EC", crv: "P-999", kid, x: "AA", y: "AA" },
              { kid },
              ...right,
            ];
          },
        },
      },
    ));

  const oneKid: Misbehaviour = {
    jwks: (right) =>
      right.map((key) => ({
        ...key,
        // Another RSA key for signing must differ in something.
        ...(key.kid?.endsWith("rsa-2") === true && { alg: "PS256" }),
        kid: right[1]?.kid,
      })),
  };

  // Shows: F2-20
  test("CORE-22: the right one is found where keys of other types, uses and algs have its kid", () =>
    expectAccepted({}, { misbehave: oneKid }));

  test("CORE-23: a key of another type under the right kid does not make its alg right", () =>
    expectRefused(
      ({ provider }) => ({
        header: { alg: "ES256", kid: provider.keys.rsa.kid },
      }),
      { misbehave: oneKid },
    ));
});

describe("a kid that is not published", () => {
  test("CORE-45: costs the provider one fetch of its keys for each ID Token, and none is made for other faults", () =>
    inModuleWorld(USUAL_VARIANT, async (world) => {
      expectSignedIn(world, await world.login());
      expect(world.provider.jwksFetches()).toBe(1);

      world.lie({ idToken: { key: "foreign-kid" } });
      for (const fetches of [2, 3, 4]) {
        const page = await world.login();
        expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
        expect(world.provider.jwksFetches()).toBe(fetches);
      }
      world.lie({ idToken: { key: "foreign" } });
      const page = await world.login();
      expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
      expect(world.provider.jwksFetches()).toBe(4);
    }));

  test("CORE-45: is looked for once by those that come at once, and right ID Tokens do not wait for it", () =>
    inModuleWorld(
      USUAL_VARIANT,
      async (world) => {
        expectSignedIn(world, await world.login());
        world.lie({ idToken: { key: "foreign-kid" } });
        const keys = world.provider.hold("/jwks");
        const refused = Promise.all(
          Array.from({ length: 20 }, () =>
            createTestBrowser().navigate(`${world.url}/login`),
          ),
        );
        await until(
          "everyone has an ID Token",
          () => world.provider.idTokens.size === 1 + 20,
          30_000,
        );
        world.lie({});
        const right = await world.login();
        expect(right.response.status).toBe(200);
        keys.release();
        for (const { body } of await refused) {
          expect(body).toContain("ERR_ID_TOKEN_INVALID");
        }
        expect(world.provider.jwksFetches()).toBe(1 + 1);
      },
      // The keys are held until everyone is there.
      { kit: { providerTimeoutSeconds: 60 } },
    ));
});
