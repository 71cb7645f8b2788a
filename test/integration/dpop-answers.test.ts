/** What providers and resource servers answer to proofs of possession (DPoP, RFC 9449), right and wrong. */
import type { IncomingMessage, ServerResponse } from "node:http";

import {
  afterAll,
  afterEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import express from "express";
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from "jose";
import request from "supertest";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitOptions,
  loginOf,
  type ResourceServerOptions,
} from "../../lib/index.js";
import {
  advance,
  expireAccessToken,
  loginAs,
  resetClock,
  signIn,
  type TestLogin,
  testResourceServer,
  type TestResourceServer,
  type TestResourceServerOptions,
} from "../../lib/testing/index.js";
import {
  type Provider,
  startProvider,
} from "../../lib/testing/provider/provider.js";
import {
  type RecordingServer,
  recordingServer,
} from "../../lib/testing/recording-server.js";
import { closeRedis, sharedRedis } from "../support/world.js";

afterAll(closeRedis);

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  resetClock();
  for (const close of closing.splice(0).reverse()) await close();
});

interface Parties {
  readonly provider: Provider;
  readonly orders: TestResourceServer;
  readonly kit: LoginKit;
  readonly agent: ReturnType<typeof request.agent>;
}

const CLIENT = {
  clientId: "app",
  clientSecret: "the secret of the application under test",
  redirectUris: "any",
  postLogoutRedirectUris: "any",
} as const;

/** How an application and its parties differ from the usual. */
interface Options {
  readonly kit?: Partial<LoginKitOptions>;
  /** Default: it offers DPoP, and demands no nonce. */
  readonly dpop?: { readonly nonce?: string } | undefined;
  readonly api?: TestResourceServerOptions;
  /** Of the option `resourceServers.orders`. */
  readonly server?: object;
  /** Beside `orders`. */
  readonly more?: Readonly<Record<string, ResourceServerOptions>>;
  /** The API in place of the usual one. */
  readonly url?: string;
}

async function parties(options: Options = {}): Promise<Parties> {
  const dpop = "dpop" in options ? options.dpop : {};
  const provider = await startProvider({
    clients: [CLIENT],
    users: { alice: { name: "Alice" } },
    ...(dpop && { dpop }),
  });
  const orders = await testResourceServer(options.api);
  const { kit, agent } = application(
    provider,
    options.url ?? orders.url,
    options,
  );
  closing.push(provider.close, orders.close, kit.close);
  return { provider, orders, kit, agent };
}

function application(
  { issuer }: Provider,
  ordersUrl: string,
  { kit: kitOptions, server, more }: Options,
) {
  const kit = createLoginKit({
    issuer,
    clientId: CLIENT.clientId,
    clientSecret: CLIENT.clientSecret,
    baseUrl: "http://localhost:3000",
    session: { secret: "a session secret of thirty-two characters" },
    scope: "openid profile offline_access",
    resourceServers: {
      orders: { url: `${ordersUrl}/v1`, ...server },
      ...more,
    },
    ...kitOptions,
  });
  const app = express();
  app.set("env", "test");
  app.use(kit.routes);
  app.get("/authorize", kit.requireAuth(), async (req, res) => {
    const { url, nonce } = req.query as Record<string, string>;
    res.json(
      await loginOf(req).authorize(
        String(url),
        "GET",
        nonce === undefined ? {} : { nonce },
      ),
    );
  });
  app.get("/token", kit.requireAuth(), async (req, res) => {
    res.json({ type: (await loginOf(req).accessToken("orders")).type });
  });
  app.get("/claims", kit.requireAuth(), async (req, res) => {
    res.json(await loginOf(req).userInfo());
  });
  app.use(
    "/as-client",
    kit.requireAuth(),
    kit.forward("orders", { token: "client" }),
  );
  app.use("/api", kit.requireAuth(), kit.forward("orders"));
  if (more?.["stock"]) app.use("/stock", kit.requireAuth({ forward: "stock" }));
  app.use(kit.errorHandler);
  return { kit, agent: request.agent(app) };
}

