import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import { createTestBrowser } from "../support/test-browser.js";
import {
  answerOf,
  closeRedis,
  isCallback,
  listening,
  ORDERS_RESOURCE,
  SCOPE,
  world,
  type World,
  type WorldOptions,
} from "../support/world.js";
import { until } from "../support/until.js";

let w: World;
afterEach(() => w.close());
afterAll(closeRedis);

/** Opens the login address and returns the answer, not followed. */
async function openLogin(query = "", options: WorldOptions = {}) {
  w = await world({ embedded: true, ...options });
  const answer = await w.browser.request(`${w.app.url}/login${query}`);
  const location = answer.headers.get("location");
  const request = location === null ? undefined : new URL(location);
  return { answer, parameters: request?.searchParams, request };
}

async function openedProblem(query: string, options?: WorldOptions) {
  w = await world({ embedded: true, ...options });
  const answer = await w.browser.fetchJson(`${w.app.url}/login${query}`);
  return { status: answer.status, ...((await answer.json()) as object) };
}

describe("the authorization request", () => {
  // Shows: CORE-03, BCP-05, F2-17, ASVS 11.5.1
  test("CORE-01, PK-02, CORE-04, RI-02: has what the specifications ask for, and nothing secret", async () => {
    const { answer, request, parameters } = await openLogin();

    expect(answer.status).toBe(303);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
    expect(request?.origin).toBe(w.provider.url);
    expect([...(parameters?.keys() ?? [])].sort()).toEqual([
      "client_id",
      "code_challenge",
      "code_challenge_method",
      "nonce",
      "prompt",
      "redirect_uri",
      "resource",
      "response_type",
      "scope",
      "state",
    ]);
    expect(parameters?.get("client_id")).toBe("shop");
    expect(parameters?.get("response_type")).toBe("code");
    expect(parameters?.get("redirect_uri")).toBe(`${w.app.url}/callback`);
    expect(parameters?.get("scope")).toBe(SCOPE);
    expect(parameters?.get("resource")).toBe(ORDERS_RESOURCE);
    expect(parameters?.get("code_challenge_method")).toBe("S256");
    // 256 bits of base64url each, as F2-17 and OA-17 want them.
    for (const name of ["state", "nonce", "code_challenge"]) {
      expect(parameters?.get(name)).toMatch(/^[A-Za-z0-9_-]{43}$/);
    }
  });

  test("RI-01, RI-02: names each configured resource once", async () => {
    const resources = ["urn:example:orders", "urn:example:stock"] as const;
    const server = (resource: string) => ({
      url: `https://api.example/${resource}`,
      resource,
    });
    const [orders, stock] = resources;
    const { parameters } = await openLogin("", {
      kit: {
        resourceServers: { orders: server(orders), stock: server(stock) },
      },
    });
    expect(parameters?.getAll("resource")).toEqual(resources);
  });

  // Shows: CORE-04, BCP-04, F2-14, F2-21, ASVS 10.1.2
  test("PK-01, OA-17: state, nonce and challenge are new every time", async () => {
    const first = await openLogin();
    const second = await w.browser.request(`${w.app.url}/login`);
    const parameters = new URL(second.headers.get("location") ?? "")
      .searchParams;
    for (const name of ["state", "nonce", "code_challenge"]) {
      expect(parameters.get(name)).not.toBe(first.parameters?.get(name));
    }
  });

  // Shows: CORE-02, BCP-19
  test("OA-15: the redirect URI comes from baseUrl, whatever Host says", async () => {
    w = await world({ embedded: true });
    const answer = await w.browser.request(`${w.app.url}/login`, {
      headers: {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
      },
    });
    const { searchParams } = new URL(answer.headers.get("location") ?? "");
    expect(searchParams.get("redirect_uri")).toBe(`${w.app.url}/callback`);
  });

  test("PAR-03, PAR-05: is pushed when the provider requires it; the browser carries no parameter", async () => {
    const { parameters } = await openLogin("", {
      provider: {
        features: {
          pushedAuthorizationRequests: {
            enabled: true,
            requirePushedAuthorizationRequests: true,
          },
        },
      },
    });
    expect([...(parameters?.keys() ?? [])].sort()).toEqual([
      "client_id",
      "request_uri",
    ]);
    expect(w.provider.requests).toContain("POST /request");
  });
});

