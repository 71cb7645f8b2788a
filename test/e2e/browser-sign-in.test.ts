/** Sign-in in a window of its own, the warning before a login ends, and "stay signed in", in Chromium. */
import { resolve } from "node:path";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import express, { type Express } from "express";
import type { Browser, BrowserContext, Page, Route } from "playwright-core";

import { advance, resetClock } from "../../lib/testing/index.js";
import { launchChromium } from "../support/chromium.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";

let chromium: Browser;
let w: LyingWorld;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  chromium = await launchChromium();
  w = await lyingWorld({ routes });
});

afterAll(async () => {
  await chromium.close();
  await w.close();
});

beforeEach(async () => {
  context = await chromium.newContext();
  page = await context.newPage();
});

afterEach(async () => {
  resetClock();
  await context.close();
});

function routes(app: Express): void {
  app.use("/kit", express.static(resolve("dist/browser")));
  app.get(["/app", "/isolated"], ({ path }, res) => {
    if (path === "/isolated") {
      res.set("Cross-Origin-Opener-Policy", "same-origin");
    }
    res.send(`<!doctype html><title>app</title>
<textarea></textarea><button>go</button>
<script type="module">
  import { browserLogin } from "/kit/browser.js";
  window.ended = [];
  window.told = [];
  const login = browserLogin({ onEnded: (url) => ended.push(url) });
  Object.assign(window, { login, browserLogin });
  window.atOnce = await login.extend().catch(({ name }) => name);
  const button = document.querySelector("button");
  window.does = (work) => {
    window.outcome = undefined;
    button.onclick = async () => {
      window.outcome = await work().catch(({ name }) => name);
    };
  };
  window.watch = () => {
    window.stop = login.watch({
      expiringSeconds: 300,
      onExpiring: (expiring) => told.push({ soon: expiring }),
      onExtended: (expiring) => told.push({ later: expiring }),
    });
  };
  window.ready = true;
</script>`);
  });
}

async function open(path = "/app", where = page): Promise<void> {
  await where.goto(w.url + path);
  await where.waitForFunction("window.ready");
}

/** Clicks, with this as what the click does. */
async function click(work: string, where = page): Promise<void> {
  await where.evaluate(`does(() => ${work})`);
  await where.click("button");
}

async function outcome(): Promise<unknown> {
  await page.waitForFunction("window.outcome !== undefined");
  return page.evaluate("window.outcome");
}

describe("sign-in in a window of its own", () => {
  test.each([
    ["", "/app"],
    [", although the page's own policy cuts the window off", "/isolated"],
  ])(
    "the window closes itself, and what the page holds stays%s",
    async (_also, path) => {
      await open(path);
      await page.fill("textarea", "half a letter");
      const opening = context.waitForEvent("page");
      await click("login.signIn({ popup: true })");
      const popup = await opening;
      expect(await outcome()).toBe(true);
      if (!popup.isClosed()) await popup.waitForEvent("close");
      expect(await page.inputValue("textarea")).toBe("half a letter");
      expect(page.url()).toBe(w.url + path);
      expect(await page.evaluate("fetch('/me').then((r) => r.status)")).toBe(
        200,
      );
    },
  );

  test.each([
    ["", false],
    [", also before the helper's second file is there", true],
  ])(
    "a user who closes it and is back here: false%s",
    async (_also, isEarly) => {
      const atProvider = w.provider.hold("/authorize", "request");
      await open();
      const loaded = page.waitForResponse("**/own-window.js");
      const asked = new Promise<Route>((resolve) => {
        void page.route("**/own-window.js", resolve);
      });
      // Playwright knows a window only when it has an answer.
      await page.evaluate(`{
      const open = window.open.bind(window);
      window.open = (...how) => (window.popup = open(...how));
    }`);
      await click("login.signIn({ popup: true })");
      await atProvider.reached;
      const helper = await asked;
      if (!isEarly) {
        await helper.continue();
        await (await loaded).finished();
      }
      await page.evaluate("popup.close()");
      await page.evaluate("dispatchEvent(new Event('focus'))");
      if (isEarly) await helper.continue();
      expect(await outcome()).toBe(false);
      atProvider.release();
    },
  );

  test("the login address may have a query", async () => {
    await open();
    const login = "browserLogin({ login: '/login?login_hint=bob' })";
    await click(`${login}.signIn({ popup: true })`);
    expect(await outcome()).toBe(true);
    const me = await page.evaluate("fetch('/me').then((r) => r.json())");
    expect(me).toMatchObject({ sub: "bob" });
  });

  test("what the window shows at the provider has no hold of the page", async () => {
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path === "/authorize") res.send("<h1>Provider</h1>");
        else next();
      },
    };
    try {
      await open();
      const opening = context.waitForEvent("page");
      await click("login.signIn({ popup: true })");
      const popup = await opening;
      await popup.getByText("Provider").waitFor();
      expect(await popup.evaluate("window.opener")).toBeNull();
    } finally {
      w.provider.misbehave = {};
    }
  });

  test("a user who is back while it is open can go on there", async () => {
    const atProvider = w.provider.hold("/authorize", "request");
    await page.clock.install();
    await open();
    await click("login.signIn({ popup: true })");
    await atProvider.reached;
    await page.evaluate("dispatchEvent(new Event('focus'))");
    await page.clock.runFor(10_000);
    expect(await page.evaluate("window.outcome")).toBeUndefined();
    atProvider.release();
    expect(await outcome()).toBe(true);
  });

  test("a browser that opens no window is told by name", async () => {
    await open();
    await page.evaluate("window.open = () => null");
    await click("login.signIn({ popup: true })");
    expect(await outcome()).toBe("PopupBlockedError");
  });

  test("without popup the page is left, and comes back", async () => {
    await open("/app?item=17");
    await page.evaluate("window.ready = 'before'");
    await click("login.signIn()");
    await page.waitForFunction("window.ready === true");
    expect(page.url()).toBe(`${w.url}/app?item=17`);
    await page.evaluate("window.ready = 'before'");
    await click("login.signIn({ returnTo: '/isolated' })");
    await page.waitForURL(`${w.url}/isolated`);
  });
});