/** How requests were authorized: by scheme. */
function schemes(
  requests: readonly { readonly headers: IncomingMessage["headers"] }[],
) {
  return requests.map(({ headers: { authorization = "none", dpop } }) => {
    const [scheme = ""] = authorization.split(" ");
    return dpop === undefined ? scheme : `${scheme} with a proof`;
  });
}

function proofIn({
  headers,
}: {
  readonly headers: IncomingMessage["headers"];
}) {
  return decodeJwt(String(headers["dpop"]));
}

/** Signs in at one application and goes on at another, as after a deployment. */
async function deployed(
  before: Partial<LoginKitOptions>,
  after: Partial<LoginKitOptions>,
): Promise<Parties & { readonly login: TestLogin }> {
  const shared = {
    redis: await sharedRedis(),
    session: { secret: "a session secret of thirty-two characters" },
  };
  const first = await parties({ kit: { ...before, ...shared } });
  const login = await loginAs(first.agent);
  const { provider, orders } = first;
  const second = application(provider, orders.url, {
    kit: { ...after, ...shared },
  });
  closing.push(second.kit.close);
  second.agent.jar = first.agent.jar;
  second.agent.set("Sec-Fetch-Site", "same-origin");
  return { provider, orders, ...second, login };
}

const failure = (status: number, code: string) =>
  expect.objectContaining({
    status,
    body: expect.objectContaining({ code }) as unknown,
  });

async function answered(pending: request.Test) {
  const answer = await pending;
  return { status: answer.status, body: answer.body as unknown };
}

