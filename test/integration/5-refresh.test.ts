import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";

import { loginOf } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { tellLie } from "../support/id-token-liar.js";
import { recordingServer } from "../support/recording-server.js";
import {
  closeRedis,
  world,
  type World,
  type WorldOptions,
} from "../support/world.js";

let w: World;
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

/** Signed in, with tokens that have expired or are about to. */
async function expired(options: WorldOptions = {}): Promise<void> {
  takeClock();
  w = await world({ signedInAs: "alice", ...options });
  passSeconds(61);
}

const orders = (): Promise<Response> =>
  w.browser.fetchJson(`${w.app.url}/api/orders`);

describe.each([
  ["Redis", false],
  ["the embedded store", true],
])("with %s", (_name, embedded) => {
  test("CORE-47, OA-13: an expired token is refreshed, and rotated refresh tokens are kept", async () => {
    await expired({ embedded });
    for (let round = 0; round < 3; round++) {
      expect((await orders()).status).toBe(200);
      passSeconds(61);
    }
    expect(w.provider.tokenRequests()).toBe(1 + 3);
  });

  test("parallel requests of one process share one refresh", async () => {
    await expired({ embedded });
    const answers = await Promise.all(Array.from({ length: 50 }, orders));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(w.provider.tokenRequests()).toBe(2);
  });
});

test("RI-04: a token for one resource server is not sent to another; each is kept", async () => {
  const other = await recordingServer();
  w = await world({ embedded: true, signedInAs: "alice" });
  const before = w;
  w = await world({
    embedded: true,
    kit: {
      resourceServers: {
        orders: {
          url: `${before.orders.url}/v1`,
          resource: "urn:example:orders",
        },
        plain: { url: other.url },
      },
    },
    routes(app, kit) {
      app.get("/tokens", kit.requireAuth(), async (req, res) => {
        res.json({
          orders: await loginOf(req).accessToken("orders"),
          plain: await loginOf(req).accessToken("plain"),
          again: await loginOf(req).accessToken("orders"),
        });
      });
    },
    signedInAs: "alice",
  });
  await before.close();
  const answer = await w.browser.fetchJson(`${w.app.url}/tokens`);
  const tokens = (await answer.json()) as Record<string, string>;
  expect(decodeJwt(tokens["orders"] ?? "").aud).toBe("urn:example:orders");
  expect(tokens["plain"]).not.toContain(".");
  expect(tokens["again"]).toBe(tokens["orders"]);
  expect(w.provider.tokenRequests()).toBe(2);
  await other.close();
});

describe("a refresh that fails", () => {
  test("CORE-49, BCP-07: invalid_grant ends the login: 401 with login_url, and the next request is signed out", async () => {
    await expired();
    const ended: unknown[] = [];
    w.app.kit.events.on("login.ended", (event) => ended.push(event));
    w.provider.intercept = (req, res) => {
      if (req.url !== "/token") return false;
      res.writeHead(400, { "Content-Type": "application/json" });
      res.end('{"error":"invalid_grant"}');
      return true;
    };
    const answer = await orders();
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      code: "ERR_REFRESH_REJECTED",
      login_url: "/login",
    });
    const me = await w.browser.fetchJson(`${w.app.url}/me`);
    expect(me.status).toBe(401);
    expect(ended).toEqual([
      expect.objectContaining({ subject: "alice", reason: "refresh_rejected" }),
    ]);
  });

  test.each([500, 503, 429])(
    "a provider that answers %d keeps the login: 503, and later 200",
    async (status) => {
      await expired();
      w.provider.intercept = (req, res) => {
        if (req.url !== "/token") return false;
        res.writeHead(status, { "Content-Type": "application/json" });
        res.end('{"error":"temporarily_unavailable"}');
        return true;
      };
      const answer = await orders();
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).not.toBeNull();
      expect(await answer.json()).toMatchObject({
        code: "ERR_PROVIDER_UNAVAILABLE",
      });

      w.provider.intercept = undefined;
      expect((await orders()).status).toBe(200);
    },
  );

  test("a provider that never answers keeps the login: 503 in time", async () => {
    await expired({ kit: { providerTimeoutSeconds: 0.5 } });
    w.provider.intercept = (req) => req.url === "/token";
    expect((await orders()).status).toBe(503);
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
  });

  test("refreshed early, the old token bridges an outage of the provider", async () => {
    const api = await recordingServer();
    takeClock();
    w = await world({
      embedded: true,
      kit: { resourceServers: { orders: { url: api.url } } },
      signedInAs: "alice",
    });
    passSeconds(31);
    w.provider.intercept = (req, res) => {
      if (req.url !== "/token") return false;
      res.writeHead(500).end();
      return true;
    };
    expect((await orders()).status).toBe(200);
    expect(w.provider.tokenRequests()).toBe(2);
    await api.close();
  });

  test.each([
    ["sub", "bob"],
    ["iss", "https://evil.example"],
    ["aud", "other"],
    ["auth_time", 1],
    ["nonce", "another"],
  ])(
    "CORE-48 oidcc-client-test-refresh-token-invalid-*: a refreshed ID Token with another %s ends the login",
    async (claim, value) => {
      let refreshing = false;
      takeClock();
      w = await world();
      await tellLie(w.provider, {
        claims: (claims) =>
          refreshing ? { ...claims, [claim]: value } : claims,
      });
      await w.signIn();
      passSeconds(61);
      refreshing = true;
      expect((await orders()).status).toBe(502);
      expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
    },
  );

  test("CORE-48: a refresh without an ID Token is fine", async () => {
    const api = await recordingServer();
    let refreshing = false;
    takeClock();
    w = await world({
      kit: { resourceServers: { orders: { url: api.url } } },
    });
    await tellLie(w.provider, {
      response({ id_token: idToken, ...response }) {
        return refreshing ? response : { id_token: idToken, ...response };
      },
    });
    await w.signIn();
    passSeconds(61);
    refreshing = true;
    expect((await orders()).status).toBe(200);
    expect(w.provider.tokenRequests()).toBe(2);
    await api.close();
  });
});