describe("a login that ends soon", () => {
  beforeEach(async () => {
    await page.goto(`${w.url}/me`);
  });

  test("a login that nobody uses is told once, and that it can be extended", async () => {
    await open();
    advance(25 * 60 + 1);
    await page.evaluate("watch()");
    await page.waitForFunction("told.length > 0");
    expect(await page.evaluate("told")).toEqual([
      { soon: { secondsLeft: expect.any(Number), canExtend: true } },
    ]);
  });

  test("a login whose time is over in any case is told as one that cannot be extended", async () => {
    await open();
    // Used until eight hours are nearly over.
    for (let minutes = 20; minutes < 8 * 60; minutes += 20) {
      advance(20 * 60);
      await page.evaluate("fetch('/me')");
    }
    advance(17 * 60);
    await page.evaluate("watch()");
    await page.waitForFunction("told.length > 0");
    expect(await page.evaluate("told")).toEqual([
      { soon: { secondsLeft: expect.any(Number), canExtend: false } },
    ]);
  });

  test("it is told when its time has come, by a page that waits", async () => {
    await page.clock.install();
    await open();
    const asked = page.waitForResponse(`${w.url}/session`);
    await page.evaluate("watch()");
    await (await asked).finished();
    expect(await page.evaluate("told")).toEqual([]);
    advance(25 * 60 + 1);
    await page.clock.runFor((25 * 60 + 1) * 1000);
    await page.waitForFunction("told.length > 0");
  });

  test("a click on “stay signed in” extends it, and the warning goes away", async () => {
    await open();
    advance(25 * 60 + 1);
    await page.evaluate("watch()");
    await page.waitForFunction("told.length > 0");
    await click("login.extend()");
    expect(await outcome()).toBeGreaterThan(29 * 60);
    await page.waitForFunction("told.length > 1");
    expect(await page.evaluate("told[1]")).toEqual({
      later: { secondsLeft: expect.any(Number), canExtend: true },
    });
    advance(25 * 60);
    expect(await page.evaluate("fetch('/me').then((r) => r.status)")).toBe(200);
  });

  test("the warning goes away when another tab was used", async () => {
    await page.clock.install();
    await open();
    advance(25 * 60 + 1);
    await page.evaluate("watch()");
    await page.waitForFunction("told.length > 0");
    const other = await context.newPage();
    await other.goto(`${w.url}/me`);
    await page.clock.runFor(5000);
    await page.waitForFunction("told.length > 1");
    expect(await page.evaluate("Object.keys(told[1])")).toEqual(["later"]);
  });

  test("a page cannot extend it by itself", async () => {
    await open();
    expect(await page.evaluate("atOnce")).toBe("NotAllowedError");
  });

  test("a login that is over cannot be extended: nothing is left", async () => {
    await open();
    advance(31 * 60);
    await click("login.extend()");
    expect(await outcome()).toBe(0);
  });

  test("nothing is told after the watch was stopped", async () => {
    await page.clock.install();
    await open();
    const asked = page.waitForResponse(`${w.url}/session`);
    await page.evaluate("watch()");
    await (await asked).finished();
    await page.evaluate("stop()");
    advance(25 * 60 + 1);
    await page.clock.runFor((25 * 60 + 1) * 1000);
    await page.evaluate("fetch('/session').then((answer) => answer.text())");
    expect(await page.evaluate("told")).toEqual([]);
  });
});
