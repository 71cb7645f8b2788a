import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import { createTestBrowser } from "../support/test-browser.js";
import {
  closeRedis,
  sharedRedis,
  world,
  type World,
} from "../support/world.js";

let w: World;
afterEach(() => w.close());
afterAll(closeRedis);

/** The button of a page of ours. */
const pressLogout = (): Promise<Response> =>
  w.browser.request(`${w.app.url}/logout`, {
    method: "POST",
    initiator: w.app.url,
  });

describe.each([
  ["Redis", false],
  ["the embedded store", true],
])("with %s", (_name, embedded) => {
  test("ASVS 7.4.1: the login is over at once, for every copy of the cookie", async () => {
    w = await world({ embedded, signedInAs: "alice" });
    const copy = w.browser.clone();
    const answer = await pressLogout();
    expect(answer.status).toBe(303);
    expect((await copy.fetchJson(`${w.app.url}/me`)).status).toBe(401);
    expect((await copy.fetchJson(`${w.app.url}/api/orders`)).status).toBe(401);
  });
});

test("RPIL-01..04: the provider is asked with id_token_hint, post_logout_redirect_uri, client_id and state", async () => {
  w = await world({ embedded: true, signedInAs: "alice" });
  const answer = await pressLogout();
  const location = new URL(answer.headers.get("location") ?? "");
  expect(location.origin + location.pathname).toBe(
    `${w.provider.url}/session/end`,
  );
  expect(location.searchParams.get("id_token_hint")).toMatch(
    /^ey[^.]+\.[^.]+\.[^.]+$/,
  );
  expect(location.searchParams.get("post_logout_redirect_uri")).toBe(
    `${w.app.url}/logged-out`,
  );
  expect(location.searchParams.get("client_id")).toBe("shop");
  expect(location.searchParams.get("state")).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
});

test("oidcc-client-test-rp-init-logout: the login at the provider ends too, and the browser comes home", async () => {
  w = await world({ embedded: true, signedInAs: "alice" });
  const answer = await pressLogout();
  const confirmation = await w.browser.navigate(
    answer.headers.get("location") ?? "",
  );
  const home = await w.browser.submitForm(confirmation, { logout: "yes" });
  expect(home.url).toBe(`${w.app.url}/`);
  expect(home.body).toBe("home");
  // The provider asks who is there again.
  const login = await w.browser.navigate(`${w.app.url}/me`);
  expect(login.body).toContain("Who is there?");
});

test.each([
  ["oidcc-client-test-rp-init-logout-other-state", "?state=foreign"],
  ["oidcc-client-test-rp-init-logout-no-state", ""],
  ["OA-20", "?state=a&state=b&return_to=https://evil.example"],
])(
  "%s: the landing copes and trusts nothing in its address",
  async (_id, query) => {
    w = await world({ embedded: true });
    const answer = await w.browser.request(`${w.app.url}/logged-out${query}`);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/");
  },
);

test("a fetch gets the address to go to, because it could not follow a redirect there", async () => {
  w = await world({ embedded: true, signedInAs: "alice" });
  const answer = await w.browser.fetchJson(`${w.app.url}/logout`, {
    method: "POST",
  });
  expect(answer.status).toBe(200);
  const { location } = (await answer.json()) as { location: string };
  expect(location).toContain(`${w.provider.url}/session/end?`);
  expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
});

test("the session's cookie is taken back and its keys in Redis are gone", async () => {
  const prefix = `test-${String(Date.now())}:`;
  w = await world({ kit: { redisKeyPrefix: prefix }, signedInAs: "alice" });
  const redis = (await sharedRedis()) as unknown as {
    keys: (pattern: string) => Promise<string[]>;
  };
  expect(await redis.keys(`${prefix}*`)).toHaveLength(2);
  const answer = await pressLogout();
  expect(answer.headers.getSetCookie().join("\n")).toMatch(
    /^session=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax$/m,
  );
  expect(await redis.keys(`${prefix}*`)).toEqual([]);
});

describe("ends here although the provider", () => {
  test("RPIL-07: is down", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    await w.provider.close();
    const answer = await pressLogout();
    expect(answer.status).toBe(303);
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
  });

  test("RPIL-08: has no end_session_endpoint", async () => {
    w = await world({
      embedded: true,
      provider: { features: { rpInitiatedLogout: { enabled: false } } },
      signedInAs: "alice",
    });
    const answer = await pressLogout();
    expect(answer.headers.get("location")).toBe("/");
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
  });
});

describe("RPIL-10, ASVS 3.5.3: nobody is signed out by", () => {
  test.each(["GET", "HEAD", "OPTIONS"])("%s", async (method) => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const answer = await w.browser.request(`${w.app.url}/logout`, { method });
    expect(answer.status).toBe(405);
    expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
  });

  test.each(["https://evil.example", "http://localhost:1"])(
    "a form on %s",
    async (initiator) => {
      w = await world({ embedded: true, signedInAs: "alice" });
      const answer = await w.browser.request(`${w.app.url}/logout`, {
        method: "POST",
        initiator,
        // As if the cookie had come along all the same.
        headers: { Cookie: await w.browser.jar.getCookieString(w.app.url) },
      });
      expect(answer.status).toBe(403);
      expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
    },
  );
});

test("signing out without a login is no error", async () => {
  w = await world({ embedded: true });
  const answer = await createTestBrowser().request(`${w.app.url}/logout`, {
    method: "POST",
    initiator: w.app.url,
  });
  expect(answer.status).toBe(303);
  expect(answer.headers.get("location")).toBe("/");
});
