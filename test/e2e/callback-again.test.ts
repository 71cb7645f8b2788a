/** Whatever a browser does around the callback, Chromium ends signed in at the wanted page. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { until } from "../support/until.js";
import { closeRedis, sharedRedis } from "../support/world.js";

const PAGE = "/orders/7?tab=notes";

/** What the worker of the application does; the preloaded answer is not used. */
const WORKER = `
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(
  self.registration.navigationPreload.enable().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate") return;
  const preloaded = event.preloadResponse;
  event.respondWith(fetch(event.request).then((answer) => preloaded.catch(() => null).then(() => answer)));
});`;

let chromium: Browser;
let w: LyingWorld;
let context: BrowserContext;
let page: Page;
/** What the provider's page does with the link to the application, as a script. */
let script: string;
let callbacks: number;

beforeAll(async () => {
  chromium = await launchChromium();
});
afterAll(async () => {
  await chromium.close();
  closeRedis();
});

beforeEach(async () => {
  script = "";
  callbacks = 0;
  w = await lyingWorld({
    redis: await sharedRedis(),
    provider: { misbehave: { intercept: providerPage } },
    routes: (app, { requireAuth }) => {
      app.get("/orders/:id", requireAuth(), (_req, res) => {
        res.send("<title>order 7</title>order 7");
      });
      app.get("/worker.js", (_req, res) => {
        res.type("text/javascript").send(WORKER);
      });
      app.get("/start", (_req, res) => {
        res.send("<title>start</title>");
      });
    },
  });
  w.server.on("request", ({ url = "" }: { url?: string }) => {
    if (url.startsWith("/callback")) callbacks += 1;
  });
  context = await chromium.newContext();
  page = await context.newPage();
});
afterEach(async () => {
  await context.close();
  await w.close();
});

/** A page that sends the user on by a link, as consent pages do. */
const providerPage: NonNullable<
  LyingWorld["provider"]["misbehave"]["intercept"]
> = (req, res, next) => {
  if (req.path !== "/authorize" || req.query["shown"] !== undefined) {
    next();
    return;
  }
  const shown = `${w.provider.url}${req.originalUrl}&shown=1`;
  void fetch(shown, { redirect: "manual" }).then((answer) => {
    const back = answer.headers.get("location") ?? "";
    const escape = (url: string): string => url.replaceAll("&", "&amp;");
    res.send(`<title>consent</title>
<a id="again" href="${escape(shown)}">with a new code each time</a>
<a id="back" href="${escape(back)}">with one code</a>
<script>${script}</script>`);
  });
};

const redemptions = (): number =>
  w.provider.requests.filter((request) => request === "POST /token").length;

/** Holds the first token request until the browser has come to the callback so often. */
async function cameBack(times: number): Promise<void> {
  await until("the browser has come", () => callbacks >= times);
}

async function arrives(at = page): Promise<void> {
  await at.waitForURL(w.url + PAGE);
  expect(await at.title()).toBe("order 7");
}

const LINKS = [
  ["a new code each time", "#again"],
  ["one code", "#back"],
] as const;

test.each(LINKS)("a double click, %s", async (_kind, link) => {
  await page.goto(w.url + PAGE);
  await page.dblclick(link);
  await arrives();
  expect(redemptions()).toBe(1);
});

// Chromium passes over the second click on a link, but not over scripts.
test.each(LINKS)(
  "two scripts, the second a moment later, %s",
  async (_kind, link) => {
    const token = w.provider.hold("/token");
    script = `const { href } = document.querySelector("${link}");
location = href; setTimeout(() => { location = href; }, 150);`;
    await page.goto(w.url + PAGE, { waitUntil: "commit" });
    await cameBack(2);
    token.release();
    await arrives();
    expect(redemptions()).toBe(1);
  },
);

test("a reload while the first request is under way, and of the page that comes", async () => {
  const token = w.provider.hold("/token");
  await page.goto(w.url + PAGE);
  const back = (await page.getAttribute("#back", "href")) ?? "";
  const tab = await context.newPage();
  const given = tab.goto(back).catch((error: unknown) => String(error));
  await token.reached;
  const devtools = await context.newCDPSession(tab);
  await devtools.send("Page.stopLoading");
  await given;
  const again = tab.goto(back);
  await cameBack(2);
  token.release();
  await again;
  await arrives(tab);
  await tab.reload();
  await arrives(tab);
  expect(redemptions()).toBe(1);
});

test("the back button, and a bookmark of the callback", async () => {
  await page.goto(`${w.url}/start`);
  await page.goto(w.url + PAGE);
  const bookmark = await page.getAttribute("#back", "href");
  await page.click("#back");
  await arrives();
  // To the provider's page, and forward by its link once more.
  await page.goBack();
  await page.click("#back");
  await arrives();
  await page.goto(bookmark ?? "");
  await arrives();
  const tab = await context.newPage();
  await tab.goto(bookmark ?? "");
  await arrives(tab);
  expect(redemptions()).toBe(1);
});

test("three tabs at once", async () => {
  const tabs = [page, await context.newPage(), await context.newPage()];
  for (const tab of tabs) await tab.goto(w.url + PAGE);
  await Promise.all(tabs.map((tab) => tab.click("#back")));
  await Promise.all(tabs.map((tab) => arrives(tab)));
  expect(redemptions()).toBe(3);
});

test("a service worker with navigation preload asks twice for everything", async () => {
  await page.goto(`${w.url}/start`);
  await page.evaluate(`navigator.serviceWorker.register("/worker.js")`);
  await page.evaluate("navigator.serviceWorker.ready");
  await page.goto(`${w.url}/start`);
  expect(
    await page.evaluate("navigator.serviceWorker.controller !== null"),
  ).toBe(true);
  await page.goto(w.url + PAGE);
  await page.click("#back", { noWaitAfter: true });
  await arrives();
  expect([callbacks, redemptions()]).toEqual([2, 1]);
});
