/** express-login-kit/testing: what applications test their logins with. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import express, { type Express } from "express";
import request from "supertest";

import { createOrdersApi } from "../../demo-app/orders-api.js";
import {
  createLoginKit,
  type LoginKit,
  type LoginKitOptions,
  loginOf,
  type OnLogin,
} from "../../lib/index.js";
import {
  advance,
  cookieFetch,
  endLogin,
  expireAccessToken,
  lastRequestTo,
  loginAs,
  resetClock,
  signIn,
  testProvider,
  type TestProvider,
  type TestProviderOptions,
  testResourceServer,
  type TestResourceServer,
} from "../../lib/testing/index.js";
import { listening } from "../../lib/testing/listening.js";

const ORDERS = "https://orders.example";

let provider: TestProvider;
let orders: TestResourceServer;
let kit: LoginKit;
const closing: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  orders = await testResourceServer({ resource: ORDERS });
});
afterEach(async () => {
  resetClock();
  for (const close of closing.splice(0)) await close();
  await Promise.all([kit.close(), provider.close(), orders.close()]);
});

/** An application of a user of the package. */
async function application(
  options: Partial<LoginKitOptions> = {},
  providerOptions?: TestProviderOptions,
): Promise<Express> {
  provider = await testProvider(providerOptions);
  const { issuer, clientId, clientSecret } = provider;
  kit = createLoginKit({
    issuer,
    clientId,
    clientSecret,
    baseUrl: "http://localhost:3000",
    session: { secret: "a session secret of thirty-two characters" },
    resourceServers: {
      orders: { url: `${orders.url}/v1`, resource: ORDERS },
    },
    ...options,
  });
  const app = express();
  app.set("env", "test");
  app.use(kit.routes);
  app.get("/me", kit.requireAuth(), (req, res) => {
    res.json(loginOf(req).claims);
  });
  app.use("/api", kit.requireAuth(), kit.forward("orders"));
  app.use(kit.errorHandler);
  return app;
}

async function listen(app: Express): Promise<string> {
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

test.each([
  ["loginAs", (agent: ReturnType<typeof request.agent>) => loginAs(agent)],
  [
    "signIn",
    (agent: ReturnType<typeof request.agent>) => signIn(agent, "alice"),
  ],
] as const)(
  "idTokenEncryption: the application opens ID Tokens with its key, by %s",
  async (_name, enter) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const app = await application(
      { decryptionKeys: privateKey },
      {
        idTokenEncryption: createPublicKey(privateKey).export({
          format: "jwk",
        }),
      },
    );
    const agent = request.agent(app);
    await enter(agent);
    expect((await agent.get("/me")).body).toMatchObject({ sub: "alice" });
  },
);

