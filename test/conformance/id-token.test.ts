import { inspect } from "node:util";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { generateKeyPair, exportJWK, UnsecuredJWT, decodeJwt } from "jose";

import { type Lie, tellLie } from "../support/id-token-liar.js";
import {
  closeRedis,
  world,
  type World,
  type WorldOptions,
} from "../support/world.js";

let w: World | undefined;
afterEach(async () => {
  await w?.close();
  w = undefined;
});
afterAll(closeRedis);

async function signInWith(lie: Lie, options: WorldOptions = {}) {
  w = await world({ embedded: true, ...options });
  const liar = await tellLie(w.provider, lie);
  const page = await w.signIn();
  return { page, liar, world: w };
}

/** The login must not come about, with the documented code and without UserInfo. */
async function expectRefused(lie: Lie, options: WorldOptions = {}) {
  const { page, world: refusing } = await signInWith(lie, options);
  expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  expect(page.response.status).toBe(502);
  expect(refusing.provider.requests).not.toContain("GET /me");
  const me = await refusing.browser.fetchJson(`${refusing.app.url}/me`);
  expect(me.status).toBe(401);
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

describe("an ID Token is refused", () => {
  test("CORE-19 oidcc-client-test-invalid-iss: another issuer", () =>
    expectRefused({ claims: (c) => ({ ...c, iss: `${String(c.iss)}1` }) }));

  test("CORE-20 oidcc-client-test-invalid-aud: another audience", () =>
    expectRefused({ claims: (c) => ({ ...c, aud: `${String(c.aud)}1` }) }));

  test("CORE-20 fapi2 invalid-secondary-aud: an audience beside this client", () =>
    expectRefused({
      claims: (c) => ({ ...c, aud: ["shop", "other"], azp: "shop" }),
    }));

  test("CORE-21: azp of another client", () =>
    expectRefused({ claims: (c) => ({ ...c, azp: "other" }) }));

  test.each(["sub", "iat", "aud", "exp", "iss", "nonce"])(
    "CORE-31 oidcc-client-test-missing-*: without %s",
    (claim) =>
      expectRefused({
        claims: ({ [claim]: _removed, ...rest }) => rest,
      }),
  );

  test("CORE-27 oidcc-client-test-nonce-invalid: another nonce", () =>
    expectRefused({
      claims: (c) => ({ ...c, nonce: `${String(c["nonce"])}1` }),
    }));

  test("CORE-25 fapi2 invalid-expired-exp: expired for six minutes", () =>
    expectRefused({ claims: (c) => ({ ...c, exp: nowSeconds() - 360 }) }));

  test("CORE-26: issued in the future", () =>
    expectRefused({ claims: (c) => ({ ...c, iat: nowSeconds() + 120 }) }));

  test("CORE-31: sub longer than 255 characters", () =>
    expectRefused({ claims: (c) => ({ ...c, sub: "s".repeat(256) }) }));

  test("CORE-30 oidcc-client-test-invalid-athash: at_hash of another token", () =>
    expectRefused({
      claims: (c) => ({ ...c, at_hash: "AAAAAAAAAAAAAAAAAAAAAA" }),
    }));

  test("CORE-22: signed with a key that the provider does not publish", () =>
    expectRefused({ foreignKey: true }));

  test("CORE-22 oidcc-client-test-invalid-sig-rs256: signature altered", () =>
    expectRefused({
      token: (t) => {
        const [header, payload, signature = ""] = t.split(".");
        const first = signature.startsWith("A") ? "B" : "A";
        return [header, payload, first + signature.slice(1)].join(".");
      },
    }));

  test("ASVS 9.1.2 oidcc-client-test-idtoken-sig-none: no signature", () =>
    expectRefused({ token: (t) => new UnsecuredJWT(decodeJwt(t)).encode() }));

  test("CORE-23 fapi2 invalid-alternate-alg: another algorithm than the configured", () =>
    expectRefused({ header: { alg: "ES256" } }));

  test("ASVS 9.1.3: a key inside the token's header is not used", async () => {
    const { publicKey } = await generateKeyPair("RS256", { extractable: true });
    await expectRefused({
      foreignKey: true,
      header: { jwk: await exportJWK(publicKey) },
    });
  });

  test("AT-02: an access token (typ at+jwt) is no ID Token", () =>
    expectRefused({ header: { typ: "at+jwt" } }));

  test("BCL-22: a Logout Token (typ logout+jwt) is no ID Token", () =>
    expectRefused({ header: { typ: "logout+jwt" } }));

  test("CORE-17: absent", () =>
    expectRefused({ response: ({ id_token: _removed, ...rest }) => rest }));

  test("OA-11: token_type is neither Bearer nor known", () =>
    expectRefused({ response: (r) => ({ ...r, token_type: "mac" }) }));

  test("ASVS 16.2.5: with an access token that would break a header; the token is in no error", async () => {
    const lie: Lie = {
      response: (r) => ({ ...r, access_token: "secret\r\nX-Evil: 1" }),
    };
    w = await world({ embedded: true });
    const errors: Error[] = [];
    w.app.kit.events.on("error", (error) => errors.push(error));
    await tellLie(w.provider, lie);
    const page = await w.signIn();
    expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
    expect(inspect(errors, { depth: null })).not.toContain("X-Evil");
  });

  test("DP-02: token_type DPoP was not asked for", () =>
    expectRefused({ response: (r) => ({ ...r, token_type: "DPoP" }) }));
});

describe("an ID Token is accepted", () => {
  async function expectAccepted(lie: Lie, options: WorldOptions = {}) {
    const { page, world: accepting, liar } = await signInWith(lie, options);
    expect(page.response.status).toBe(200);
    expect(page.url).toBe(`${accepting.app.url}/me`);
    return { world: accepting, liar };
  }

  test("oidcc-client-test-idtoken-sig-rs256: correct in everything", () =>
    expectAccepted({}));

  test("fapi2 valid-aud-as-array: aud as an array of this client alone", () =>
    expectAccepted({ claims: (c) => ({ ...c, aud: ["shop"] }) }));

  test("CORE-25: expired within the clock tolerance", () =>
    expectAccepted({ claims: (c) => ({ ...c, exp: nowSeconds() - 10 }) }));

  test("CORE-23: signed with ES256, when that is configured", () =>
    expectAccepted(
      { header: { alg: "ES256" } },
      {
        kit: { idTokenSigningAlg: "ES256" },
      },
    ));

  test("CORE-23: signed with EdDSA, when that is configured", () =>
    expectAccepted(
      { header: { alg: "EdDSA" } },
      { kit: { idTokenSigningAlg: "EdDSA" } },
    ));

  test("oidcc-client-test 1.2.10: keys of unknown types are published beside the good one", () =>
    expectAccepted({
      moreKeys: [
        { kty: "XYZ", kid: "unknown" },
        { kty: "EC", crv: "P-999", kid: "odd", x: "AA", y: "AA" },
      ],
    }));

  test("OA-10 token-type-case-insensitivity: token_type in another case", () =>
    expectAccepted({ response: (r) => ({ ...r, token_type: "bEARER" }) }));

  test("OA-10 token-endpoint-response-without-expires_in", () =>
    expectAccepted({ response: ({ expires_in: _removed, ...rest }) => rest }));

  test("CORE-45 oidcc-client-test-signing-key-rotation: signed with a new key right after a login", async () => {
    const { world: rotating, liar } = await expectAccepted({});
    await liar.rotateKey();
    const page = await rotating.signIn({ path: "/login?return_to=/me" });
    expect(page.response.status).toBe(200);
    expect(page.url).toBe(`${rotating.app.url}/me`);
  });
});

describe("UserInfo", () => {
  test("CORE-39 oidcc-client-test-userinfo-invalid-sub: another sub is refused", async () => {
    w = await world({ embedded: true });
    w.provider.intercept = (req, res) => {
      if (req.url !== "/me") return false;
      res.setHeader("Content-Type", "application/json");
      res.end(JSON.stringify({ sub: "aliceinvalid", name: "Mallory" }));
      return true;
    };
    const page = await w.signIn();
    expect(page.response.status).toBe(502);
    expect(page.body).toContain("ERR_USERINFO_INVALID");
    const me = await w.browser.fetchJson(`${w.app.url}/me`);
    expect(me.status).toBe(401);
  });

  test("CORE-36: what UserInfo says about protocol claims does not win over the ID Token", async () => {
    w = await world({ embedded: true });
    w.provider.intercept = (req, res) => {
      if (req.url !== "/me") return false;
      res.setHeader("Content-Type", "application/json");
      res.end(
        JSON.stringify({ sub: "alice", iss: "https://evil.example", acr: "9" }),
      );
      return true;
    };
    const page = await w.signIn();
    expect(JSON.parse(page.body)).toMatchObject({
      iss: w.provider.url,
      sub: "alice",
    });
  });

  test("CORE-43: is not fetched when the scope asks for no claims", async () => {
    w = await world({ embedded: true, kit: { scope: "openid" } });
    await w.signIn();
    expect(w.provider.requests).not.toContain("GET /me");
  });
});