describe("the provider's answer", () => {
  // Shows: DP-02
  test("fapi2 token-type-case-insensitivity: token_type in another case is accepted", async () => {
    const { provider, agent, orders } = await parties();
    provider.misbehave = {
      tokenResponse: (right) => ({ ...right, token_type: "dPOP" }),
    };
    await loginAs(agent);
    await agent.get("/api").expect(200);
    expect(schemes(orders.requests)).toEqual(["DPoP with a proof"]);
  });

  // Shows: DP-06
  test("the authorization request names the key that the token request proves", async () => {
    const { provider, agent } = await parties();
    await signIn(agent, "alice");
    const [asked] = provider.received.flatMap(
      ({ query }) => query.get("dpop_jkt") ?? [],
    );
    const proven = provider.received.find(({ path }) => path === "/token");
    const { jwk } = decodeProtectedHeader(String(proven?.headers["dpop"]));
    expect(asked).toBe(await calculateJwkThumbprint(jwk ?? { kty: "none" }));
  });

  test("auto: a provider that binds no tokens for this client gives a usual login", async () => {
    const { provider, agent, orders } = await parties({ dpop: undefined });
    provider.misbehave = {
      metadata: (right) => ({
        ...right,
        dpop_signing_alg_values_supported: ["ES256"],
      }),
    };
    await loginAs(agent);
    await agent.get("/api").expect(200);
    expect(schemes(orders.requests)).toEqual(["Bearer"]);
    expect(await answered(agent.get("/token"))).toEqual({
      status: 200,
      body: { type: "Bearer" },
    });
  });

  // Shows: DP-02
  test("always: a token that is not bound starts no login", async () => {
    // Without UserInfo, which takes the token in no other way.
    const { provider, agent } = await parties({
      kit: { senderConstrained: "always", userInfo: false },
    });
    provider.misbehave = {
      tokenResponse: (right) => ({ ...right, token_type: "Bearer" }),
    };
    await expect(loginAs(agent)).rejects.toThrow(/502/);
  });

  // Shows: DP-02
  test("a refresh that unbinds the tokens is refused; the one after it is good", async () => {
    const { provider, agent, orders } = await parties();
    const login = await loginAs(agent);
    expireAccessToken(login);
    advance(2);
    provider.misbehave = {
      tokenResponse: (right) => ({ ...right, token_type: "Bearer" }),
    };
    expect(await answered(agent.get("/api"))).toEqual(
      failure(502, "ERR_TOKEN_RESPONSE_INVALID"),
    );
    expect(orders.requests).toEqual([]);
    provider.misbehave = {};
    // The pause after a failure is over.
    advance(2);
    await agent.get("/api").expect(200);
    expect(schemes(orders.requests)).toEqual(["DPoP with a proof"]);
  });

  // Shows: DP-04, DP-05
  test("a nonce that has changed is sent in a second try, and kept", async () => {
    const { provider, agent } = await parties({ dpop: { nonce: "first" } });
    const login = await loginAs(agent);
    if (provider.dpop) provider.dpop.nonce = "second";
    expireAccessToken(login);
    await agent.get("/api").expect(200);
    await agent.get("/claims").expect(200);
    const tokenRequests = provider.received
      .filter(({ path }) => path === "/token")
      .map((received) => proofIn(received)["nonce"]);
    expect(tokenRequests).toEqual([undefined, "first", "first", "second"]);
  });

  test("a proof that is refused at a refresh ends no login", async () => {
    const { provider, agent } = await parties();
    const login = await loginAs(agent);
    expireAccessToken(login);
    advance(2);
    provider.misbehave = {
      intercept: (req, res, next) => {
        if (req.path !== "/token") next();
        else res.status(400).json({ error: "invalid_dpop_proof" });
      },
    };
    expect(await answered(agent.get("/api"))).toEqual(
      failure(502, "ERR_TOKEN_REQUEST_REJECTED"),
    );
    provider.misbehave = {};
    advance(2);
    await agent.get("/api").expect(200);
  });

  test("always: a provider without DPoP signs nobody in, and says why", async () => {
    const { agent } = await parties({
      dpop: undefined,
      kit: { senderConstrained: "always" },
    });
    expect(
      (await agent.get("/login").set("Accept", "application/json")).body,
    ).toMatchObject({
      code: "ERR_DISCOVERY_INVALID",
    });
  });

  test.each<[string, Options]>([
    ["never", { kit: { senderConstrained: "never" } }],
    ["auto, and the provider offers none", { dpop: undefined }],
    [
      "auto, and no API takes proofs",
      { server: { senderConstrained: "never" } },
    ],
  ])("%s: no key is made and nothing is proven", async (_why, options) => {
    const { provider, agent } = await parties(options);
    await loginAs(agent);
    await agent.get("/api").expect(200);
    const sent = provider.received.map(({ headers, form }) => [
      headers["dpop"],
      form.get("dpop_jkt") ?? undefined,
    ]);
    expect(sent.flat().filter((value) => value !== undefined)).toEqual([]);
  });

  test("always: a login from before the option is bound by its next refresh", async () => {
    const { agent, orders } = await deployed(
      { senderConstrained: "never" },
      { senderConstrained: "always" },
    );
    await agent.get("/api").expect(200);
    expect(schemes(orders.requests)).toEqual(["DPoP with a proof"]);
    await agent.get("/api").expect(200);
    expect(orders.requests.length).toBe(2);
  });

  test("never: a login from before the option keeps its key", async () => {
    const { agent, orders, login } = await deployed(
      { senderConstrained: "auto" },
      { senderConstrained: "never" },
    );
    expireAccessToken(login);
    await agent.get("/api").expect(200);
    expect(schemes(orders.requests)).toEqual(["DPoP with a proof"]);
  });

  test("a token for one API, by exchange or by refresh, is bound to the same key", async () => {
    const { provider, agent, orders } = await parties({
      server: { resource: "https://orders.example", tokenExchange: true },
    });
    await loginAs(agent);
    await agent.get("/api").expect(200);
    expect(schemes(orders.requests)).toEqual(["DPoP with a proof"]);
    const proofs = provider.received
      .filter(({ path }) => path === "/token")
      .map(({ headers }) => headers["dpop"]);
    expect(proofs).toEqual([expect.any(String), expect.any(String)]);
  });

  test("always: the application's own token is bound as well", async () => {
    const { agent, orders, kit } = await parties({
      kit: { senderConstrained: "always" },
    });
    await loginAs(agent);
    await agent.get("/as-client").expect(200);
    expect(schemes(orders.requests)).toEqual(["DPoP with a proof"]);
    expect((await kit.clientToken("orders")).type).toBe("DPoP");
  });
});