test("a token that lives shorter than the leeway serves for half of its life", async () => {
  const api = await recordingServer();
  takeClock();
  w = await world({
    embedded: true,
    accessTokenSeconds: 20,
    kit: { resourceServers: { orders: { url: api.url } } },
    signedInAs: "alice",
  });
  passSeconds(9);
  await orders();
  expect(w.provider.tokenRequests()).toBe(1);
  passSeconds(2);
  await orders();
  expect(api.requests).toHaveLength(2);
  expect(w.provider.tokenRequests()).toBe(2);
  await api.close();
});

test("without a refresh token an expired access token is 401 ERR_NO_ACCESS_TOKEN, never a request without a token", async () => {
  const api = await recordingServer();
  await expired({
    kit: {
      scope: "openid profile",
      authorizationParameters: {},
      resourceServers: { orders: { url: api.url } },
    },
    provider: { issueRefreshToken: () => false },
  });
  const answer = await orders();
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ code: "ERR_NO_ACCESS_TOKEN" });
  expect(api.requests).toEqual([]);
  await api.close();
});

test("a request that changes req.session while another refreshes loses neither", async () => {
  await expired({
    routes(app, kit) {
      app.get(
        "/slow-cart",
        kit.session,
        kit.requireAuth(),
        async (req, res) => {
          await new Promise((resolve) => setTimeout(resolve, 300));
          Object.assign(req.session, { cart: "tea" });
          res.json({});
        },
      );
      app.get("/cart", kit.session, (req, res) => {
        res.json({ cart: (req.session as { cart?: string }).cart ?? null });
      });
    },
  });
  const [changed, refreshed] = await Promise.all([
    w.browser.fetchJson(`${w.app.url}/slow-cart`),
    orders(),
  ]);
  expect([changed.status, refreshed.status]).toEqual([200, 200]);
  const cart = await w.browser.fetchJson(`${w.app.url}/cart`);
  expect(await cart.json()).toEqual({ cart: "tea" });
  passSeconds(61);
  expect((await orders()).status).toBe(200);
});

test("CORE-38: userInfo() asks the provider now", async () => {
  w = await world({
    embedded: true,
    routes(app, kit) {
      app.get("/info", kit.requireAuth(), async (req, res) => {
        res.json(await loginOf(req).userInfo());
      });
    },
    signedInAs: "alice",
  });
  const answer = await w.browser.fetchJson(`${w.app.url}/info`);
  expect(await answer.json()).toMatchObject({
    iss: w.provider.url,
    sub: "alice",
    name: "Alice",
  });
  expect(
    w.provider.requests.filter((request) => request === "GET /me"),
  ).toHaveLength(2);
});
