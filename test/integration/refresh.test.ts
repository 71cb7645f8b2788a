/** Access tokens are renewed in time, and what a failing provider makes of that. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";

import { loginOf } from "../../lib/index.js";
import { beforeControl } from "../support/before-control.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { tellLie } from "../support/id-token-liar.js";
import { recordingServer } from "../support/recording-server.js";
import {
  landingOf,
  pressLogout,
  providerAddressIn,
} from "../support/sign-out.js";
import { holdAnswer } from "../../lib/testing/provider/request-holds.js";
import { answerTokenRequests } from "../support/token-answers.js";
import { until } from "../support/until.js";
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
  // Shows: BCP-07, F2-07
  test("CORE-47, OA-13: an expired token is refreshed, ten times over, and rotated refresh tokens are kept", async () => {
    await expired({ embedded });
    for (let round = 0; round < 10; round++) {
      expect((await orders()).status).toBe(200);
      passSeconds(61);
    }
    expect(w.provider.tokenRequests()).toBe(1 + 10);
  });

  test("200 parallel requests of one process share one refresh", async () => {
    await expired({ embedded });
    const answers = await Promise.all(Array.from({ length: 200 }, orders));
    expect(answers.map(({ status }) => status)).toEqual(Array(200).fill(200));
    expect(w.provider.tokenRequests()).toBe(2);
    expect(w.app.kit.counters.tokenRequests).toBe(1);
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
          orders: (await loginOf(req).accessToken("orders")).value,
          plain: (await loginOf(req).accessToken("plain")).value,
          again: (await loginOf(req).accessToken("orders")).value,
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
  // Shows: ERR_REFRESH_REJECTED
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
      // In the embedded store, the pause is over when the test's clock says so.
      await expired({ embedded: true });
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

      // Nobody asks again before a pause is over; then all is well.
      expect((await orders()).status).toBe(503);
      expect(w.provider.tokenRequests()).toBe(2);
      w.provider.intercept = undefined;
      passSeconds(2);
      expect((await orders()).status).toBe(200);
    },
  );

  test("a provider that never answers keeps the login: 503 in time", async () => {
    await expired({ kit: { providerTimeoutSeconds: 3 } });
    w.provider.intercept = (req) => req.url === "/token";
    expect((await orders()).status).toBe(503);
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
  });

  test("an old token that runs out while the provider is waited for is not forwarded", async () => {
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
      passSeconds(30);
      res.writeHead(500).end();
      return true;
    };
    expect((await orders()).status).toBe(503);
    expect(api.requests).toEqual([]);
    await api.close();
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

// Shows: ERR_NO_ACCESS_TOKEN
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
  let goOn: (() => void) | undefined;
  await expired({
    routes(app, kit) {
      app.get(
        "/slow-cart",
        kit.session,
        kit.requireAuth(),
        async (req, res) => {
          await new Promise<void>((resolve) => (goOn = resolve));
          Object.assign(req.session, { cart: "tea" });
          res.json({});
        },
      );
      app.get("/cart", kit.session, (req, res) => {
        res.json({ cart: (req.session as { cart?: string }).cart ?? null });
      });
    },
  });
  const changed = w.browser.fetchJson(`${w.app.url}/slow-cart`);
  await until("it waits", () => goOn !== undefined);
  expect((await orders()).status).toBe(200);
  goOn?.();
  expect((await changed).status).toBe(200);
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

describe("signing out while a refresh runs", () => {
  test("the new tokens are not stored, and are revoked as the old ones were", async () => {
    await expired();
    const { answered, revoked } = watchTokens(w);
    let letGo: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      answered.push((end) => {
        letGo = end;
        resolve();
      });
    });
    const refreshing = orders();
    await held;
    const copy = w.browser.clone();
    const signedOut = await pressLogout(copy, w.app.url);
    expect(signedOut.status).toBe(200);
    letGo?.();

    expect((await refreshing).status).toBe(401);
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
    // Neither is before the provider knows of the logout.
    expect(revoked).toEqual([]);
    await copy.request(landingOf(providerAddressIn(signedOut).href));
    // First the one that the record held, then the one that came too late.
    await until(
      "both refresh tokens are revoked",
      () => revoked.filter((hint) => hint === "refresh_token").length === 2,
    );
  });
});

/** Holds the answers of the token endpoint back, and notes what is revoked. */
function watchTokens(watched: World) {
  const answered: ((end: () => void) => void)[] = [];
  const revoked: string[] = [];
  watched.provider.intercept = (req, res) => {
    if (req.url === "/token/revocation") {
      const emit = req.emit.bind(req);
      req.emit = (event: string | symbol, ...values: unknown[]) => {
        if (event === "data") {
          const form = new URLSearchParams(String(values[0]));
          revoked.push(form.get("token_type_hint") ?? "");
        }
        return emit(event, ...values);
      };
    }
    const hold = req.url === "/token" ? answered.shift() : undefined;
    if (hold !== undefined) {
      holdAnswer(res, () => new Promise(hold));
    }
    return false;
  };
  return { answered, revoked };
}

