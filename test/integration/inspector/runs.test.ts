/** Every HTTP message of a login, a call, a refresh and a logout is an arrow, in its place. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import type { Arrow, Run } from "../../../lib/inspector/index.js";
import { passSeconds, releaseClock, takeClock } from "../../support/clock.js";
import {
  arrowsOf,
  type InspectedWorld,
  inspectedWorld,
  lineOf,
} from "../../support/inspected-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../../support/test-browser.js";

let w: InspectedWorld;
let browser: TestBrowser;

beforeAll(async () => {
  w = await inspectedWorld();
});
afterAll(async () => {
  await w.close();
});
beforeEach(async () => {
  browser = await w.viewer();
});
afterEach(() => {
  releaseClock();
  w.provider.misbehave = {};
});

const host = (url: string): string => new URL(url).host;

function arrow(run: Run | undefined, line: string): Arrow {
  const found = run?.items.find((item) => lineOf(item) === line);
  if (found?.is !== "arrow") throw new Error(`no arrow ${line}`);
  return found;
}

function given(run: Run | undefined): Run {
  if (run === undefined) throw new Error("nothing was recorded");
  return run;
}

async function newest(): Promise<Run> {
  return given((await w.runsOf(browser)).at(-1));
}

test("a login, from the page that was wanted to the page itself, is one run", async () => {
  await browser.navigate(`${w.url}/me`);
  const [run, ...others] = await w.runsOf(browser);
  expect(others).toEqual([]);
  const provider = host(w.provider.issuer);
  expect(run).toMatchObject({
    kind: "login",
    title: "Login of alice",
    state: "done",
    browser: 1,
    names: { app: host(w.url), provider },
  });
  expect(arrowsOf(given(run))).toEqual([
    "browser>app GET /me",
    "app>browser 303 to /login",
    "browser>app GET /login",
    "app>provider GET /.well-known/openid-configuration",
    "provider>app 200",
    `app>browser 303 to ${provider}/authorize`,
    `(browser>provider GET ${provider}/authorize)`,
    "(provider>browser code and state)",
    "browser>app GET /callback",
    "app>provider POST /token",
    "provider>app 200",
    "app>provider GET /jwks",
    "provider>app 200",
    "app>browser 303 to /me",
    "browser>app GET /me",
    "app>browser 200",
  ]);
});

test("its events stand between the arrows, by the names of the log", async () => {
  await browser.navigate(`${w.url}/me`);
  const { items } = await newest();
  const lines = items.map(lineOf);
  expect(lines.filter((line) => line.startsWith("login."))).toEqual([
    "login.started",
    "login.succeeded",
  ]);
  expect(items.filter(({ is }) => is === "note")).toMatchObject([
    { text: "The user goes to /me." },
    { event: "login.started" },
    { text: expect.stringContaining("signs in and agrees") },
    { event: "login.succeeded" },
  ]);
  expect(lines.indexOf("login.succeeded")).toBeLessThan(
    lines.indexOf("app>browser 303 to /me"),
  );
});

test("what is sent to the provider comes back: equal fingerprints", async () => {
  await browser.navigate(`${w.url}/me`);
  const run = await newest();
  const provider = host(w.provider.issuer);
  const asked = arrow(run, `(browser>provider GET ${provider}/authorize)`);
  const came = arrow(run, "(provider>browser code and state)");
  const redeemed = arrow(run, "app>provider POST /token");
  const token = run.items.find(
    (item) => item.is === "arrow" && item.token !== undefined,
  ) as Arrow;
  const of = (one: Arrow, name: string): unknown =>
    one.fields.find((field) => field.name === name)?.value;
  expect(of(came, "state")).toEqual(of(asked, "state"));
  expect(of(redeemed, "code")).toEqual(of(came, "code"));
  expect(token.token?.claims["nonce"]).toEqual(of(asked, "nonce"));
  expect(of(redeemed, "code_verifier")).toEqual({
    length: 43,
    fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
  });
});

test("every check is told at the message that it is about", async () => {
  await browser.navigate(`${w.url}/me`);
  const run = await newest();
  const passed = (one: Arrow): string[] =>
    one.checks.map(({ name, result }) => `${name} ${result}`);
  expect(passed(arrow(run, "browser>app GET /callback"))).toEqual([
    "same_browser passed",
    "first_use passed",
    "state passed",
    "redirect_uri passed",
    "response_iss passed",
  ]);
  const tokens = run.items.find(
    (item) => item.is === "arrow" && item.token !== undefined,
  ) as Arrow;
  expect(passed(tokens).sort()).toEqual(
    [
      ...["token_response", "nonce", "typ", "alg", "signature", "iss", "exp"],
      ...["iat", "auth_time", "aud", "azp", "sub", "at_hash", "acr"],
    ]
      .map((name) => `${name} passed`)
      .sort(),
  );
});

test("a call is a run, and a refresh that it needs makes it one of a refresh", async () => {
  await w.signIn("alice", browser);
  await browser.fetchJson(`${w.url}/api/orders`);
  expect(await newest()).toMatchObject({ kind: "call", state: "done" });
  const sent = arrow(await newest(), "app>resource GET /orders");
  expect(sent.fields).toContainEqual({
    name: "authorization",
    value: { length: expect.any(Number), fingerprint: expect.any(String) },
    in: "header",
    text: "Proves who asks. Scheme: Bearer.",
    specification: "RFC 9110 11.6.2",
  });
  expect(arrowsOf(await newest())).toEqual([
    "browser>app GET /api/orders",
    "app>resource GET /orders",
    "resource>app 200",
    "app>browser 200",
  ]);
  takeClock();
  passSeconds(299);
  await browser.fetchJson(`${w.url}/api/orders`);
  expect(await newest()).toMatchObject({
    kind: "refresh",
    title: "Refresh for GET /api/orders, for alice",
    names: { resource: "orders" },
  });
  expect(arrowsOf(await newest())).toEqual([
    "browser>app GET /api/orders",
    "app>provider POST /token",
    "provider>app 200",
    "app>resource GET /orders",
    "resource>app 200",
    "app>browser 200",
  ]);
});

test("a logout goes on at the provider and comes back", async () => {
  await w.signIn("alice", browser);
  const asks = await browser.navigate(`${w.url}/logout`);
  await browser.submitForm(asks);
  const run = (await w.runsOf(browser)).find(
    ({ title }) => title === "Logout of alice",
  );
  const provider = host(w.provider.issuer);
  const arrows = arrowsOf(given(run));
  expect(arrows.slice(0, 3)).toEqual([
    "browser>app POST /logout",
    expect.stringMatching(/^app>browser 200 to /),
    expect.stringContaining(`(browser>provider GET ${provider}/`),
  ]);
  expect(arrows).toEqual(
    expect.arrayContaining([
      "browser>app GET /logged-out",
      "app>provider POST /revoke",
    ]),
  );
});

test("a back-channel logout is shown to the browser whose login it ends", async () => {
  await w.signIn("alice", browser);
  const stranger = await w.viewer();
  const { provider } = w;
  await provider.postLogoutToken(
    `${w.url}/backchannel-logout`,
    provider.logoutToken({ sub: "alice", sid: provider.sidOf("alice") }),
  );
  const run = await newest();
  expect(run).toMatchObject({
    kind: "provider-logout",
    title: "Logout of alice by the provider",
  });
  expect(arrowsOf(run).slice(0, 1)).toEqual([
    "provider>app POST /backchannel-logout",
  ]);
  const [request] = run.items as readonly Arrow[];
  expect(request?.token?.kind).toBe("Logout Token");
  expect(request?.checks.every(({ result }) => result === "passed")).toBe(true);
  expect(await w.runsOf(stranger)).toEqual([]);
});

test("a second browser of the same viewer is told apart", async () => {
  const cookies = await browser.jar.getCookies(w.url);
  const viewer = cookies.find(({ key }) => key === "login-kit-inspector");
  const second = await w.viewer();
  await second.jar.setCookie(
    `login-kit-inspector=${String(viewer?.value)}.2; Path=/`,
    w.url,
  );
  await w.signIn("alice", browser);
  await w.signIn("bob", second);
  expect(
    (await w.runsOf(browser)).map(({ title, browser: one }) => [title, one]),
  ).toEqual([
    ["Login of alice", 1],
    ["Login of bob", 2],
  ]);
});

describe("a login that fails opens at the message that it failed at:", () => {
  test("nonce of another login", async () => {
    w.provider.misbehave = {
      idToken: { claims: { nonce: "another" } },
    };
    await browser.navigate(`${w.url}/me`);
    const run = await newest();
    expect(run).toMatchObject({
      state: "failed",
      failure: { code: "ERR_ID_TOKEN_INVALID" },
    });
    const failed = run.items.find(({ id }) => id === run.failure?.arrow);
    expect(failed).toMatchObject({
      message: "token-request",
      direction: "response",
      token: { claims: { nonce: { length: 7 } } },
    });
    expect((failed as Arrow).checks).toContainEqual(
      expect.objectContaining({
        name: "nonce",
        result: "failed",
        diagnosis: run.failure?.diagnosis,
      }),
    );
  });

  test("a signature that no key fits to", async () => {
    w.provider.misbehave = { idToken: { key: "foreign" } };
    await browser.navigate(`${w.url}/me`);
    const { failure, items } = await newest();
    const failed = items.find(({ id }) => id === failure?.arrow) as Arrow;
    expect([failed.message, failed.direction]).toEqual([
      "token-request",
      "response",
    ]);
    expect(
      failed.checks.map(({ name, result }) => [name, result]),
    ).toContainEqual(["signature", "failed"]);
  });

  test("the user does not agree", async () => {
    w.provider.misbehave = {
      authorizationResponse: ({ state = "" }) => ({
        state,
        error: "access_denied",
        iss: w.provider.issuer,
      }),
    };
    await browser.navigate(`${w.url}/me`);
    const run = await newest();
    expect(run.failure?.code).toBe("ERR_ACCESS_DENIED");
    expect(arrow(run, "(provider>browser error: access_denied)")).toBeDefined();
    const failed = run.items.find(({ id }) => id === run.failure?.arrow);
    expect(failed).toMatchObject({ message: "callback", direction: "request" });
  });

  test("the answer comes to another browser than the one that began", async () => {
    const page = await browser.navigate(`${w.url}/login`, {
      stopBefore: ({ pathname }) => pathname === "/callback",
    });
    // Such as at 127.0.0.1 instead of localhost: without any cookie.
    const other = createTestBrowser();
    await other.navigate(page.response.headers.get("location") ?? "");
    const run = await newest();
    expect(run.failure?.code).toBe("ERR_TRANSACTION_NOT_FOUND");
    const failed = run.items.find(({ id }) => id === run.failure?.arrow);
    expect((failed as Arrow).checks).toContainEqual(
      expect.objectContaining({ name: "same_browser", result: "failed" }),
    );
  });

  test("the provider does not answer the token request", async () => {
    w.provider.misbehave = {
      intercept({ path, socket }, _res, next) {
        if (path === "/token") socket.destroy();
        else next();
      },
    };
    await browser.navigate(`${w.url}/me`);
    const run = await newest();
    expect(run.failure?.code).toBe("ERR_PROVIDER_UNAVAILABLE");
    const failed = run.items.find(({ id }) => id === run.failure?.arrow);
    expect(failed).toMatchObject({
      message: "token-request",
      direction: "request",
    });
  });
});