describe("the resource server's answer", () => {
  // Shows: DP-04, DP-05
  test("a nonce that is demanded is sent in a second try, and kept for everybody", async () => {
    const { agent, orders } = await parties({ api: { proofs: "nonce" } });
    await loginAs(agent);
    await agent.get("/api/1").expect(200);
    await agent.get("/api/2").expect(200);
    expect(orders.requests.map(({ target }) => target)).toEqual([
      "/v1/1",
      "/v1/1",
      "/v1/2",
    ]);
    const jtis = new Set(orders.requests.map((sent) => proofIn(sent).jti));
    expect(jtis.size).toBe(3);
  });

  test("a nonce is told to the origin alone that gave it", async () => {
    const other = await testResourceServer();
    closing.push(other.close);
    const { agent, orders } = await parties({
      api: { proofs: "nonce" },
      more: { stock: { url: other.url } },
    });
    await loginAs(agent);
    await agent.get("/api/1").expect(200);
    await agent.get("/stock/1").expect(200);
    const nonces = [...orders.requests, ...other.requests].map(
      (sent) => typeof proofIn(sent)["nonce"],
    );
    expect(nonces).toEqual(["undefined", "string", "undefined"]);
  });

  // Shows: DP-03, DP-04
  test("fapi2 rs-dpop-auth-scheme-case-insensitivity: the challenge is known in any case", async () => {
    const api = await recorded((req, res) => {
      const { nonce } = proofIn(req);
      res.setHeader("DPoP-Nonce", "n1");
      if (nonce !== "n1") {
        res.statusCode = 401;
        res.setHeader("WWW-Authenticate", 'dPoP error="use_dpop_nonce"');
      }
      res.end("{}");
    });
    const { agent } = await parties({ url: api.url });
    await loginAs(agent);
    await agent.get("/api").expect(200);
    expect(api.requests.length).toBe(2);
  });

  test("a server that demands nonces for ever is asked twice, and no token is renewed", async () => {
    const api = await recorded((_req, res) => {
      res.statusCode = 401;
      res.setHeader("DPoP-Nonce", `n${String(api.requests.length)}`);
      res.setHeader("WWW-Authenticate", 'DPoP error="use_dpop_nonce"');
      res.end("{}");
    });
    const { agent, provider } = await parties({ url: api.url });
    await loginAs(agent);
    expect(await answered(agent.get("/api"))).toEqual(
      failure(502, "ERR_RESOURCE_UNAVAILABLE"),
    );
    expect(api.requests.length).toBe(2);
    expect(
      provider.requests.filter((one) => one === "POST /token").length,
    ).toBe(1);
  });

  test("an upload that cannot be repeated is refused clearly; the next has the nonce", async () => {
    const { agent, orders } = await parties({ api: { proofs: "nonce" } });
    await loginAs(agent);
    const upload = () =>
      agent
        .post("/api/files")
        .set("Origin", "http://localhost:3000")
        .set("X-CSRF-Protection", "1")
        .set("Content-Type", "application/octet-stream")
        .send(Buffer.alloc(3 * 1024 * 1024, "x"));
    expect(await answered(upload())).toEqual(
      failure(502, "ERR_RESOURCE_UNAVAILABLE"),
    );
    expect((await upload()).status).toBe(200);
    expect(orders.requests.length).toBe(2);
  });

  test("a server that knows Bearer alone gets the token so, and stays known for it", async () => {
    const { agent, orders } = await parties({ api: { proofs: "unknown" } });
    await loginAs(agent);
    const warn = jest.spyOn(console, "warn").mockReturnValue();
    await agent.get("/api/1").expect(200);
    await agent.get("/api/2").expect(200);
    expect(schemes(orders.requests)).toEqual([
      "DPoP with a proof",
      "Bearer",
      "Bearer",
    ]);
    const lines = warn.mock.calls.map(([line]) => String(line));
    warn.mockRestore();
    expect(lines).toEqual([
      expect.stringContaining(
        'resourceServers.orders answers 401 to tokens with a proof (DPoP), and gets them as Bearer. Let it check proofs, or set resourceServers.orders.senderConstrained to "never"',
      ),
    ]);
    expect(await answered(agent.get("/token"))).toMatchObject({
      body: { type: "Bearer" },
    });
  });

  test("a wish for a stronger login is no sign of a server that knows Bearer alone", async () => {
    const api = await recorded((_req, res) => {
      res.statusCode = 401;
      res.setHeader(
        "WWW-Authenticate",
        'Bearer error="insufficient_user_authentication", acr_values="gold"',
      );
      res.end("{}");
    });
    const { agent } = await parties({ url: api.url });
    await loginAs(agent);
    expect(await answered(agent.get("/api"))).toMatchObject({
      body: { code: "ERR_STRONGER_LOGIN_REQUIRED" },
    });
    expect(schemes(api.requests)).toEqual(["DPoP with a proof"]);
  });

  test("a server that has learned to check proofs gets them from then on", async () => {
    let knowsProofs = false;
    const api = await recorded((req, res) => {
      const isRight = (req.headers["dpop"] !== undefined) === knowsProofs;
      res.statusCode = isRight ? 200 : 401;
      if (!isRight) {
        res.setHeader(
          "WWW-Authenticate",
          knowsProofs ? "Bearer, DPoP" : "Bearer",
        );
      }
      res.end("{}");
    });
    const { agent } = await parties({ url: api.url });
    await loginAs(agent);
    await agent.get("/api").expect(200);
    knowsProofs = true;
    await agent.get("/api").expect(200);
    await agent.get("/api").expect(200);
    expect(schemes(api.requests)).toEqual([
      "DPoP with a proof",
      "Bearer",
      "Bearer",
      "DPoP with a proof",
      "DPoP with a proof",
    ]);
  });

  test.each<[string, Options]>([
    ["the provider", { kit: { senderConstrained: "always" } }],
    ["the server", { server: { senderConstrained: "always" } }],
  ])(
    "always, for %s: no token is ever sent as Bearer",
    async (_who, options) => {
      const { agent, orders } = await parties({
        ...options,
        api: { proofs: "unknown" },
      });
      await loginAs(agent);
      await agent.get("/api").expect(401);
      expect(schemes(orders.requests)).not.toContain("Bearer");
    },
  );

  test("never, for one server: Bearer at once there, and proofs elsewhere", async () => {
    const other = await testResourceServer();
    closing.push(other.close);
    const { agent, orders } = await parties({
      api: { proofs: "unknown" },
      server: { senderConstrained: "never" },
      more: { stock: { url: other.url } },
    });
    await loginAs(agent);
    await agent.get("/api").expect(200);
    await agent.get("/stock").expect(200);
    expect(schemes(orders.requests)).toEqual(["Bearer"]);
    expect(schemes(other.requests)).toEqual(["DPoP with a proof"]);
  });
});