// Shows: RV-05
test("RV-06: a provider that does not answer a revocation does not keep anybody signed in", async () => {
  w = await world({
    embedded: true,
    signedInAs: "alice",
    kit: { providerTimeoutSeconds: 60 },
    // Otherwise it is revoked when the browser has been there.
    provider: { features: { rpInitiatedLogout: { enabled: false } } },
  });
  const failed: unknown[] = [];
  w.app.kit.events.on("token.revocation_failed", (event) => failed.push(event));
  w.provider.intercept = (req) => req.url === "/token/revocation";
  // Without a limit of its own it would take as long as the provider may.
  const answer = await beforeControl(
    30_000,
    w.browser.request(`${w.app.url}/logout`, {
      method: "POST",
      initiator: w.app.url,
    }),
  );
  expect(answer.status).toBe(303);
  expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
  expect(failed).toEqual([
    expect.objectContaining({ code: "ERR_PROVIDER_UNAVAILABLE" }),
  ]);
});

test.each([
  ["a redirect", 302, { Location: "/maintenance" }, ""],
  ["a page", 200, { "Content-Type": "text/html" }, "<h1>Back soon</h1>"],
  [
    "a page that is not found",
    404,
    { "Content-Type": "text/html" },
    "<h1>404</h1>",
  ],
  [
    "broken JSON",
    200,
    { "Content-Type": "application/json" },
    '{"access_token":',
  ],
  ["an empty object", 200, { "Content-Type": "application/json" }, "{}"],
])(
  "a provider that answers a refresh with %s is being mended: 503, and the login lives",
  async (_what, status, headers, body) => {
    w = await world({ signedInAs: "alice" });
    w.provider.intercept = (req, res) => {
      if (req.url !== "/token") return false;
      res.writeHead(status, headers as Record<string, string>).end(body);
      return true;
    };
    expect((await orders()).status).toBe(503);
    w.provider.intercept = undefined;
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
  },
);

test.each([
  ["expires_in as text", { expires_in: "60" }],
  ["no expires_in", { expires_in: undefined }],
  ["an empty scope", { scope: "" }],
  ["another case of token_type", { token_type: "BEARER" }],
  ["no new refresh token", { refresh_token: undefined }],
])("OA-10: %s in a refresh is fine", async (_what, change) => {
  const api = await recordingServer();
  takeClock();
  w = await world({
    kit: { resourceServers: { orders: { url: api.url } } },
    signedInAs: "alice",
  });
  answerTokenRequests(w, 200, {
    access_token: "fresh",
    token_type: "Bearer",
    expires_in: 60,
    refresh_token: "next",
    ...change,
  });
  passSeconds(61);
  expect((await orders()).status).toBe(200);
  expect((await orders()).status).toBe(200);
  expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([
    "Bearer fresh",
    "Bearer fresh",
  ]);
  expect(w.provider.tokenRequests()).toBe(2);
  await api.close();
});
