/** `kit.silentLogin`: a page for everybody knows who is signed in at the provider, and never stands in its own way. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { ConfigError, type LoginKitOptions } from "../../lib/index.js";
import { advance, resetClock } from "../../lib/testing/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";

const COOKIE = "session-sign-in-silence";

let w: LyingWorld;
let browser: TestBrowser;
beforeEach(() => start());
afterEach(async () => {
  resetClock();
  await w.close();
});

async function start(kit: Partial<LoginKitOptions> = {}): Promise<void> {
  w = await lyingWorld({
    kit,
    routes(app, { silentLogin }) {
      app.all("/shop", silentLogin({ everySeconds: 600 }), (req, res) => {
        res.send(`shop of ${req.oidc?.claims.sub ?? "everybody"}`);
      });
    },
  });
  browser = createTestBrowser();
}

/** A browser that has shown that it keeps cookies. */
async function known(): Promise<void> {
  expect(await shop()).toEqual(["shop of everybody", "/shop"]);
  expect(asked()).toBe(0);
}

/** The same, and its user is signed in at the provider, but not here. */
async function knownThere(): Promise<void> {
  await known();
  await w.signIn("alice", browser);
  browser.jar.setCookieSync("session=; Path=/; Max-Age=0", w.url);
}

/** What the page says, and its address then. */
async function shop(query = ""): Promise<[string, string]> {
  const page = await browser.navigate(`${w.url}/shop${query}`);
  return [page.body, page.url.slice(w.url.length)];
}

/** How often the provider was asked. */
function asked(): number {
  return w.provider.requests.filter((request) => request.includes("/authorize"))
    .length;
}

function nobodyIsThere(): void {
  w.provider.misbehave = {
    authorizationResponse: ({ code: _removed, ...right }) => ({
      ...right,
      error: "login_required",
    }),
  };
}

test("a user who is signed in at the provider comes back signed in, to the same address", async () => {
  await knownThere();
  expect(await shop("?item=a%20b")).toEqual([
    "shop of alice",
    "/shop?item=a%20b",
  ]);
  expect(asked()).toBe(2);
});

test("where nobody is signed in the page is as it was, also its address, and is not asked again", async () => {
  await known();
  nobodyIsThere();
  expect(await shop("?item=17")).toEqual([
    "shop of everybody",
    "/shop?item=17",
  ]);
  expect(await shop()).toEqual(["shop of everybody", "/shop"]);
  expect(asked()).toBe(1);
  advance(599);
  await shop();
  expect(asked()).toBe(1);
  advance(2);
  await shop();
  expect(asked()).toBe(2);
});

test("a browser without cookies is never asked, and never goes round in circles", async () => {
  for (let visit = 0; visit < 3; visit++) {
    const page = await createTestBrowser().navigate(`${w.url}/shop`);
    expect(page.chain).toHaveLength(1);
    expect(page.body).toBe("shop of everybody");
  }
  expect(asked()).toBe(0);
});

test.each([
  ["HEAD", { method: "HEAD" }],
  [
    "a form from another site",
    { method: "POST", initiator: "https://a.example" },
  ],
  ["a fetch", { headers: { "Sec-Fetch-Mode": "cors" } }],
  ["a frame", { destination: "iframe" as const }],
  ["a prefetch", { headers: { "Sec-Purpose": "prefetch" } }],
  ["a prerendered page", { headers: { "Sec-Purpose": "prefetch;prerender" } }],
])("%s is not asked", async (_what, init) => {
  await known();
  const answer = await browser.request(`${w.url}/shop`, init);
  expect(answer.status).toBe(200);
  expect(asked()).toBe(0);
});

test("a link on another site is asked as well, and without being seen", async () => {
  await knownThere();
  const page = await browser.navigate(`${w.url}/shop`, {
    initiator: "https://portal.example",
  });
  expect(page.body).toBe("shop of alice");
});

test("prompt=none is asked whatever authorizationParameters say", async () => {
  await w.close();
  await start({ authorizationParameters: { prompt: "consent" } });
  await known();
  const answer = await browser.request(`${w.url}/shop`);
  const location = new URL(answer.headers.get("location") ?? "");
  expect(location.searchParams.get("prompt")).toBe("none");
});

test("a user who signs out stays signed out, until they sign in again", async () => {
  await knownThere();
  expect((await shop())[0]).toBe("shop of alice");
  await browser.fetchJson(`${w.url}/logout`, { method: "POST" });
  advance(3600);
  expect(await shop()).toEqual(["shop of everybody", "/shop"]);
  await w.signIn("alice", browser);
  expect((await shop())[0]).toBe("shop of alice");
  // The login ends by itself: that is no wish of the user.
  advance(24 * 3600);
  expect((await shop())[0]).toBe("shop of alice");
  expect(asked()).toBe(4);
});

test("with the provider away the page is shown as it is, at once the next time", async () => {
  await known();
  await w.provider.close();
  expect(await shop()).toEqual(["shop of everybody", "/shop"]);
  expect(await shop()).toEqual(["shop of everybody", "/shop"]);
});

test("a user who comes back from the provider by the back button is not sent there again", async () => {
  await known();
  await browser.request(`${w.url}/shop`);
  expect((await browser.request(`${w.url}/shop`)).status).toBe(200);
  expect((await browser.request(`${w.url}/shop`)).status).toBe(200);
});

test("login_error that the application has asked for itself stays in the address", async () => {
  await known();
  nobodyIsThere();
  await shop();
  expect(await shop("?login_error=x")).toEqual([
    "shop of everybody",
    "/shop?login_error=x",
  ]);
});

test("an application without it remembers nothing of a sign-out", async () => {
  const other = await lyingWorld();
  const there = await other.signIn("alice");
  await there.fetchJson(`${other.url}/logout`, { method: "POST" });
  expect(
    there.jar.getCookiesSync(other.url).map(({ key }) => key),
  ).not.toContain(COOKIE);
  await other.close();
});

test("wrong options stop the start", () => {
  expect(() => w.kit.silentLogin({ everySeconds: 0 })).toThrow(
    "everySeconds: must be at least 60",
  );
  expect(() => w.kit.silentLogin({ every: 60 } as never)).toThrow(ConfigError);
});

test("at another host than baseUrl's the page is shown as it is, and nobody is asked", async () => {
  const other = w.url.replace("127.0.0.1", "localhost");
  // By the address bar, and by a link on a page at baseUrl.
  const linked = { initiator: w.url, headers: { Referer: `${w.url}/` } };
  for (const init of [{}, {}, linked]) {
    const answer = await browser.request(`${other}/shop`, init);
    expect(await answer.text()).toBe("shop of everybody");
  }
  expect(asked()).toBe(0);
});
