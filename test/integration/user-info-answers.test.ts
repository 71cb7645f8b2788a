/** Which claims of UserInfo count, and how many claims are kept. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import { loginOf, type LoginKitOptions } from "../../lib/index.js";
import type { Claims, Misbehaviour } from "../support/lying-provider.js";
import {
  closeWorlds,
  expectRefused,
  expectSignedIn,
  signIn,
  start,
} from "../support/misbehaving-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { closeRedis, sharedRedis } from "../support/world.js";

afterEach(closeWorlds);
afterAll(closeRedis);

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