describe("loginAs", () => {
  test("a supertest agent is signed in as the provider's first user", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    expect((await agent.get("/me").expect(200)).body).toMatchObject({
      sub: "alice",
      name: "Alice",
      email: "alice@example.com",
    });
  });

  test("the application's onLogin decides, and its data is the login's", async () => {
    const onLogin: OnLogin = ({ claims }) =>
      claims.sub === "bob"
        ? { refuse: "Bob is not welcome." }
        : { data: { userId: `own ${claims.sub}` } };
    const app = await application({ onLogin });
    app.get("/data", kit.requireAuth(), (req, res) => {
      res.json(loginOf(req).data);
    });
    const agent = request.agent(app);
    await loginAs(agent);
    expect((await agent.get("/data")).body).toEqual({ userId: "own alice" });
    await expect(loginAs(request.agent(app), { sub: "bob" })).rejects.toThrow(
      "Bob is not welcome.",
    );
  });

  test("the claims are the user's and those of the call", async () => {
    const agent = request.agent(await application());
    const login = await loginAs(agent, { sub: "bob", roles: ["admin"] });
    expect((await agent.get("/me")).body).toMatchObject({
      sub: "bob",
      name: "Bob",
      roles: ["admin"],
    });
    expect(login).toMatchObject({
      sub: "bob",
      claims: { name: "Bob", roles: ["admin"] },
    });
  });

  test("the provider need not know the user", async () => {
    const agent = request.agent(await application());
    await loginAs(agent, { sub: "carol", acr: "phr" });
    expect((await agent.get("/me")).body).toMatchObject({ sub: "carol" });
  });

  test("no page and no authorization request reaches the provider: only its API is asked", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    expect(provider.requests.map(({ path }) => path)).toEqual([
      "/.well-known/openid-configuration",
      "/token",
      "/jwks",
    ]);
  });

  test("a cookieFetch is signed in, also with Secure cookies", async () => {
    const app = await application({ baseUrl: "https://shop.example" });
    const fetch = cookieFetch(await listen(app));
    await loginAs(fetch);
    expect((await fetch("/me")).status).toBe(200);
  });

  test("two agents are two browsers", async () => {
    const app = await application();
    const alice = request.agent(app);
    await loginAs(alice, { sub: "alice" });
    const bob = request.agent(app);
    await loginAs(bob, { sub: "bob" });
    expect((await alice.get("/me")).body).toMatchObject({ sub: "alice" });
    expect((await bob.get("/me")).body).toMatchObject({ sub: "bob" });
    expect((await request(app).get("/me")).status).toBe(401);
  });

  test("a form_post answer is delivered as one", async () => {
    const agent = request.agent(
      await application({ responseMode: "form_post" }),
    );
    await loginAs(agent);
    expect((await agent.get("/me")).status).toBe(200);
  });

  test("other paths of the kit can be told", async () => {
    const app = await application({
      paths: { login: "/in", callback: "/back", backchannelLogout: "/out" },
    });
    const agent = request.agent(app);
    const login = await loginAs(
      agent,
      {},
      {
        paths: { login: "/in", backchannelLogout: "/out" },
        parameters: { return_to: "/me" },
      },
    );
    expect((await agent.get("/me")).status).toBe(200);
    await endLogin(login);
    expect((await agent.get("/me")).status).toBe(401);
  });

  test("says so where the application has no login", async () => {
    await application();
    await expect(loginAs(request.agent(express()))).rejects.toThrow(
      /GET \/login does not lead to a provider: is kit\.routes mounted.*It answered 404/,
    );
  });

  test("says so where the application has another provider", async () => {
    const app = await application();
    await provider.close();
    const other = await testProvider();
    closing.push(other.close);
    app.get("/elsewhere", (_req, res) => {
      res.redirect(303, "https://id.example/authorize");
    });
    await expect(
      loginAs(request.agent(app), {}, { paths: { login: "/elsewhere" } }),
    ).rejects.toThrow(
      /https:\/\/id\.example\/authorize, where no test provider of this process listens/,
    );
  });

  test("says what the application answered where it refuses", async () => {
    const agent = request.agent(await application());
    provider.next({ idToken: { claims: { aud: "another" } } });
    await expect(loginAs(agent)).rejects.toThrow(
      /the application refused the login\. It answered 502: .*ERR_ID_TOKEN_INVALID/,
    );
  });

  test("explains Secure cookies to supertest, and what an agent is", async () => {
    const app = await application({ baseUrl: "https://shop.example" });
    await expect(loginAs(request.agent(app))).rejects.toThrow(
      /a supertest agent never sends back, because it speaks http: give the kit a baseUrl such as http:\/\/localhost:3000/,
    );
    await expect(loginAs(request(app) as never)).rejects.toThrow(
      /hand over request\.agent\(app\) of supertest/,
    );
  });
});