describe("authorize", () => {
  // Shows: DP-01, DP-03
  test("its proof is for the method and the address without query, and for this token", async () => {
    const { agent, orders } = await parties();
    await loginAs(agent);
    const url = `${orders.url}/v1/orders?page=2`;
    const { body } = await answered(
      agent.get("/authorize").query({ url, nonce: "n-1" }),
    );
    const headers = body as { authorization: string; dpop: string };
    expect(decodeJwt(headers.dpop)).toMatchObject({
      htm: "GET",
      htu: `${orders.url}/v1/orders`,
      ath: expect.stringMatching(/^[\w-]{43}$/) as unknown,
      nonce: "n-1",
    });
    expect((await fetch(url, { headers })).status).toBe(200);
    expect((await fetch(url, { headers })).status).toBe(401);
  });

  test("it gives nothing for an address of no configured server", async () => {
    const { agent } = await parties();
    await loginAs(agent);
    expect(
      await answered(
        agent.get("/authorize").query({ url: "https://evil.example/v1" }),
      ),
    ).toMatchObject({ body: { code: "ERR_RESOURCE_NOT_ALLOWED" } });
  });

  test("without DPoP it gives the access token alone", async () => {
    const { agent, orders } = await parties({ dpop: undefined });
    await loginAs(agent);
    const url = `${orders.url}/v1`;
    expect((await agent.get("/authorize").query({ url })).body).toEqual({
      authorization: expect.stringMatching(/^Bearer /) as unknown,
    });
  });
});

async function recorded(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<RecordingServer> {
  const server = await recordingServer();
  server.answer = answer;
  closing.push(server.close);
  return server;
}
