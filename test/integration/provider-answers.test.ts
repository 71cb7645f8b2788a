/** Which answers of the provider count: metadata, authorization response, tokens. */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import express, { type Response } from "express";

import { createLoginKit } from "../../lib/index.js";
import { keyPrefixOf } from "../../lib/stores/key-prefix.js";
import { forwardWorld } from "../support/forward-world.js";
import { listening } from "../../lib/testing/listening.js";
import { storeIn } from "../support/stores.js";
import {
  type Claims,
  type Json,
  type Misbehaviour,
  startLyingProvider,
} from "../support/lying-provider.js";
import { clientAt, lyingKitOptions } from "../support/lying-world.js";
import {
  closeWorlds,
  expectRefused,
  expectSignedIn,
  signIn,
  start,
} from "../support/misbehaving-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import {
  answerOf,
  CLIENT_ID,
  CLIENT_SECRET,
  closeRedis,
  isCallback,
  SESSION_SECRET,
  sharedRedis,
} from "../support/world.js";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await closeWorlds();
  await Promise.all(ends.splice(0).map((end) => end()));
});
afterAll(closeRedis);

describe("metadata", () => {
  // Shows: BCP-11, F2-10
  test.each(["", "/tenant", "/tenant/"])(
    "DISC-01: of an issuer with the path '%s' is at the address that Discovery makes of it",
    async (path) => {
      const app = await listening();
      const clients = [clientAt([app.url])];
      const provider = await startLyingProvider({ clients, path });
      ends.push(app.close, provider.close);
      const { routes } = createLoginKit(lyingKitOptions(provider, app.url));
      app.serve(express().use(routes));
      const { status } = await createTestBrowser().request(`${app.url}/login`);
      expect(status).toBe(303);
      expect(provider.requests).toEqual([
        "GET /.well-known/openid-configuration",
      ]);
    },
  );

  test("DISC-06, DISC-08: members that nobody knows and signed_metadata are ignored", () =>
    expectSignedIn({
      metadata: (right) => ({
        ...right,
        unheard_of: { a: [null] },
        signed_metadata: "a.b.c",
      }),
    }));

  test.each<[string, (res: Response) => unknown]>([
    ["a page", (res) => res.send("<h1>Welcome</h1>")],
    ["404", (res) => res.status(404).json({})],
    ["201", (res) => res.status(201).json({})],
    ["a list", (res) => res.json([])],
    ["null", (res) => res.json(null)],
    ["half an object", (res) => res.type("json").send('{"issuer":')],
  ])("DISC-06: %s is no metadata", async (_what, answer) => {
    const w = await expectRefused("ERR_DISCOVERY_INVALID", {
      intercept: (_req, res) => {
        answer(res);
      },
    });
    expect(w.provider.requests).not.toContain("GET /authorize");
  });

  test.each<[string, unknown]>([
    ["null", null],
    ["empty", ""],
    ["an empty list", []],
  ])("optional members that are %s are absent", (_what, value) =>
    expectSignedIn({
      metadata: (right) => ({
        ...right,
        userinfo_endpoint: value,
        end_session_endpoint: value,
        check_session_iframe: value,
        revocation_endpoint: value,
        pushed_authorization_request_endpoint: value,
        require_pushed_authorization_requests: value,
        token_endpoint_auth_methods_supported: value,
        id_token_signing_alg_values_supported: value,
        userinfo_signing_alg_values_supported: value,
        code_challenge_methods_supported: value,
        authorization_response_iss_parameter_supported: value,
        mtls_endpoint_aliases: value,
      }),
    }),
  );

  test.each(["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])(
    "a required member is not absent: %s that is null is refused",
    async (member) => {
      await expectRefused("ERR_DISCOVERY_INVALID", {
        metadata: (right) => ({ ...right, [member]: null }),
      });
    },
  );

  test.each(["text/html", "text/plain; charset=utf-8", "application/jsonp"])(
    "DISC-06: metadata with the content type %s is refused, and the error names it",
    async (type) => {
      const w = await start({
        intercept(req, res, next) {
          if (req.path.startsWith("/.well-known")) res.type(type);
          next();
        },
      });
      const { body } = await signIn(w);
      expect(body).toContain("ERR_DISCOVERY_INVALID");
      expect(body).toContain(
        `${w.provider.issuer}/.well-known/openid-configuration answered 200 with the content type ${type}`,
      );
      expect(w.provider.requests).not.toContain("GET /authorize");
    },
  );
});

describe("the authorization response", () => {
  test("CORE-08: parameters that nobody knows are ignored", () =>
    expectSignedIn({
      authorizationResponse: (right) => ({
        ...right,
        unheard_of: "1",
        return_to: "//evil.example",
      }),
    }));

  test("ISS-04: iss is compared also when the metadata promises none", async () => {
    const metadata: Misbehaviour["metadata"] = ({
      authorization_response_iss_parameter_supported: _removed,
      ...right
    }) => right;
    await expectSignedIn({ metadata });
    await expectSignedIn({
      metadata,
      authorizationResponse: ({ iss: _absent, ...right }) => right,
    });
    const w = await expectRefused("ERR_ISSUER_MISMATCH", {
      metadata,
      authorizationResponse: (right) => ({ ...right, iss: "https://op.evil" }),
    });
    expect(w.provider.requests).not.toContain("POST /token");
  });

  test("ISS-05, BCP-03: a login that was begun with another provider is not completed with this one", async () => {
    const redis = await sharedRedis();
    const kit = { redisKeyPrefix: `two-issuers-${String(Math.random())}:` };
    const [one, other] = [
      await start({}, { redis, kit }),
      await start({}, { redis, kit }),
    ];
    const browser = createTestBrowser();
    const begun = await browser.request(`${one.url}/login`);
    const state = new URL(begun.headers.get("location") ?? "").searchParams;
    const answer = new URL(`${other.url}/callback`);
    answer.searchParams.set("state", state.get("state") ?? "");
    answer.searchParams.set("code", "of-the-other");
    answer.searchParams.set("iss", other.provider.issuer);
    const page = await browser.navigate(answer);
    expect(page.body).toContain("ERR_TRANSACTION_USED");
    expect(other.provider.requests).not.toContain("POST /token");
  });

  test("ISS-05, BCP-03: nor where nothing but its record says so", async () => {
    const redis = await sharedRedis();
    const redisKeyPrefix = `another-issuer-${String(Math.random())}:`;
    const w = await start(
      {
        metadata: ({
          authorization_response_iss_parameter_supported: _removed,
          ...right
        }) => right,
        authorizationResponse: ({ iss: _absent, ...right }) => right,
      },
      { redis, kit: { redisKeyPrefix } },
    );
    const browser = createTestBrowser();
    const page = await browser.navigate(`${w.url}/login`, {
      stopBefore: isCallback,
    });
    const answer = answerOf(page);
    const [cookie = ""] =
      /(?<=-login-\S+=)[^;]+/.exec(await browser.jar.getCookieString(w.url)) ??
      [];
    const key = digest(answer.searchParams.get("state") ?? "");
    const owner = digest(cookie.split(".")[1] ?? "");
    // Under the keys of this kit, which another provider's never are.
    const store = storeIn(redis, {
      secrets: [SESSION_SECRET],
      keyPrefix: keyPrefixOf(redisKeyPrefix, [w.provider.issuer, CLIENT_ID]),
      timeoutSeconds: 5,
    }).loginStore;
    const { transaction } = (await store.takeTransaction(key, owner, 60)) ?? {};
    if (transaction === undefined) throw new Error("there is no such record");
    const ofAnother = { ...transaction, issuer: "https://op.evil" };
    await store.putTransaction(key, owner, ofAnother, 60);

    const { body } = await browser.navigate(answer);

    expect(w.provider.requests).not.toContain("POST /token");
    expect(await w.statusFor(browser)).toBe(401);
    expect(body).toContain("ERR_ISSUER_MISMATCH");
  });
});

/** As the kit names what it keeps of a sign-in. */
function digest(value: string): string {
  return createHash("sha256").update(value).digest("base64url");
}

describe("the token response", () => {
  test("CORE-14, OA-10: members that nobody knows are ignored", () =>
    expectSignedIn({
      tokenResponse: (right) => ({
        ...right,
        unheard_of: { a: 1 },
        not_before_policy: 0,
      }),
    }));

  // Shows: CORE-16
  test("CORE-50: a member that is null or of another type is no token", async () => {
    for (const access_token of [null, "", 1, ["a"]]) {
      await expectRefused("ERR_TOKEN_RESPONSE_INVALID", {
        tokenResponse: (right) => ({ ...right, access_token }),
      });
    }
  });

  test.each<[string, Json]>([
    ["refresh_token: null", { refresh_token: null }],
    ['refresh_token: ""', { refresh_token: "" }],
    ["expires_in: null", { expires_in: null }],
    ["scope: null", { scope: null }],
    ["a list of scopes", { scope: ["openid", "profile"] }],
    ["expires_in as text", { expires_in: "300" }],
    ["expires_in: 1e300", { expires_in: 1e300 }],
    ["expires_in: 0.5", { expires_in: 0.5 }],
  ])("RFC 6749 5.1: %s is fine", (_what, change) =>
    expectSignedIn({ tokenResponse: (right) => ({ ...right, ...change }) }),
  );

  test("an error inside an answer 200 is told in the provider's own words", async () => {
    const w = await start({
      tokenResponse: () => ({
        error: "bad_verification_code",
        error_description: "The code is incorrect or expired.",
      }),
    });
    const failures: unknown[] = [];
    w.kit.events.on("login.failed", (failure) => failures.push(failure));
    await signIn(w);
    expect(failures).toEqual([
      expect.objectContaining({
        code: "ERR_TOKEN_REQUEST_REJECTED",
        oauthError: "bad_verification_code",
        diagnosis: expect.stringContaining("The code is incorrect or expired."),
      }),
    ]);
  });

  test("AT-01: nobody looks into an access token: expires_in counts, not its exp", async () => {
    const w = await forwardWorld();
    ends.push(w.close);
    const token = w.provider.sign({ exp: 1, aud: "somebody" });
    w.provider.misbehave = {
      idToken: { claims: { at_hash: undefined } },
      tokenResponse: (right) => ({ ...right, access_token: token }),
    };
    const bob = await w.signIn("bob");
    const answer = await bob.fetchJson(`${w.url}/api/orders`);
    expect(answer.status).toBe(200);
    expect(w.api.requests[0]?.headers.authorization).toBe(`Bearer ${token}`);
    expect(w.refreshes()).toBe(0);
  });
});

describe("the ID Token", () => {
  const hs256 = {
    kit: { idTokenSigningAlg: "HS256" },
    header: { alg: "HS256" },
  };

  // With every variant: test/conformance/id-token.test.ts.
  test("CORE-21: made for another client it is refused", () =>
    expectRefused("ERR_ID_TOKEN_INVALID", {
      idToken: { claims: { azp: "another" } },
    }));

  test("CORE-26: issued in the future it is refused", () =>
    expectRefused("ERR_ID_TOKEN_INVALID", {
      idToken: { claims: { iat: Math.floor(Date.now() / 1000) + 120 } },
    }));

  test("CORE-30: with another access token it is refused", () =>
    expectRefused("ERR_ID_TOKEN_INVALID", {
      tokenResponse: (right) => ({ ...right, access_token: "another" }),
    }));

  test("CORE-24: with HS256 it is signed with the bytes of the client secret, and with nothing else", async () => {
    const { kit, header } = hs256;
    await expectSignedIn({ idToken: { header } }, kit);
    for (const secret of [
      `${CLIENT_SECRET}1`,
      encodeURIComponent(CLIENT_SECRET),
    ])
      await expectRefused(
        "ERR_ID_TOKEN_INVALID",
        { idToken: { header, key: Buffer.from(secret) } },
        kit,
      );
  });

  test("CORE-24: with HS256 and several audiences it is refused", () =>
    expectRefused(
      "ERR_ID_TOKEN_INVALID",
      { idToken: { header: hs256.header, claims: { aud: ["shop", "other"] } } },
      hs256.kit,
    ));

  test("ASVS 9.2.1: before its nbf it is refused", () =>
    expectRefused("ERR_ID_TOKEN_INVALID", {
      idToken: { claims: { nbf: Math.floor(Date.now() / 1000) + 120 } },
    }));

  test.each<Claims>([
    { exp: 1e300 },
    { exp: 253_402_300_800 },
    { exp: -1 },
    { iat: -1 },
    { iat: 1e300 },
    { nbf: 1e300 },
    { nbf: -1 },
    { auth_time: -1 },
    { auth_time: 1e300 },
  ])("RFC 7519 2: %j is not a time", (claims) =>
    expectRefused("ERR_ID_TOKEN_INVALID", { idToken: { claims } }),
  );

  test("RFC 7519 2: times may have fractions", () =>
    expectSignedIn({
      idToken: {
        claims: (right) => ({
          ...right,
          iat: Number(right["iat"]) - 0.25,
          exp: Number(right["exp"]) + 0.75,
          auth_time: Number(right["auth_time"]) - 0.5,
          nbf: Number(right["iat"]) - 1.5,
        }),
      },
    }));

  test("a login ends in time although session.endClaim is no time", () =>
    expectSignedIn(
      { idToken: { claims: { session_expiry: 1e300 } } },
      { session: { secret: SESSION_SECRET, endClaim: "session_expiry" } },
    ));

  test("one that is signed with another algorithm is refused, and the message names both and the option", async () => {
    const w = await start({ idToken: { header: { alg: "EdDSA" } } });
    const { body } = await signIn(w);
    expect(body).toContain("ERR_ID_TOKEN_INVALID");
    expect(body).toContain("alg EdDSA");
    expect(body).toContain(
      "the option idTokenSigningAlg is RS256, the provider&#39;s metadata names none, RS256, PS256, ES256, EdDSA; set idTokenSigningAlg",
    );
  });

  test("F2-19: an RSA key of 1024 bits signs nothing, although it is published", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const jwk = { ...weak.publicKey.export({ format: "jwk" }), kid: "weak" };
    await expectRefused("ERR_ID_TOKEN_INVALID", {
      jwks: () => [jwk],
      idToken: {
        header: { kid: "weak" },
        token: (token) => signedAgain(token, weak.privateKey),
      },
    });
  });

  function signedAgain(token: string, key: KeyObject): string {
    const input = token.split(".").slice(0, 2).join(".");
    const signature = sign("sha256", Buffer.from(input), key);
    return `${input}.${signature.toString("base64url")}`;
  }
});

test("an ID Token with an acr that was not asked for: the new tokens are revoked", async () => {
  const w = await start({ idToken: { claims: { acr: "urn:weak" } } });
  const { body } = await createTestBrowser().navigate(
    `${w.url}/login?acr_values=urn:strong`,
  );
  expect(body).toContain("ERR_AUTHENTICATION_TOO_WEAK");
  await until("they are revoked", () => w.provider.revoked.length === 2);
});