describe("signIn", () => {
  test("goes through the pages of the provider: sign in, agree, back", async () => {
    const agent = request.agent(await application());
    const login = await signIn(agent, "bob");
    expect((await agent.get("/me")).body).toMatchObject({ sub: "bob" });
    expect(login).toMatchObject({ sub: "bob", claims: { name: "Bob" } });
    const posted = provider.requests.filter(({ method }) => method === "POST");
    expect(posted.map(({ path }) => path)).toEqual([
      "/sign-in",
      "/consent",
      "/token",
    ]);
  });

  test("the provider knows the browser afterwards, and asks nothing again", async () => {
    const agent = request.agent(await application());
    await signIn(agent, "bob");
    await signIn(agent, "bob");
    const pages = provider.requests.filter(({ path }) => path === "/sign-in");
    expect(pages).toHaveLength(1);
  });

  test.each(["login", "consent", "login consent"])(
    "prompt=%s asks once more, and then goes on",
    async (prompt) => {
      const agent = request.agent(
        await application({ authorizationParameters: { prompt } }),
      );
      await signIn(agent, "alice");
      await signIn(agent, "alice");
      expect((await agent.get("/me")).status).toBe(200);
    },
  );

  test("without consent only the user is asked for", async () => {
    const agent = request.agent(await application({}, { consent: false }));
    await signIn(agent, "alice");
    const pages = provider.requests.filter(({ path }) => path === "/consent");
    expect(pages).toEqual([]);
  });

  test("a user whom the provider does not know is refused", async () => {
    const agent = request.agent(await application());
    await expect(signIn(agent, "mallory")).rejects.toThrow(
      /the provider did not sign the user in.*none of the provider's/,
    );
  });

  test("a form_post answer is delivered as one", async () => {
    const agent = request.agent(
      await application({ responseMode: "form_post" }),
    );
    await signIn(agent, "alice");
    expect((await agent.get("/me")).status).toBe(200);
  });
});

describe("what happens to a login", () => {
  test("expireAccessToken: the next request to an API refreshes first", async () => {
    const agent = request.agent(await application());
    const login = await loginAs(agent);
    await agent.get("/api/orders").expect(200, { sub: "alice" });
    const before = lastRequestTo(orders);
    expireAccessToken(login);
    await agent.get("/api/orders").expect(200);
    expect(lastRequestTo(orders).token).not.toBe(before.token);
    expect(lastRequestTo(orders).target).toBe("/v1/orders");
    const refreshes = provider.requests.filter(
      ({ form }) => form.get("grant_type") === "refresh_token",
    );
    expect(refreshes).toHaveLength(2);
  });

  test("endLogin: the provider's logout token ends the login here", async () => {
    const agent = request.agent(await application());
    const login = await loginAs(agent);
    await endLogin(login);
    expect((await agent.get("/me")).status).toBe(401);
  });

  test("advance: a login ends that nobody uses for so long", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    advance(29 * 60);
    await agent.get("/me").expect(200);
    advance(31 * 60);
    await agent.get("/me").expect(401);
  });

  test("a logout by the browser leads through the provider and back", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    const answer = await agent.post("/logout");
    const { location } = answer.body as { location: string };
    expect(location).toContain(`${provider.issuer}/end-session`);
    expect((await fetch(location, { redirect: "manual" })).status).toBe(303);
    expect((await agent.get("/me")).status).toBe(401);
  });
});

