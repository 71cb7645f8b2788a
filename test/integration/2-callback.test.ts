import { randomBytes, randomUUID } from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import express from "express";
import session from "express-session";

import { createTestBrowser } from "../support/test-browser.js";
import {
  answerOf,
  closeRedis,
  isCallback,
  sharedRedis,
  world,
  type World,
} from "../support/world.js";

let w: World;
afterEach(() => w.close());
afterAll(closeRedis);

describe.each([
  ["Redis", false],
  ["the embedded store", true],
])("with %s", (_name, embedded) => {
  test("a user signs in and lands on the page that was asked for", async () => {
    w = await world({ embedded });
    const page = await w.signIn({ path: "/page/one?x=1" });

    expect(page.url).toBe(`${w.app.url}/page/one?x=1`);
    expect(page.body).toBe("page one of alice");
    expect(w.provider.tokenRequests()).toBe(1);
  });

  test("the claims of ID Token and UserInfo are the login's, without protocol claims", async () => {
    w = await world({ embedded });
    const page = await w.signIn();
    expect(JSON.parse(page.body)).toEqual({
      iss: w.provider.url,
      sub: "alice",
      name: "Alice",
      email: "alice@example.com",
    });
  });
});

// Shows: OA-04, ASVS 3.4.5, 14.2.1
test("BCP-12, BCP-13: the callback redirects away with 303, and neither code nor state stays in the address", async () => {
  w = await world({ embedded: true });
  const answer = answerOf(await w.signIn({ stopBefore: isCallback }));
  const redirect = await w.browser.request(answer);

  expect(redirect.status).toBe(303);
  expect(redirect.headers.get("location")).toBe("/me");
  expect(redirect.headers.get("cache-control")).toBe("no-store");
  expect(redirect.headers.get("referrer-policy")).toBe("no-referrer");
});