describe("what the browser may add", () => {
  // Shows: ASVS 15.3.3
  test("CORE-06: login_hint, ui_locales and prompt pass; anything else does not", async () => {
    const { parameters } = await openLogin(
      "?login_hint=alice&ui_locales=de&prompt=login&display=popup&claims=%7B%7D&redirect_uri=https://evil.example&client_id=evil",
      { kit: { authorizationParameters: {} } },
    );
    expect(parameters?.get("login_hint")).toBe("alice");
    expect(parameters?.get("ui_locales")).toBe("de");
    expect(parameters?.get("prompt")).toBe("login");
    expect(parameters?.get("display")).toBeNull();
    expect(parameters?.get("claims")).toBeNull();
    expect(parameters?.getAll("redirect_uri")).toEqual([
      `${w.app.url}/callback`,
    ]);
    expect(parameters?.getAll("client_id")).toEqual(["shop"]);
  });

  test("CORE-50: an empty parameter is not passed on", async () => {
    const { parameters } = await openLogin(
      "?login_hint=&ui_locales=&acr_values=&max_age=&return_to=",
    );
    const values = [...(parameters?.values() ?? [])];
    expect(values).not.toEqual([]);
    expect(values).not.toContain("");
    expect(parameters?.has("login_hint")).toBe(false);
  });

  test("configured parameters win over the browser's", async () => {
    const { parameters } = await openLogin("?prompt=none");
    expect(parameters?.getAll("prompt")).toEqual(["consent"]);
  });

  test("SU-02: acr_values and max_age of a step-up pass", async () => {
    const { parameters } = await openLogin("?acr_values=urn:mfa&max_age=300");
    expect(parameters?.get("acr_values")).toBe("urn:mfa");
    expect(parameters?.get("max_age")).toBe("300");
  });

  test("CORE-28: configured acr_values are asked for; a browser may choose among them, and nothing weaker", async () => {
    const kit = { authorizationParameters: { acr_values: "urn:mfa urn:hw" } };
    const usual = await openLogin("", { kit });
    expect(usual.parameters?.get("acr_values")).toBe("urn:mfa urn:hw");
    await w.close();
    const stronger = await openLogin("?acr_values=urn:hw", { kit });
    expect(stronger.parameters?.get("acr_values")).toBe("urn:hw");
    await w.close();
    expect(await openedProblem("?acr_values=urn:none", { kit })).toMatchObject({
      status: 400,
      code: "ERR_LOGIN_PARAMETER_INVALID",
    });
  });

  test("CORE-29: of the configured max_age and the browser's the smaller counts", async () => {
    const kit = { authorizationParameters: { max_age: "600" } };
    const lower = await openLogin("?max_age=60", { kit });
    expect(lower.parameters?.get("max_age")).toBe("60");
    await w.close();
    const higher = await openLogin("?max_age=6000", { kit });
    expect(higher.parameters?.get("max_age")).toBe("600");
  });

  test("a long address to return to is no long parameter", async () => {
    const path = `/page/one?filter=${"x".repeat(1500)}`;
    w = await world({ embedded: true });
    const page = await w.signIn({ path });
    expect(page.url).toBe(w.app.url + path);
  });

  // Shows: ERR_LOGIN_PARAMETER_INVALID, ASVS 4.2.5
  test.each([
    "?prompt=login&prompt=none",
    "?prompt=none%20login",
    "?max_age=soon",
    "?max_age=-1",
    `?login_hint=${"x".repeat(2000)}`,
    "?return_to=/a&return_to=/b",
  ])("CORE-05, ASVS 15.3.7: %p is refused", async (query) => {
    expect(await openedProblem(query)).toMatchObject({
      status: 400,
      code: "ERR_LOGIN_PARAMETER_INVALID",
    });
  });

  // Shows: OA-21, ERR_RETURN_TO_INVALID, ASVS 3.7.2, 4.2.4
  test.each([
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\r\nSet-Cookie: a=b",
    "evil",
    "javascript:alert(1)",
  ])("BCP-01: return_to=%p: no open redirector", async (value) => {
    const query = `?return_to=${encodeURIComponent(value)}`;
    expect(await openedProblem(query)).toMatchObject({
      status: 400,
      code: "ERR_RETURN_TO_INVALID",
    });
  });
});

