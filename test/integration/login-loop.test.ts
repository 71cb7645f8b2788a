/** A browser that signs in again and again, and never is signed in. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CookieJar } from "tough-cookie";

import type { LoginKitEvents } from "../../lib/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";

/** A browser that keeps all cookies but the session's. */
function losingBrowser(): TestBrowser {
  const jar = new CookieJar();
  const keep = jar.setCookie.bind(jar);
  jar.setCookie = (cookie: string, url: string) =>
    cookie.startsWith("session=")
      ? Promise.resolve(undefined)
      : keep(cookie, url);
  return createTestBrowser({ jar });
}

let w: LyingWorld;
let failures: LoginKitEvents["login.failed"][0][];
beforeEach(async () => {
  w = await lyingWorld({
    routes(app, { identify }) {
      app.get("/open", identify, (_req, res) => {
        res.send("open");
      });
    },
  });
  failures = [];
  w.kit.events.on("login.failed", (failure) => failures.push(failure));
  w.provider.currentUser = "alice";
});
afterEach(() => w.close());

/** One round: to the provider and back. */
async function comeBack(browser: TestBrowser) {
  const { response, body } = await browser.navigate(
    `${w.url}/login?return_to=/me`,
    { stopBefore: ({ pathname }) => pathname === "/me" },
  );
  return { response, body };
}

async function statuses(browser: TestBrowser, rounds: number) {
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    all.push((await comeBack(browser)).response.status);
  }
  return all;
}

// Shows: ERR_LOGIN_LOOP
test("the third time within a minute it gets a page that says why, and is not redirected", async () => {
  const browser = losingBrowser();
  expect(await statuses(browser, 2)).toEqual([303, 303]);
  const tokenRequests = () =>
    w.provider.requests.filter((request) => request === "POST /token").length;
  const before = tokenRequests();
  const { response, body } = await comeBack(browser);
  expect(response.status).toBe(429);
  expect(response.headers.get("location")).toBeNull();
  expect(response.headers.get("retry-after")).toBe("60");
  expect(body).toContain("ERR_LOGIN_LOOP");
  expect(body).toContain("not the session cookie (session)");
  expect(body).toContain('href="/login?return_to=%2Fme"');
  expect(tokenRequests()).toBe(before);
  expect(failures).toEqual([
    {
      code: "ERR_LOGIN_LOOP",
      diagnosis: expect.stringContaining("3 times in a minute"),
      address: "127.0.0.1",
    },
  ]);
});

test("another browser is not concerned", async () => {
  await statuses(losingBrowser(), 6);
  const browser = await w.signIn("alice");
  expect(await w.statusFor(browser)).toBe(200);
});

describe("is no loop", () => {
  test("signing in again while signed in, for a stronger login for example", async () => {
    const browser = createTestBrowser();
    expect(await statuses(browser, 8)).toEqual(Array(8).fill(303));
  });

  test.each(["/me", "/open"])(
    "signing out and in again, when %s has shown that the browser was signed in",
    async (path) => {
      const browser = createTestBrowser();
      for (let round = 0; round < 8; round++) {
        expect((await comeBack(browser)).response.status).toBe(303);
        await browser.fetchJson(`${w.url}${path}`);
        await w.kit.sessions.endAll("alice");
      }
    },
  );

  test("signing in and out with a page that asks for the session's status alone", async () => {
    const browser = createTestBrowser();
    for (let round = 0; round < 8; round++) {
      expect((await comeBack(browser)).response.status).toBe(303);
      const status = await browser.fetchJson(`${w.url}/session`);
      expect(await status.json()).toMatchObject({ active: true });
      await w.kit.sessions.endAll("alice");
    }
  });

  test("signing out by hand and in again", async () => {
    const browser = createTestBrowser();
    for (let round = 0; round < 8; round++) {
      expect((await comeBack(browser)).response.status).toBe(303);
      await browser.request(`${w.url}/logout`, {
        method: "POST",
        initiator: w.url,
      });
    }
  });

  test("ten tabs at once", async () => {
    const browser = createTestBrowser();
    const tabs = await Promise.all(
      Array.from({ length: 10 }, () => comeBack(browser.tab())),
    );
    expect(tabs.map(({ response }) => response.status)).toEqual(
      Array(10).fill(303),
    );
  });
});

test.each(["x", "0.0.0.0.0.0", "zzzzzzzzzzzzzz".repeat(1000), "é", "-1"])(
  "a cookie of attempts that says %j harms nobody",
  async (value) => {
    const browser = createTestBrowser();
    await browser.jar.setCookie(
      `session-sign-in-attempts=${encodeURIComponent(value)}; Path=/`,
      w.url,
    );
    expect((await comeBack(browser)).response.status).toBe(303);
  },
);
