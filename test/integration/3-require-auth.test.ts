import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import type { ErrorRequestHandler } from "express";
import request from "supertest";

import { loginOf, type RedisClient } from "../../lib/index.js";
import { loginAs } from "../../lib/testing/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { tellLie } from "../support/id-token-liar.js";
import { lyingWorld, type LyingWorldOptions } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import {
  closeRedis,
  sharedRedis,
  world,
  type World,
} from "../support/world.js";

let w: World;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  releaseClock();
  await Promise.all(closing.splice(0).map((close) => close()));
});
afterAll(closeRedis);

async function worldWith(
  options?: Parameters<typeof world>[0],
): Promise<World> {
  const made = await world(options);
  closing.push(made.close);
  return made;
}

/** For requests and answers that need no browser. */
async function agentAt(options?: LyingWorldOptions) {
  const made = await lyingWorld(options);
  closing.push(made.close);
  return request.agent(made.url);
}

describe("a request without a login", () => {
  // Shows: ASVS 1.2.2
  test("a page load gets 303 to login, and later the page that was asked for", async () => {
    w = await worldWith({ embedded: true });
    const redirect = await w.browser.request(`${w.app.url}/page/one?a=b%20c`);
    expect(redirect.status).toBe(303);
    expect(redirect.headers.get("location")).toBe(
      "/login?return_to=%2Fpage%2Fone%3Fa%3Db%2520c",
    );
    expect(redirect.headers.get("cache-control")).toBe("no-store");

    const page = await w.signIn({ path: "/page/one?a=b%20c" });
    expect(page.url).toBe(`${w.app.url}/page/one?a=b%20c`);
  });

  // Shows: ERR_LOGIN_REQUIRED, ASVS 4.1.1, 14.3.2
  test("a fetch gets 401 problem+json with login_url, and no redirect", async () => {
    const agent = await agentAt();
    const answer = await agent
      .get("/me")
      .set("Sec-Fetch-Mode", "cors")
      .expect(401)
      .expect("Content-Type", "application/problem+json; charset=utf-8")
      .expect("WWW-Authenticate", /^Cookie /)
      .expect("Cache-Control", "no-store");
    expect(answer.body).toEqual({
      type: "about:blank",
      title: "Please sign in",
      status: 401,
      detail: "The request carries no live login.",
      code: "ERR_LOGIN_REQUIRED",
      remedy: "Send the browser to login_url, then repeat the request.",
      login_url: "/login",
    });
  });

  test("a client without Fetch Metadata is judged by text/html in Accept", async () => {
    w = await worldWith({ embedded: true });
    const old = createTestBrowser({ sendsFetchMetadata: false });
    const page = await old.request(`${w.app.url}/me`);
    expect(page.status).toBe(303);
    const call = await old.fetchJson(`${w.app.url}/me`);
    expect(call.status).toBe(401);
  });

  test("a form POST is not redirected, because it would be lost", async () => {
    w = await worldWith({ embedded: true });
    const answer = await w.browser.request(`${w.app.url}/change`, {
      method: "POST",
      initiator: w.app.url,
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("content-type")).toMatch("text/html");
  });

  test("a route can decide for itself", async () => {
    w = await worldWith({
      embedded: true,
      routes(app, kit) {
        app.get("/a", kit.requireAuth({ unauthenticated: "401" }));
        app.get("/b", kit.requireAuth({ unauthenticated: "redirect" }));
      },
    });
    expect((await w.browser.request(`${w.app.url}/a`)).status).toBe(401);
    expect((await w.browser.fetchJson(`${w.app.url}/b`)).status).toBe(303);
  });

  test.each([
    ["unsigned", "session=abc"],
    ["badly signed", "session=s%3Aabc.def"],
    ["of nobody", "session=s%3A"],
    ["a foreign name", "__Host-session=s%3Aabc.def"],
  ])("ASVS 7.2.1: a cookie that is %s is no login", async (_what, cookie) => {
    w = await worldWith();
    const answer = await w.browser.fetchJson(`${w.app.url}/me`, {
      headers: { Cookie: cookie },
    });
    expect(answer.status).toBe(401);
  });
});

test("OA-22, BCP-20: an access token is no login, whoever's it is", async () => {
  w = await worldWith({
    embedded: true,
    routes(app, kit) {
      app.get("/tokens", kit.requireAuth(), async (req, res) => {
        res.json([(await loginOf(req).accessToken()).value]);
      });
    },
    signedInAs: "alice",
  });
  const answer = await w.browser.fetchJson(`${w.app.url}/tokens`);
  const [own = ""] = (await answer.json()) as string[];
  for (const token of [own, `${own}1`]) {
    const stranger = createTestBrowser();
    const refused = await stranger.fetchJson(`${w.app.url}/me`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(refused.status).toBe(401);
  }
  expect(own).toMatch(/^[\w.-]{20,}$/);
});

// Shows: BFF-15, ASVS 3.5.1
describe("CSRF (ASVS 3.5.1)", () => {
  const change: LyingWorldOptions["routes"] = (app, kit) => {
    app.post("/change", kit.requireAuth(), (_req, res) => {
      res.json({ changed: true });
    });
  };

  test.each([
    ["cross-site", { "Sec-Fetch-Site": "cross-site" }, 403],
    ["same-site", { "Sec-Fetch-Site": "same-site" }, 403],
    ["same-origin", { "Sec-Fetch-Site": "same-origin" }, 200],
    [
      "cross-site with the custom header",
      { "Sec-Fetch-Site": "cross-site", "x-csrf-protection": "1" },
      403,
    ],
  ])("an unsafe method that is %s", async (_name, headers, status) => {
    const agent = await agentAt({ routes: change });
    await loginAs(agent);
    await agent.post("/change").set(headers).expect(status);
  });

  test.each([
    ["no proof at all", {}, 403],
    ["a foreign Origin", { Origin: "https://evil.example" }, 403],
    ["Origin: null", { Origin: "null" }, 403],
    ["the custom header", { "x-csrf-protection": "1" }, 200],
    [
      "a foreign Origin and the custom header",
      { Origin: "https://evil.example", "x-csrf-protection": "1" },
      403,
    ],
  ])(
    "a client without Fetch Metadata, with %s",
    async (_name, headers, status) => {
      const agent = await agentAt({ routes: change });
      await loginAs(agent);
      await agent
        .post("/change")
        .unset("Sec-Fetch-Site")
        .set(headers as Record<string, string>)
        .expect(status);
    },
  );
});

describe("a login that is not strong enough (step-up)", () => {
  const routes = (
    app: Parameters<
      NonNullable<Parameters<typeof world>[0]>["routes"] & object
    >[0],
    kit: World["app"]["kit"],
  ) => {
    app.get("/mfa", kit.requireAuth({ acr: ["urn:mfa"] }), (req, res) => {
      res.json(loginOf(req).claims);
    });
    app.get("/fresh", kit.requireAuth({ maxAgeSeconds: 300 }), (_req, res) => {
      res.send("fresh");
    });
  };

  // Shows: ERR_STRONGER_LOGIN_REQUIRED, ASVS 7.5.3
  test("SU-02: a fetch gets 401 with a login_url that asks for it", async () => {
    w = await worldWith({ embedded: true, signedInAs: "alice", routes });
    const answer = await w.browser.fetchJson(`${w.app.url}/mfa`);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      code: "ERR_STRONGER_LOGIN_REQUIRED",
      login_url: "/login?acr_values=urn%3Amfa",
    });
  });

  // Shows: ASVS 6.8.4
  test("CORE-28, SU-04: a page load is sent to the provider and comes back with the acr", async () => {
    w = await worldWith({ embedded: true, routes });
    await tellLie(w.provider, {
      claims: (claims) => ({ ...claims, acr: "urn:mfa" }),
    });
    const page = await w.signIn({ path: "/mfa" });
    expect(page.url).toBe(`${w.app.url}/mfa`);
    expect(JSON.parse(page.body)).toMatchObject({ acr: "urn:mfa" });
  });

  // Shows: CORE-28, ERR_AUTHENTICATION_TOO_WEAK
  test("SU-03: a provider that does not deliver the acr ends in an error page, not in a loop", async () => {
    w = await worldWith({ embedded: true, signedInAs: "alice", routes });
    const page = await w.signIn({ path: "/mfa" });
    expect(page.response.status).toBe(403);
    expect(page.body).toContain("ERR_AUTHENTICATION_TOO_WEAK");
  });

  // Shows: SU-04, ASVS 6.8.4
  test("CORE-29: an authentication older than max_age is refused", async () => {
    w = await worldWith({ embedded: true, routes });
    await tellLie(w.provider, {
      claims: (claims) => ({
        ...claims,
        auth_time: Math.floor(Date.now() / 1000) - 3600,
      }),
    });
    const page = await w.signIn({
      path: "/login?max_age=300&return_to=/fresh",
    });
    expect(page.response.status).toBe(403);
    expect(page.body).toContain("ERR_AUTHENTICATION_TOO_WEAK");
  });

  // Shows: ASVS 7.5.1
  test("ASVS 7.5.3: a login whose age nobody knows is too old for maxAgeSeconds, however it was begun", async () => {
    w = await worldWith({ embedded: true, routes });
    // Signed in without max_age, for which the provider sends no auth_time.
    await w.signIn({ path: "/login?return_to=/me" });
    const answer = await w.browser.fetchJson(`${w.app.url}/fresh`);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      code: "ERR_STRONGER_LOGIN_REQUIRED",
      login_url: "/login?max_age=300",
    });
    // Asked for max_age it says when, and that counts.
    const page = await w.signIn({ path: "/fresh" });
    expect(page.body).toBe("fresh");
  });

  test.each([
    ["in an hour", Math.floor(Date.now() / 1000) + 3600],
    ["that is no date", 1e308],
  ])("CORE-29: an auth_time %s is refused", async (_when, auth_time) => {
    w = await worldWith({ embedded: true, routes });
    await tellLie(w.provider, {
      claims: (claims) => ({ ...claims, auth_time }),
    });
    const page = await w.signIn({ path: "/fresh" });
    expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  });

  test("CORE-07: an ID Token without auth_time is refused after max_age", async () => {
    w = await worldWith({ embedded: true, routes });
    await tellLie(w.provider, {
      claims: ({ auth_time: _removed, ...claims }) => claims,
    });
    const page = await w.signIn({
      path: "/login?max_age=300&return_to=/fresh",
    });
    expect(page.body).toMatch(/ERR_(ID_TOKEN_INVALID|AUTHENTICATION_TOO_WEAK)/);
  });
});