describe("transactions", () => {
  test.each(["HEAD", "POST", "OPTIONS", "PUT"])(
    "ASVS 4.1.4: %s starts no transaction",
    async (method) => {
      w = await world({ embedded: true });
      const answer = await w.browser.request(`${w.app.url}/login`, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe("GET");
      expect(answer.headers.get("set-cookie")).toBeNull();
      expect(w.provider.requests).toEqual([]);
    },
  );

  test("ASVS 3.3.5: a browser has at most ten; the oldest makes room", async () => {
    w = await world({ embedded: true });
    const answers: URL[] = [];
    for (let index = 0; index < 11; index++) {
      answers.push(
        answerOf(await w.signIn({ path: "/login", stopBefore: isCallback })),
      );
    }
    const cookies = await w.browser.jar.getCookies(w.app.url);
    expect(
      cookies.filter(({ key }) => key.startsWith("session-login-")),
    ).toHaveLength(10);

    const [oldest, second] = answers;
    const refused = await w.browser.navigate(oldest ?? "");
    expect(refused.body).toContain("ERR_TRANSACTION_NOT_FOUND");
    const accepted = await w.browser.navigate(second ?? "");
    expect(accepted.response.status).toBe(200);
  });

  // Shows: ASVS 3.3.1, 3.3.2
  test("ASVS 3.3: on https the cookies have the __Host- prefix, Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain", async () => {
    const { answer } = await openLogin("", {
      kit: { baseUrl: "https://shop.example" },
    });
    const [cookie = ""] = answer.headers.getSetCookie();
    expect(cookie).toMatch(
      /^__Host-session-login-[A-Za-z0-9_-]{10}=[a-z0-9]+\.[A-Za-z0-9_-]{43}; Max-Age=600; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
    );
  });
});

test("a page that refuses what the address says leads to a plain login", async () => {
  w = await world({ embedded: true });
  const page = await w.browser.navigate(`${w.app.url}/login?return_to=evil`);
  expect(page.response.status).toBe(400);
  expect(page.body).toContain(`href="/login">Sign in again</a>`);
});

describe("a provider that is not there", () => {
  // Shows: ERR_PROVIDER_UNAVAILABLE, ASVS 16.5.2
  test("DISC-11: the application starts, login says 503 with Retry-After, and recovers by itself", async () => {
    const absent = await listening();
    await absent.close();
    w = await world({ embedded: true, kit: { issuer: absent.url } });
    const home = await w.browser.navigate(w.app.url);
    expect(home.body).toBe("home");

    const page = await w.browser.navigate(`${w.app.url}/login`);
    expect(page.response.status).toBe(503);
    expect(page.response.headers.get("retry-after")).toBe("5");
    expect(page.body).toContain("Sign-in is not available right now");
    expect(page.body).toContain("ERR_PROVIDER_UNAVAILABLE");
    expect(page.body).toContain(`href="/login">Try again</a>`);
  });

  test("DISC-11: metadata that fails once is asked for again, without a restart", async () => {
    w = await world({ embedded: true });
    w.provider.intercept = (_req, res) => {
      res.statusCode = 500;
      res.end();
      return true;
    };
    const down = await w.browser.fetchJson(`${w.app.url}/login`);
    expect(down.status).toBe(503);

    w.provider.intercept = undefined;
    await until("it is asked again", async () => {
      const up = await w.browser.fetchJson(`${w.app.url}/login`);
      return up.status === 303;
    });
  });

  test("DISC-11: a hundred logins while the provider is down ask it once a second at most", async () => {
    w = await world({ embedded: true });
    w.provider.intercept = (_req, res) => {
      res.statusCode = 503;
      res.end();
      return true;
    };
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: 100 }, () =>
        w.browser.fetchJson(`${w.app.url}/login`),
      ),
    );
    const seconds = Math.floor((performance.now() - begun) / 1000);
    expect(w.provider.requests.length).toBeLessThanOrEqual(2 + seconds);
  });

  // Shows: DISC-09, F2-10, ERR_DISCOVERY_INVALID, ASVS 10.5.3
  test("DISC-02 oidcc-client-test-discovery-issuer-mismatch: no authorization request, and the error names both issuers", async () => {
    w = await world({ embedded: true });
    const errors: Error[] = [];
    w.app.kit.events.on("error", (error) => errors.push(error));
    w.provider.intercept = (_req, res) => {
      res.setHeader("Content-Type", "application/json");
      res.end(
        JSON.stringify({
          issuer: `${w.provider.url}INVALID`,
          authorization_endpoint: `${w.provider.url}/auth`,
          token_endpoint: `${w.provider.url}/token`,
          jwks_uri: `${w.provider.url}/jwks`,
        }),
      );
      return true;
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/login`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: "ERR_DISCOVERY_INVALID",
    });
    expect(errors[0]?.message).toContain(`${w.provider.url}INVALID`);
    expect(errors[0]?.message).toContain(`option issuer is ${w.provider.url}`);
  });

  // Shows: CORE-11, F2-01
  test.each([
    ["javascript:alert(1)", "authorization_endpoint"],
    ["http://op.example/token", "token_endpoint"],
  ])("DISC-07: %s as %s is refused", async (value, name) => {
    const issuer = "https://op.example";
    w = await world({ embedded: true });
    w.provider.intercept = (_req, res) => {
      res.setHeader("Content-Type", "application/json");
      res.end(
        JSON.stringify({
          issuer: w.provider.url,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          [name]: value,
        }),
      );
      return true;
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/login`);
    expect(await answer.json()).toMatchObject({
      code: "ERR_DISCOVERY_INVALID",
    });
  });

  test("ASVS 15.3.2: metadata that redirects is not followed; the error names the address", async () => {
    w = await world({ embedded: true });
    const errors: Error[] = [];
    w.app.kit.events.on("error", (error) => errors.push(error));
    w.provider.intercept = (_req, res) => {
      res.writeHead(301, { Location: "http://169.254.169.254/" });
      res.end();
      return true;
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/login`);
    expect(await answer.json()).toMatchObject({
      code: "ERR_DISCOVERY_INVALID",
    });
    expect(errors[0]?.message).toContain("answered 301");
  });
});

test("a second login in the same browser ends the first (ASVS 7.2.4)", async () => {
  w = await world({ signedInAs: "alice" });
  const first = w.browser.clone();
  await w.signIn({ path: "/login?return_to=/me" });
  const again = await w.browser.fetchJson(`${w.app.url}/me`);
  expect(again.status).toBe(200);
  const before = await first.fetchJson(`${w.app.url}/me`);
  expect(before.status).toBe(401);
});

// Shows: BFF-25, ASVS 15.3.3
test("ASVS 7.2.4: the session id before login is not the one after (fixation)", async () => {
  w = await world({
    kit: { carryOver: ["cart"] },
    routes(app, kit) {
      app.get("/cart", kit.session, (req, res) => {
        Object.assign(req.session, { cart: ["tea"], visits: 1 });
        res.json({});
      });
      app.get("/show", kit.session, kit.requireAuth(), (req, res) => {
        res.json(Object.keys(req.session));
      });
    },
  });
  await w.browser.fetchJson(`${w.app.url}/cart`);
  const planted = w.browser.clone();
  await w.signIn();

  const old = await planted.fetchJson(`${w.app.url}/me`);
  expect(old.status).toBe(401);
  // What is named in carryOver came along, the rest did not.
  const shown = await w.browser.fetchJson(`${w.app.url}/show`);
  expect(await shown.json()).toEqual(expect.arrayContaining(["cart"]));
  const again = await w.browser.fetchJson(`${w.app.url}/show`);
  expect(await again.json()).not.toContain("visits");
});

test("ten tabs of a browser without cookies begin at once and finish in any order, each on its own page", async () => {
  w = await world();
  // The provider knows the user, so that the tabs differ in nothing but order.
  const known = createTestBrowser();
  await w.signIn({ browser: known });
  await known.jar.removeAllCookies();

  const tabs = Array.from({ length: 10 }, (_, index) => ({
    tab: known.tab(),
    path: `/page/${String(index)}`,
  }));
  const begun = await Promise.all(
    tabs.map(({ tab, path }) => tab.navigate(w.app.url + path)),
  );
  // The first tab signs in at the provider; the others are on its page as well.
  const order = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5];
  const answers = new Map<number, URL>();
  for (const index of order) {
    const { tab } = tabs[index] ?? { tab: known };
    let page = begun[index];
    if (page === undefined) throw new Error("no such tab");
    page = await tab.submitForm(page, {}, { button: "alice" });
    page = await tab.submitForm(
      page,
      {},
      { button: "allow", stopBefore: isCallback },
    );
    answers.set(index, answerOf(page));
  }
  const ended = await Promise.all(
    order.map(async (index) => {
      const page = await tabs[index]?.tab.navigate(answers.get(index) ?? "");
      return page?.body === `page ${String(index)} of alice`
        ? "own page"
        : page?.body;
    }),
  );
  expect(ended).toEqual(order.map(() => "own page"));
});