// Shows: OA-17, BFF-10, ASVS 11.5.1
test("BFF-09, BFF-11, ASVS 3.3.2, 3.3.4, 7.2.3: one opaque session cookie, HttpOnly, SameSite=Lax, Path=/, for the browser's session only", async () => {
  w = await world({ embedded: true });
  const answer = answerOf(await w.signIn({ stopBefore: isCallback }));
  const redirect = await w.browser.request(answer);
  const cookies = redirect.headers.getSetCookie();

  const [session = ""] = cookies.filter((cookie) =>
    cookie.startsWith("session="),
  );
  expect(session).toMatch(
    /^session=s%3A[A-Za-z0-9_-]{32}\.[A-Za-z0-9%]+; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  // The transaction's cookie is taken back.
  expect(
    cookies.some((cookie) =>
      /^session-login-.+=; .*Expires=Thu, 01 Jan 1970/.test(cookie),
    ),
  ).toBe(true);
});

// Shows: ASVS 3.3.3
test("BFF-08, BFF-12, BFF-13, BCP-19, ASVS 3.3.1: on https the cookie is __Host- and Secure, though a proxy ends TLS and says nothing", async () => {
  w = await world({
    embedded: true,
    kit: { baseUrl: "https://shop.example" },
    provider: {
      clients: [
        {
          client_id: "shop",
          client_secret: "a secret-with_odd.characters:/+%",
          redirect_uris: ["https://shop.example/callback"],
          grant_types: ["authorization_code", "refresh_token"],
        },
      ],
    },
  });
  // The browser's way through the proxy, hop by hop.
  const begin = await w.browser.request(`${w.app.url}/login`);
  const [cookie = ""] = begin.headers.getSetCookie();
  let page = await w.browser.navigate(begin.headers.get("location") ?? "");
  page = await w.browser.submitForm(page, {}, { button: "alice" });
  const stopBefore = (url: URL): boolean => url.hostname === "shop.example";
  page = await w.browser.submitForm(page, {}, { button: "allow", stopBefore });
  const { search } = answerOf(page);
  const redirect = await w.browser.request(`${w.app.url}/callback${search}`, {
    headers: { Cookie: cookie.split(";")[0] ?? "" },
  });

  expect(redirect.status).toBe(303);
  expect(redirect.headers.getSetCookie().join("\n")).toMatch(
    /^__Host-session=s%3A[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/m,
  );
});

describe("form_post", () => {
  const formPost = { kit: { responseMode: "form_post" as const } };

  async function receiveForm() {
    w = await world(formPost);
    let page = await w.browser.navigate(`${w.app.url}/page/one`);
    page = await w.browser.submitForm(page, {}, { button: "alice" });
    return w.browser.submitForm(page, {}, { button: "allow" });
  }

  test("oidcc-client-test, Form Post RP: the answer comes by a cross-site POST without cookies, and the user is signed in", async () => {
    const form = await receiveForm();
    expect(form.body).toContain('name="code"');

    // The ports of one host are one site; a provider is another one.
    const initiator = "https://id.another-site.example/";
    const page = await w.browser.submitForm(form, {}, { initiator });

    expect(page.body).toBe("page one of alice");
    // The code was never in an address of ours.
    expect(
      page.chain.map(({ url }) => new URL(url).search).join(),
    ).not.toContain("code=");
  });

  test("CORE-54, BCP-18: the posted answer is followed by 303, so that nothing of it is posted on", async () => {
    const form = await receiveForm();
    const stopBefore = (url: URL): boolean =>
      url.searchParams.has("parked_response");
    const parked = await w.browser.submitForm(form, {}, { stopBefore });
    expect(parked.response.status).toBe(303);
    const end = await w.browser.request(answerOf(parked));
    expect(end.status).toBe(303);
    expect(end.headers.get("location")).toBe("/page/one");
  });

  test("OA-18: another browser that follows the redirect is not signed in, and takes nothing away", async () => {
    const form = await receiveForm();
    const parked = await w.browser.submitForm(
      form,
      {},
      { stopBefore: (url) => url.searchParams.has("parked_response") },
    );
    const follow = answerOf(parked);

    const thief = await createTestBrowser().navigate(follow);
    expect(thief.response.status).toBe(400);
    expect(thief.body).toContain("ERR_TRANSACTION_NOT_FOUND");
    const owner = await w.browser.navigate(follow);
    expect(owner.body).toBe("page one of alice");
    expect(w.provider.tokenRequests()).toBe(1);
  });

  test("OA-07: the form posted twice makes one token request", async () => {
    const form = await receiveForm();
    await w.browser.submitForm(form);
    const again = await w.browser.submitForm(form);
    expect(again.body).toBe("page one of alice");
    expect(w.provider.tokenRequests()).toBe(1);
  });

  test("oidcc-client-test-form-post-error: an error by form post is a page, not a crash", async () => {
    w = await world({
      kit: { responseMode: "form_post", authorizationParameters: {} },
    });
    const form = await w.browser.navigate(
      `${w.app.url}/login?prompt=none&max_age=0`,
    );
    const page = await w.browser.submitForm(form, {
      error: "invalid_request",
    });
    expect(page.response.status).toBe(400);
    expect(page.body).toContain("ERR_AUTHORIZATION_FAILED");
    expect(page.body).toContain("invalid_request");
  });

  // Shows: ASVS 15.3.5
  test("works behind the application's own body parser, and refuses arrays there as well", async () => {
    w = await world({
      ...formPost,
      before: express.urlencoded({ extended: true }),
    });
    const page = await w.signIn({ path: "/login?return_to=/page/two" });
    const form = await w.browser.submitForm(page);
    expect(form.body).toBe("page two of alice");

    const odd = await w.browser.navigate(`${w.app.url}/callback`, {
      method: "POST",
      body: new URLSearchParams("state=a&code[toString]=1&code[valueOf]=1"),
    });
    expect(odd.body).toContain("ERR_CALLBACK_MALFORMED");
    const twice = await w.browser.navigate(`${w.app.url}/callback`, {
      method: "POST",
      body: new URLSearchParams("state=a&state=b&code=c"),
    });
    expect(twice.body).toContain("ERR_CALLBACK_MALFORMED");
  });

  test("ASVS 4.3: a code of 4 KB is taken, and nothing longer than 6 KB in all is kept", async () => {
    const prefix = `${randomUUID()}:`;
    w = await world({ kit: { ...formPost.kit, redisKeyPrefix: prefix } });
    const post = async (fields: Record<string, string>): Promise<number> => {
      const answer = await w.browser.request(`${w.app.url}/callback`, {
        method: "POST",
        body: new URLSearchParams({ state: "s", ...fields }),
      });
      return answer.status;
    };
    // What cannot be compressed needs the most room.
    const noise = (bytes: number): string =>
      randomBytes(bytes).toString("base64url").slice(0, bytes);
    expect(await post({ code: noise(4096) })).toBe(303);
    expect(await post({ code: noise(7000) })).toBe(400);
    expect(await post({ error: noise(7000) })).toBe(400);
    // Only said to developers: the beginning will do.
    const error = { error: "server_error", error_description: noise(12_000) };
    expect(await post(error)).toBe(303);
    expect(await post({ code: "c", unknown: noise(12_000) })).toBe(303);

    const redis = (await sharedRedis()) as unknown as {
      keys: (pattern: string) => Promise<string[]>;
      hStrLen: (key: string, field: string) => Promise<number>;
    };
    const keys = await redis.keys(`${prefix}*:response:*`);
    const lengths = await Promise.all(
      keys.map((key) => redis.hStrLen(key, "v")),
    );
    expect(lengths).toHaveLength(3);
    expect(Math.max(...lengths)).toBeLessThan(6 * 1024);
  });

  test("OA-18: without it nobody can post: 405, and nothing is kept", async () => {
    const prefix = `${randomUUID()}:`;
    w = await world({ kit: { redisKeyPrefix: prefix } });
    const answer = await w.browser.request(`${w.app.url}/callback`, {
      method: "POST",
      body: new URLSearchParams({ code: "c", state: "s" }),
    });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET");
    const redis = (await sharedRedis()) as unknown as {
      keys: (pattern: string) => Promise<string[]>;
    };
    expect(await redis.keys(`${prefix}*`)).toEqual([]);
  });

  test("ASVS 4.3: a form that is too large is refused", async () => {
    w = await world(formPost);
    const page = await w.browser.navigate(`${w.app.url}/callback`, {
      method: "POST",
      body: new URLSearchParams({ state: "a", code: "c".repeat(100_000) }),
    });
    expect(page.response.status).toBe(400);
    expect(page.body).toContain("ERR_CALLBACK_MALFORMED");
  });
});

describe("the application's own express-session, mounted before the kit", () => {
  const ownSession = () =>
    session({
      secret: "the application's own secret",
      name: "app.sid",
      resave: false,
      saveUninitialized: true,
    });

  test("carries the login", async () => {
    w = await world({ before: ownSession() });
    const page = await w.signIn();
    expect(page.response.status).toBe(200);
    const names = (await w.browser.jar.getCookies(w.app.url)).map(
      ({ key }) => key,
    );
    expect(names).toContain("app.sid");
    expect(names).not.toContain("session");
  });

  test("carryOver of a login that has ended is the same user's only", async () => {
    const shown = async (): Promise<unknown> =>
      (await w.browser.fetchJson(`${w.app.url}/cart`)).json();
    const signInAs = async (user: string): Promise<void> => {
      // The provider knows nobody any more.
      const cookies = await w.browser.jar.getCookies(w.app.url);
      await w.browser.jar.removeAllCookies();
      for (const cookie of cookies) {
        if (cookie.key !== "app.sid") continue;
        await w.browser.jar.setCookie(cookie, w.app.url);
      }
      const page = await w.signIn({ user });
      expect(page.response.status).toBe(200);
    };
    w = await world({
      before: ownSession(),
      kit: { carryOver: ["cart"] },
      routes(app) {
        app.get("/cart/:cart", (req, res) => {
          Object.assign(req.session, { cart: req.params.cart });
          res.json({});
        });
        app.get("/cart", (req, res) => {
          const { cart = null } = req.session as { cart?: string };
          res.json({ cart });
        });
      },
    });
    await w.browser.fetchJson(`${w.app.url}/cart/nobody`);
    await signInAs("alice");
    expect(await shown()).toMatchObject({ cart: "nobody" });
    await w.browser.fetchJson(`${w.app.url}/cart/alice`);
    await w.app.kit.sessions.endAll("alice");
    await signInAs("alice");
    expect(await shown()).toMatchObject({ cart: "alice" });
    await w.app.kit.sessions.endAll("alice");
    await signInAs("bob");
    expect(await shown()).toMatchObject({ cart: null });
  });

  test("when it is destroyed by the application, the login is gone", async () => {
    w = await world({
      before: ownSession(),
      routes(app) {
        app.get("/destroy", (req, res) => {
          req.session.destroy(() => {
            res.json({});
          });
        });
      },
    });
    await w.signIn();
    const old = w.browser.clone();
    await w.browser.fetchJson(`${w.app.url}/destroy`);
    const me = await old.fetchJson(`${w.app.url}/me`);
    expect(me.status).toBe(401);
  });
});

// Shows: ERR_SIGN_IN_FAILED
test.each([
  [
    "that is not express-session's",
    { session: {} },
    "ERR_CONFIG",
    "such as cookie-session",
  ],
  [
    "whose store breaks",
    {
      session: {},
      sessionStore: {
        generate() {
          throw new TypeError("broken");
        },
      },
    },
    "ERR_SIGN_IN_FAILED",
    "broken",
  ],
])(
  "a session %s fails before the code is spent",
  async (_what, members, code, diagnosis) => {
    w = await world({
      embedded: true,
      before(req, _res, next) {
        Object.assign(req, members);
        next();
      },
    });
    const failed: unknown[] = [];
    w.app.kit.events.on("login.failed", (failure) => failed.push(failure));
    const page = await w.signIn();
    expect(page.response.status).toBe(500);
    expect(page.body).toContain(code);
    expect(failed).toEqual([
      expect.objectContaining({
        code,
        diagnosis: expect.stringContaining(diagnosis),
      }),
    ]);
    expect(w.provider.tokenRequests()).toBe(0);
  },
);

test("ASVS 16.3.1: events tell who signed in and what failed, without a token", async () => {
  w = await world({ embedded: true });
  const told: unknown[] = [];
  w.app.kit.events.on("login.started", (event) =>
    told.push(["started", event]),
  );
  w.app.kit.events.on("login.succeeded", (event) =>
    told.push(["succeeded", event]),
  );
  w.app.kit.events.on("login.failed", (event) => told.push(["failed", event]));
  await w.signIn();
  const stranger = createTestBrowser();
  await stranger.navigate(`${w.app.url}/me`);
  told.splice(2);
  await stranger.navigate(`${w.app.url}/callback?state=x&code=y`);

  expect(told).toEqual([
    ["started", { returnTo: "/me", address: "127.0.0.1" }],
    [
      "succeeded",
      {
        loginId: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
        provider: "default",
        issuer: w.provider.url,
        subject: "alice",
        address: "127.0.0.1",
      },
    ],
    [
      "failed",
      {
        code: "ERR_TRANSACTION_NOT_FOUND",
        diagnosis: expect.stringContaining("others did"),
        address: "127.0.0.1",
      },
    ],
  ]);
});

// Shows: ASVS 16.5.4
test("a listener that throws or rejects does not break the login", async () => {
  w = await world({ embedded: true });
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- what is tested
  w.app.kit.events.on("login.started", () =>
    Promise.reject(new Error("broken async listener")),
  );
  w.app.kit.events.on("login.succeeded", () => {
    throw new Error("broken listener");
  });
  const page = await w.signIn();
  expect(page.response.status).toBe(200);
});
