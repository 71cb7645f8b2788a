/** Which answers of the provider count: metadata, authorization response, tokens, UserInfo. */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import express, { type Response } from "express";

import {
  createLoginKit,
  loginOf,
  type LoginKitOptions,
} from "../../lib/index.js";
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
import {
  clientAt,
  lyingKitOptions,
  lyingWorld,
  type LyingWorld,
  type LyingWorldOptions,
} from "../support/lying-world.js";
import { createTestBrowser, type Page } from "../support/test-browser.js";
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
  await Promise.all(ends.splice(0).map((end) => end()));
});
afterAll(closeRedis);

async function start(
  misbehave: Misbehaviour,
  options: LyingWorldOptions = {},
): Promise<LyingWorld> {
  const w = await lyingWorld(options);
  ends.push(w.close);
  w.provider.misbehave = misbehave;
  return w;
}

function signIn(w: LyingWorld, browser = createTestBrowser()): Promise<Page> {
  return browser.navigate(`${w.url}/login?return_to=/me`);
}

async function expectSignedIn(
  misbehave: Misbehaviour,
  kit: Partial<LoginKitOptions> = {},
): Promise<void> {
  const page = await signIn(await start(misbehave, { kit }));
  expect(page.body).toContain('"sub":"alice"');
}

async function expectRefused(
  code: string,
  misbehave: Misbehaviour,
  kit: Partial<LoginKitOptions> = {},
): Promise<LyingWorld> {
  const w = await start(misbehave, { kit });
  const browser = createTestBrowser();
  const page = await signIn(w, browser);
  expect(page.body).toContain(code);
  expect(await w.statusFor(browser)).toBe(401);
  return w;
}

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

describe("UserInfo", () => {
  const kit = { scope: "openid profile" };

  test("CORE-36: what the ID Token says as well is not taken from it", async () => {
    const w = await start(
      {
        idToken: { claims: { name: "Alice", roles: ["reader"] } },
        userinfo: (right) => ({
          ...right,
          name: "Mallory",
          roles: ["admin"],
          locale: "en",
        }),
      },
      {
        kit,
        routes(app, { requireAuth }) {
          app.get("/claims", requireAuth(), (req, res) => {
            res.json(loginOf(req).claims);
          });
        },
      },
    );
    const browser = await w.signIn("alice");
    const claims = await browser.fetchJson(`${w.url}/claims`);
    expect(await claims.json()).toMatchObject({
      name: "Alice",
      roles: ["reader"],
      locale: "en",
    });
  });

  // Shows: CORE-51, ERR_USERINFO_INVALID
  test.each<[string, Claims]>([
    ["without sub", { sub: undefined }],
    ["with an empty sub", { sub: "" }],
    ["with a sub in another case", { sub: "ALICE" }],
  ])("CORE-39: %s it is not used", async (_what, claims) => {
    await expectRefused(
      "ERR_USERINFO_INVALID",
      { userinfo: (right) => ({ ...right, ...claims }) },
      kit,
    );
  });

  test.each(["text/html", "application/octet-stream"])(
    "CORE-40: claims with the content type %s are not used",
    (type) =>
      expectRefused(
        "ERR_USERINFO_INVALID",
        {
          intercept(req, res, next) {
            if (req.path === "/userinfo") res.type(type);
            next();
          },
        },
        kit,
      ),
  );

  test("CORE-41: a JWT signed with a new key counts right after a rotation", async () => {
    const w = await start(
      {
        metadata: (right) => ({
          ...right,
          userinfo_signing_alg_values_supported: ["RS256"],
        }),
      },
      { kit },
    );
    w.provider.misbehave = {
      ...w.provider.misbehave,
      userinfo: (right) =>
        w.provider.sign({ ...right, iss: w.provider.issuer, aud: "shop" }),
    };
    expect((await signIn(w)).body).toContain('"sub":"alice"');
    await w.provider.rotateKeys();
    expect((await signIn(w)).body).toContain('"sub":"alice"');
  });

  describe("Core 5.3.2: a JWT, by a provider whose metadata names no algorithm", () => {
    const signedBy = (alg: string): Misbehaviour => ({
      metadata: ({ userinfo_signing_alg_values_supported: _, ...right }) =>
        right,
      userinfo: () => alg,
    });
    async function page(
      alg: string,
      options: Partial<LoginKitOptions> = {},
      jwks: Misbehaviour = {},
    ): Promise<string> {
      const w = await start({}, { kit: { ...kit, ...options } });
      w.provider.misbehave = {
        ...signedBy(alg),
        ...jwks,
        userinfo: (right) =>
          w.provider.sign(
            { ...right, iss: w.provider.issuer, aud: "shop" },
            { header: { alg } },
          ),
      };
      return (await signIn(w)).body;
    }

    test("counts with the algorithm of ID Tokens", async () => {
      expect(await page("RS256")).toContain('"sub":"alice"');
    });

    test("counts with the algorithm of the option userInfoSigningAlg", async () => {
      const options = { userInfoSigningAlg: "ES256" };
      expect(await page("ES256", options)).toContain('"sub":"alice"');
      expect(await page("RS256", options)).toContain("ERR_USERINFO_INVALID");
    });

    test("with another one is not used, and the message names the option", async () => {
      const body = await page("ES256");
      expect(body).toContain("ERR_USERINFO_INVALID");
      expect(body).toContain("alg ES256");
      expect(body).toContain("set userInfoSigningAlg to what this client");
    });

    test("counts although the JWK Set has odd entries", async () => {
      const odd: Misbehaviour = {
        jwks: (right) => [null, "odd", ...right] as typeof right,
      };
      expect(await page("RS256", {}, odd)).toContain('"sub":"alice"');
    });
  });

  test("CORE-40: a page instead of it is not used", () =>
    expectRefused(
      "ERR_USERINFO_INVALID",
      {
        intercept: (req, res, next) => {
          if (req.path !== "/userinfo") next();
          else res.send("<h1>Welcome, alice</h1>");
        },
      },
      kit,
    ));

  test("CORE-42: a token that UserInfo refuses is told with the option that helps", async () => {
    const lie: Misbehaviour = {
      intercept: (req, res, next) => {
        if (req.path !== "/userinfo") next();
        else res.set("WWW-Authenticate", "Bearer").status(401).end();
      },
    };
    const page = await signIn(await start(lie, { kit }));
    expect(page.body).toContain("set userInfo to false");
  });

  test.each([
    [401, "ERR_USERINFO_INVALID"],
    [403, "ERR_USERINFO_INVALID"],
    [503, "ERR_PROVIDER_UNAVAILABLE"],
  ])(
    "CORE-42: an answer with status %d is an error with the code %s, and no login",
    async (status, code) => {
      await expectRefused(
        code,
        {
          intercept: (req, res, next) => {
            if (req.path !== "/userinfo") {
              next();
              return;
            }
            res.set("WWW-Authenticate", 'Bearer error="invalid_token"');
            res.status(status).json({ sub: "alice", error: "invalid_token" });
          },
        },
        kit,
      );
    },
  );
});

