/** `kit.startLogin`: a login that a handler of the application starts. */
import { afterEach, describe, expect, test } from "@jest/globals";

import request from "supertest";

import { loginOf, type StartLoginOptions } from "../../lib/index.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: LyingWorld;
afterEach(() => w.close());

/** `/start` starts a login with these options; `/after` tells of it. */
async function start(options?: unknown): Promise<void> {
  w = await lyingWorld({
    routes(app, kit) {
      app.all("/start", async (req, res) => {
        await kit.startLogin(req, res, options as StartLoginOptions);
      });
      app.get("/after", kit.requireAuth(), (req, res) => {
        const { claims, state } = loginOf(req);
        res.json({ sub: claims.sub, state: state ?? null });
      });
    },
  });
}

const asked = (): URLSearchParams | undefined =>
  w.provider.received.filter(({ path }) => path === "/authorize").at(-1)?.query;

test("brings the application's state to the login, and nowhere else", async () => {
  const state = { cart: 7, from: ["a", { b: null }], text: "ß <&>" };
  await start({ returnTo: "/after", state });
  const browser = createTestBrowser();
  const { response } = await browser.navigate(`${w.url}/start`, {
    stopBefore: ({ pathname }) => pathname === "/authorize",
  });
  expect(response.headers.get("location")).not.toContain("cart");
  expect(JSON.stringify(await browser.jar.serialize())).not.toContain("cart");
  const page = await browser.navigate(`${w.url}/start`);
  expect(page.url).toBe(`${w.url}/after`);
  expect(JSON.parse(page.body)).toEqual({ sub: "alice", state });
  // It belongs to that login: another one has none.
  await browser.navigate(`${w.url}/login`);
  const after = await browser.fetchJson(`${w.url}/after`);
  expect(await after.json()).toEqual({ sub: "alice", state: null });
});

test("onLogin sees the state, of this login and of no other", async () => {
  const seen: unknown[] = [];
  w = await lyingWorld({
    kit: {
      onLogin: ({ state }) => {
        seen.push(state);
      },
    },
    routes(app, kit) {
      app.get("/join", (req, res) =>
        kit.startLogin(req, res, { state: { team: "blue" } }),
      );
    },
  });
  const browser = createTestBrowser();
  await browser.navigate(`${w.url}/join`);
  await browser.navigate(`${w.url}/login`);
  expect(seen).toEqual([{ team: "blue" }, undefined]);
});

test("asks the provider for what the application wants", async () => {
  await start({
    acrValues: ["urn:mfa", "urn:pwd"],
    maxAgeSeconds: 60,
    loginHint: "bob@shop.example",
    prompt: "login",
    scope: ["orders:write"],
    parameters: { ui_locales: "de" },
    returnTo: "/",
  });
  await createTestBrowser().navigate(`${w.url}/start`);
  expect(Object.fromEntries(asked() ?? [])).toMatchObject({
    acr_values: "urn:mfa urn:pwd",
    max_age: "60",
    login_hint: "bob@shop.example",
    prompt: "login",
    scope: "openid orders:write",
    ui_locales: "de",
  });
});

test("comes back to the page that is named, or to where /login does", async () => {
  w = await lyingWorld({
    routes(app, kit) {
      app.get("/visit", kit.identify, async (req, res) => {
        const returnTo = req.originalUrl;
        if (req.oidc === undefined)
          await kit.startLogin(req, res, { returnTo });
        else res.send(`visit of ${req.oidc.claims.sub}`);
      });
      app.get("/plain", (req, res) => kit.startLogin(req, res));
    },
  });
  const page = await createTestBrowser().navigate(`${w.url}/visit?a=%20b`);
  expect([page.url, page.body]).toEqual([
    `${w.url}/visit?a=%20b`,
    "visit of alice",
  ]);
  const other = await createTestBrowser().navigate(`${w.url}/plain`);
  expect(other.url).toBe(`${w.url}/`);
});

describe("what cannot be understood is refused, and nothing is sent to the provider", () => {
  const circle: Record<string, unknown> = {};
  circle["again"] = circle;
  test.each<[string, unknown, string]>([
    ["another site", { returnTo: "https://evil.example/" }, "returnTo"],
    ["another site without a scheme", { returnTo: "//evil" }, "returnTo"],
    ["a misspelt option", { return_to: "/" }, "did you mean returnTo?"],
    ["a state that is no object", { state: "7" }, "state: must be a plain"],
    ["a state with a date", { state: { at: new Date(0) } }, "state: must be"],
    ["a state with a function", { state: { f: () => 1 } }, "state: must be"],
    ["a state with undefined", { state: { a: undefined } }, "state: must be"],
    ["a circle", { state: circle }, "state: must be"],
    ["too much", { state: { a: "x".repeat(2048) } }, "up to 2 KB"],
    ["an age that is no number", { maxAgeSeconds: "60" }, "maxAgeSeconds"],
    ["an acr that is not set", { acrValues: undefined }, "acrValues"],
    ["what the kit sets", { parameters: { state: "x" } }, "state is set by"],
    ["a list", [], "must be a plain object"],
  ])("%s", async (_what, options, told) => {
    await start(options);
    const failures: Error[] = [];
    w.kit.events.on("error", (error) => failures.push(error));
    await request(w.url).get("/start").expect(500);
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringContaining(told),
    ]);
    expect(asked()).toBeUndefined();
  });
});

test("a call without request and response is refused with the call to write", async () => {
  await start({});
  const call = w.kit.startLogin as (...given: unknown[]) => Promise<void>;
  for (const given of [[], [{ returnTo: "/" }], [{ headers: {} }, {}]]) {
    await expect(call(...given)).rejects.toThrow("kit.startLogin(req, res, {");
  }
});

test("a provider that is away is answered as /login answers it", async () => {
  await start({});
  w.provider.misbehave = {
    intercept: (_req, res) => {
      res.status(500).end();
    },
  };
  const answer = await request(w.url).get("/start").expect(503);
  expect(answer.body).toMatchObject({ code: "ERR_PROVIDER_UNAVAILABLE" });
});