describe.each([
  ["Redis", false],
  ["the embedded store", true],
])("timeouts with %s (ASVS 7.3)", (_name, embedded) => {
  const minutes = (count: number): void => {
    passSeconds(count * 60);
  };

  test("ASVS 7.3.1: a login that is used lives on, one that is not used for 30 minutes ends", async () => {
    takeClock();
    w = await worldWith({ embedded, signedInAs: "alice" });
    for (let round = 0; round < 3; round++) {
      minutes(29);
      expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
    }
    minutes(31);
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
    // For good: going back in time does not revive it.
    minutes(-30);
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
  });

  test("ASVS 7.3.2: after 8 hours it ends however much it is used", async () => {
    takeClock();
    w = await worldWith({ embedded, signedInAs: "alice" });
    for (let passed = 0; passed < 475; passed += 25) {
      minutes(25);
      expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
    }
    minutes(10);
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
  });
});

test("identify lets everyone through and tells who is there", async () => {
  const agent = await agentAt({
    routes(app, kit) {
      app.get("/who", kit.identify, (req, res) => {
        res.json({ who: req.oidc?.claims.sub ?? null });
      });
    },
  });
  await agent.get("/who").expect({ who: null });
  await loginAs(agent);
  await agent.get("/who").expect({ who: "alice" });
});