describe("claims that are too much to be kept with every request", () => {
  /** Text, because nesting that is deep enough ends what writes JSON. */
  const nested = (depth: number): string =>
    `${'{"value":'.repeat(depth)}"deep"${"}".repeat(depth)}`;
  const withDeep =
    (depth: number) =>
    (json: string): string =>
      `${json.slice(0, -1)},"deep":${nested(depth)}}`;
  /** With Redis: what is not kept in one process has to be written. */
  const refused = async (
    code: string,
    misbehave: Misbehaviour,
  ): Promise<void> => {
    const redis = await sharedRedis();
    const w = await start(misbehave, { redis, kit: { userInfo: true } });
    const failed: unknown[] = [];
    w.kit.events.on("login.failed", (event) => failed.push(event.code));
    const browser = createTestBrowser();
    const page = await signIn(w, browser);
    expect(page.response.status).toBe(502);
    expect(page.body).toContain(code);
    expect(failed).toEqual([code]);
    expect(await w.statusFor(browser)).toBe(401);
    await until(
      "its tokens are revoked",
      () => w.provider.revoked.length === 2,
    );
  };

  test.each([17, 5000])("an ID Token's, %i levels deep", (depth) =>
    refused("ERR_ID_TOKEN_INVALID", {
      idToken: { json: withDeep(depth) },
    }),
  );

  test("an ID Token's, 65 KB long", () =>
    refused("ERR_ID_TOKEN_INVALID", {
      idToken: { claims: { long: "x".repeat(65 * 1024) } },
    }));

  test("a UserInfo response's, 17 levels deep", () =>
    refused("ERR_USERINFO_INVALID", {
      userinfo: (right) => ({
        ...right,
        deep: JSON.parse(nested(17)) as unknown,
      }),
    }));

  test("but 15 levels and 60 KB are kept", () =>
    expectSignedIn({
      idToken: {
        claims: { long: "x".repeat(60 * 1024) },
        json: withDeep(14),
      },
    }));
});

test("an ID Token with an acr that was not asked for: the new tokens are revoked", async () => {
  const w = await start({ idToken: { claims: { acr: "urn:weak" } } });
  const { body } = await createTestBrowser().navigate(
    `${w.url}/login?acr_values=urn:strong`,
  );
  expect(body).toContain("ERR_AUTHENTICATION_TOO_WEAK");
  await until("they are revoked", () => w.provider.revoked.length === 2);
});
