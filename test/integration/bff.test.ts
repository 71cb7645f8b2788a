/** OAuth for Browser-Based Applications, section 6.1: the rules that belong to no single flow. */

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { ConfigError, createLoginKit } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { CLIENT_ID, CLIENT_SECRET, SESSION_SECRET } from "../support/world.js";

interface ProviderRequest {
  readonly path: string;
  readonly parameters: URLSearchParams;
  readonly authorization: string | undefined;
}

let w: ForwardWorld;
/** What the provider was asked. */
let asked: ProviderRequest[];

beforeEach(async () => {
  w = await forwardWorld({
    server: { resource: "urn:example:orders", scope: "orders:read" },
    kit: { scope: "openid offline_access orders:read" },
  });
  asked = [];
  w.provider.misbehave = {
    intercept(req, _res, next) {
      const [, query = ""] = req.url.split("?");
      let body = "";
      req.on("data", (chunk: Buffer) => (body += chunk.toString()));
      req.on("end", () =>
        asked.push({
          path: req.path,
          parameters: new URLSearchParams(`${query}&${body}`),
          authorization: req.headers.authorization,
        }),
      );
      next();
    },
  };
});
afterEach(() => w.close());

function lastAsked(path: string): ProviderRequest {
  const request = asked.findLast((one) => one.path === path);
  if (request === undefined) throw new Error(`${path} was not asked`);
  return request;
}

// Shows: PK-03, F2-13
test("BFF-01, BFF-02: the code flow with PKCE (S256), as a client that proves who it is", async () => {
  await w.signIn("bob");
  const { parameters } = lastAsked("/authorize");
  expect(parameters.get("response_type")).toBe("code");
  expect(parameters.get("code_challenge_method")).toBe("S256");
  expect(parameters.get("code_challenge")).toMatch(/^[\w-]{43}$/);
  const token = lastAsked("/token");
  expect(token.parameters.get("grant_type")).toBe("authorization_code");
  expect(token.parameters.get("code_verifier")).toMatch(/^[\w-]{43,}$/);
  expect(token.authorization).toMatch(/^Basic ./);
});

test("BFF-04, BFF-05: login and callback redirect, the session endpoint tells of the user and no token, logout ends it", async () => {
  const browser = createTestBrowser();
  const login = await browser.request(`${w.url}/login?login_hint=carol`);
  expect(login.status).toBe(303);
  const provider = await browser.request(String(login.headers.get("location")));
  const callback = await browser.request(
    String(provider.headers.get("location")),
  );
  expect(callback.status).toBe(303);
  expect(callback.headers.get("location")).toBe("/");
  expect(await callback.text()).not.toMatch(/token/i);

  const session = await browser.fetchJson(`${w.url}/session`);
  const status = await session.text();
  expect(JSON.parse(status)).toMatchObject({ claims: { sub: "carol" } });
  expect(status).not.toMatch(/token/i);

  const logout = await browser.request(`${w.url}/logout`, {
    method: "POST",
    initiator: w.url,
  });
  expect(logout.status).toBe(200);
  expect(await w.statusFor(browser)).toBe(401);
});

describe("a forwarded call whose token is due", () => {
  afterEach(releaseClock);
  beforeEach(() => {
    takeClock();
    const { intercept } = w.provider.misbehave;
    w.provider.misbehave = {
      ...(intercept && { intercept }),
      tokenResponse: (right) => ({ ...right, expires_in: 1 }),
    };
  });

  // Shows: CORE-47, OA-13, RI-02, BCP-08, F2-12
  test("BFF-06, BFF-26: is refreshed within the call, by a client that proves who it is, for this server and scope alone", async () => {
    await w.fetch("/orders");
    passSeconds(2);
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(200);
    const [first, second] = w.api.requests;
    expect(second?.headers.authorization).not.toBe(
      first?.headers.authorization,
    );
    const { parameters, authorization } = lastAsked("/token");
    expect(parameters.get("grant_type")).toBe("refresh_token");
    expect(parameters.getAll("resource")).toEqual(["urn:example:orders"]);
    expect(parameters.get("scope")).toBe("orders:read");
    expect(authorization).toMatch(/^Basic ./);
  });

  test("BFF-07: a refresh token that the provider no longer takes ends the login", async () => {
    await w.fetch("/orders");
    passSeconds(2);
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path !== "/token") next();
        else res.status(400).json({ error: "invalid_grant" });
      },
    };
    expect((await w.fetch("/orders")).status).toBe(401);
    expect(await w.statusFor(w.browser)).toBe(401);
    expect(w.api.requests).toHaveLength(1);
  });
});

// Shows: BT-06, ASVS 3.3.5
test("BFF-14: the cookie holds an id and a signature, nothing of the login", async () => {
  const cookies = await w.browser.jar.getCookies(w.url);
  // The provider is on the same host, and cookies do not know ports.
  const ours = cookies.filter(({ key }) => !key.startsWith("op_"));
  expect(ours).toHaveLength(1);
  const cookie = decodeURIComponent(String(ours[0]?.cookieString()));
  expect(cookie).toMatch(/^session=s:[\w-]{32}\.[A-Za-z0-9+/]{43}$/);
  const [id = ""] = cookie.slice("session=s:".length).split(".");
  const decoded = Buffer.from(id, "base64url").toString("latin1");
  expect(`${id}${decoded}`).not.toMatch(/alice|token|sub/);
});

// Shows: ASVS 7.2.2
test("BFF-25: a new login has a new session id, and the one before opens nothing", async () => {
  const before = await w.browser.jar.getCookieString(w.url);
  await w.signIn("alice", w.browser);
  const after = await w.browser.jar.getCookieString(w.url);
  expect(after).not.toBe(before);
  expect(await w.statusFor(w.browser)).toBe(200);
  const old = await createTestBrowser().fetchJson(`${w.url}/me`, {
    headers: { cookie: before },
  });
  expect(old.status).toBe(401);
});

test("BFF-27: an answer that names another issuer starts no login", async () => {
  w.provider.misbehave = {
    authorizationResponse: (right) => ({
      ...right,
      iss: "https://other.example",
    }),
  };
  const browser = createTestBrowser();
  const page = await browser.navigate(`${w.url}/login?login_hint=carol`);
  expect(page.response.status).toBe(400);
  expect(page.body).toContain("ERR_ISSUER_MISMATCH");
  expect(await w.statusFor(browser)).toBe(401);
});

describe("options that are refused", () => {
  const create = (server: { url: string; resource?: string }) => () =>
    createLoginKit({
      issuer: "https://provider.example",
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      baseUrl: "https://shop.example",
      session: { secret: SESSION_SECRET },
      resourceServers: { orders: server },
    });

  // Shows: BCP-17, ASVS 12.3.1
  test("BT-06: a token never travels without TLS beyond this machine", () => {
    expect(create({ url: "http://orders.example" })).toThrow(ConfigError);
    expect(create({ url: "https://orders.example" })).not.toThrow();
  });

  test.each([
    "orders",
    "/orders",
    "https://orders.example/#",
    "https://orders.example/#x",
  ])("RI-01: the resource indicator %s", (resource) => {
    const url = "https://orders.example";
    expect(create({ url, resource })).toThrow(ConfigError);
  });

  test("RI-01: an absolute URI is taken", () => {
    const url = "https://orders.example";
    expect(create({ url, resource: "urn:example:orders" })).not.toThrow();
  });
});