test("loginOf throws a LoginKitError with status 401 where there is no login", async () => {
  const agent = await agentAt({
    routes(app) {
      app.get("/unguarded", (req, res) => {
        res.json(loginOf(req).claims);
      });
    },
  });
  const answer = await agent.get("/unguarded").expect(401);
  expect(answer.body).toMatchObject({ code: "ERR_LOGIN_REQUIRED" });
});

test("answerError of the application answers instead of the kit", async () => {
  const agent = await agentAt({
    kit: {
      answerError: (error: { code: string }, _req, res, _next) => {
        res.status(418).json({ own: error.code });
      },
    },
  });
  await agent.get("/me").expect(418, { own: "ERR_LOGIN_REQUIRED" });
});

test("the session cookie signed with an older secret is still good, one with an unknown secret is not", async () => {
  w = await worldWith({ signedInAs: "alice" });
  const cookie = await w.browser.jar.getCookieString(w.app.url);
  const ask = async (secret: string | string[]): Promise<number> => {
    const other = await world({
      kit: { session: { secret }, issuer: w.provider.url },
    });
    const answer = await createTestBrowser().fetchJson(`${other.app.url}/me`, {
      headers: { Cookie: cookie },
    });
    await other.close();
    return answer.status;
  };
  const fresh = "another session secret, also long enough";
  expect(await ask([fresh, "a session secret of thirty-two characters"])).toBe(
    200,
  );
  expect(await ask(fresh)).toBe(401);
});

// Shows: ASVS 16.5.4
test.each([
  [
    "throws",
    () => {
      throw new Error("in answerError");
    },
  ],
  ["rejects", () => Promise.reject(new Error("in answerError"))],
])(
  "an answerError that %s is the application's error, and ends no process",
  async (_what, answerError) => {
    const seen: string[] = [];
    const agent = await agentAt({
      kit: { answerError },
      routes(app) {
        const last: ErrorRequestHandler = (error: Error, _req, res, _next) => {
          seen.push(error.message);
          res.status(500).end();
        };
        app.use(last);
      },
    });
    await agent.get("/callback").expect(500);
    expect(seen).toEqual(["in answerError"]);
  },
);

test("ASVS 16.5.3: a session that could not be loaded ends no login", async () => {
  const client = await sharedRedis();
  let failing = false;
  const redis: RedisClient = Object.assign(
    Object.create(client) as RedisClient,
    {
      get: (key: string) =>
        failing ? Promise.reject(new Error("lost")) : client.get(key),
    },
  );
  w = await worldWith({
    redis,
    routes(app, kit) {
      app.get("/with-session", kit.session, (_req, res) => {
        res.json({});
      });
    },
    signedInAs: "alice",
  });
  failing = true;
  const answer = await w.browser.fetchJson(`${w.app.url}/with-session`);
  expect(answer.status).toBe(503);
  failing = false;
  expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
});

test("ASVS 6.8.1: a cookie of another kit on the same Redis, with another provider, is no login here", async () => {
  w = await worldWith({ signedInAs: "alice" });
  const cookie = await w.browser.jar.getCookieString(w.app.url);
  const other = await world();
  const answer = await createTestBrowser().fetchJson(`${other.app.url}/me`, {
    headers: { Cookie: cookie },
  });
  await other.close();
  expect(answer.status).toBe(401);
});