describe("the provider", () => {
  test("next: one wrong answer, and then right ones", async () => {
    const app = await application();
    provider.next({ authorizationResponse: { error: "access_denied" } });
    await expect(loginAs(request.agent(app))).rejects.toThrow(
      /It answered 403: .*ERR_ACCESS_DENIED/,
    );
    await loginAs(request.agent(app));
  });

  test("next: a token response with an error is answered with 400", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    provider.next({ tokenResponse: { error: "invalid_grant" } });
    await agent.get("/api/orders").expect(401);
  });

  test("down: the application answers 503; up: it works again", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    provider.down();
    await agent.get("/api/orders").expect(503);
    provider.up();
    // The kit does not ask a provider again within a second of a failure.
    advance(2);
    await agent.get("/api/orders").expect(200);
  });

  test("slow: requests wait so long, until it is quick again", async () => {
    const agent = request.agent(
      await application({ providerTimeoutSeconds: 0.2 }),
    );
    provider.slow(60);
    await agent.get("/login").expect(503);
    provider.slow(0);
    advance(2);
    await loginAs(agent);
  });

  test("rotateKeys: logins go on, by the new keys", async () => {
    const app = await application();
    await loginAs(request.agent(app));
    await provider.rotateKeys();
    await loginAs(request.agent(app));
  });

  test("RFC 9700 4.14.2: a refresh token that is used twice ends its grant", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    await agent.get("/api/orders").expect(200);
    const [used] = provider.requests.flatMap(
      ({ form }) => form.get("refresh_token") ?? [],
    );
    const { issuer, clientId, clientSecret } = provider;
    const again = await fetch(`${issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: used ?? "",
        client_id: clientId,
        client_secret: clientSecret,
      }),
    });
    expect([again.status, await again.json()]).toEqual([
      400,
      { error: "invalid_grant" },
    ]);
    await agent.get("/api/orders").expect(401);
  });

  test("RFC 8707: a resource that it does not know is refused", async () => {
    const app = await application({}, { resources: ["https://other.example"] });
    await expect(loginAs(request.agent(app))).rejects.toThrow(/invalid_target/);
  });
});

describe("access tokens", () => {
  test("RFC 9068: an API that checks them by itself takes them", async () => {
    const server = await listening();
    closing.push(server.close);
    const agent = request.agent(
      await application({
        scope: "openid orders:read",
        resourceServers: {
          orders: { url: `${server.url}/v1`, resource: ORDERS },
        },
      }),
    );
    const { issuer } = provider;
    server.serve(createOrdersApi({ issuer, audience: ORDERS }));
    await loginAs(agent);
    await agent.get("/api/orders").expect(200);
  });

  test("RFC 8693: one is exchanged for another", async () => {
    const agent = request.agent(
      await application({
        resourceServers: {
          orders: {
            url: `${orders.url}/v1`,
            resource: ORDERS,
            tokenExchange: true,
          },
        },
      }),
    );
    await loginAs(agent);
    await agent.get("/api/orders").expect(200, { sub: "alice" });
  });

  test("RFC 6749 4.4: the application has one of its own", async () => {
    await application();
    const token = await kit.clientToken("orders");
    const answer = await fetch(orders.url, {
      headers: { authorization: `${token.type} ${token.value}` },
    });
    expect(answer.status).toBe(200);
    expect(lastRequestTo(orders)).toMatchObject({ sub: provider.clientId });
  });

  test("RFC 6749 6: no scope that was not granted", async () => {
    const agent = request.agent(
      await application({
        resourceServers: {
          orders: {
            url: `${orders.url}/v1`,
            resource: ORDERS,
            scope: "orders:delete",
          },
        },
      }),
    );
    await loginAs(agent);
    const answer = await agent.get("/api/orders");
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(orders.requests).toEqual([]);
  });
});

describe("the resource server", () => {
  test.each([
    ["no token", undefined],
    ["a token that nobody issued", "Bearer made-up"],
  ])("RFC 6750 3.1: %s gets 401", async (_what, authorization) => {
    await application();
    const answer = await fetch(orders.url, {
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(answer.status).toBe(401);
    expect(lastRequestTo(orders)).toMatchObject({ sub: undefined });
  });

  test("a token for another audience gets 401, one without the scope 403", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    await agent.get("/api/orders").expect(200);
    const { token } = lastRequestTo(orders);
    const headers = { authorization: `Bearer ${String(token)}` };
    const other = await testResourceServer({ resource: "https://x.example" });
    const strict = await testResourceServer({ scope: "orders:write" });
    closing.push(other.close, strict.close);
    expect((await fetch(other.url, { headers })).status).toBe(401);
    expect((await fetch(strict.url, { headers })).status).toBe(403);
  });

  test("answer: it says what a test wants", async () => {
    const agent = request.agent(await application());
    await loginAs(agent);
    orders.answer = ({ sub, body }, res) => {
      res.statusCode = 201;
      res.setHeader("Content-Type", "application/json");
      res.end(JSON.stringify({ sub, body }));
    };
    await agent
      .post("/api/orders")

      .send({ item: "teapot" })
      .expect(201, { sub: "alice", body: '{"item":"teapot"}' });
  });
});
