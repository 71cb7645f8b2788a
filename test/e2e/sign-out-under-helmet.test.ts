/** Signing out in Chromium, with helmet's default headers on every page of the application and without. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import express, { type RequestHandler } from "express";
import helmet from "helmet";
import type { Browser, BrowserContext, Page } from "playwright-core";

import { createLoginKit, type LoginKit } from "../../lib/index.js";
import {
  listening,
  type ListeningServer,
} from "../../lib/testing/listening.js";
import { launchChromium } from "../support/chromium.js";
import {
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import { clientAt, lyingKitOptions } from "../support/lying-world.js";

const none: RequestHandler = (_req, _res, next) => {
  next();
};

let chromium: Browser;
let provider: LyingProvider;
let server: ListeningServer;
let kit: LoginKit;
let context: BrowserContext;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  chromium = await launchChromium();
});
afterAll(() => chromium.close());

beforeEach(async () => {
  server = await listening();
  // Another site than the application's, as providers are.
  provider = await startLyingProvider({ clients: [clientAt([server.url])] });
  context = await chromium.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  complaints = [];
  page.on("console", (message) => {
    // Chromium looks for an icon.
    const isMissing = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isMissing) {
      complaints.push(message.text());
    }
  });
});
afterEach(async () => {
  await context.close();
  await kit.close();
  await Promise.all([server.close(), provider.close()]);
});

/** Starts the application, and signs in. */
async function start(headers: RequestHandler): Promise<void> {
  kit = createLoginKit(lyingKitOptions(provider, server.url));
  const app = express();
  app.use(headers);
  app.use(kit.routes);
  app.get("/", (_req, res) => {
    res.send("<title>Home</title>signed out");
  });
  app.get("/account", kit.requireAuth(), (_req, res) => {
    res.send(`<title>Account</title>
<form method="post" action="/logout"><button>Sign out</button></form>`);
  });
  server.serve(app);
  await page.goto(`${server.url}/account`);
  expect(await page.title()).toBe("Account");
}

async function expectSignedOut(): Promise<void> {
  await page.waitForURL(`${server.url}/`);
  expect(provider.endSessionRequests).toHaveLength(1);
  expect(provider.sessions.size).toBe(0);
  const status = await context.request.get(`${server.url}/session`);
  expect(await status.json()).toMatchObject({ active: false });
  expect(complaints).toEqual([]);
}

describe.each([
  ["under helmet's defaults", helmet()],
  ["without helmet", none],
])("signing out %s, to the provider and back,", (_name, headers) => {
  test("by a form of the application's own page", async () => {
    await start(headers);
    await page.getByRole("button", { name: "Sign out" }).click();
    await expectSignedOut();
  });

  test("by the kit's page that asks", async () => {
    await start(headers);
    await page.goto(`${server.url}/logout`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await expectSignedOut();
  });

  test("by a fetch and the address that it gets", async () => {
    await start(headers);
    const { location } = await page.evaluate<{ location: string }>(
      `fetch("/logout", { method: "POST" }).then((answer) => answer.json())`,
    );
    await page.goto(location);
    await expectSignedOut();
  });
});

test("a browser that does not go on by itself is shown a link to the provider", async () => {
  // As where the user has switched it off.
  await start((_req, res, next) => {
    const send = res.send.bind(res);
    res.send = (body) => {
      res.removeHeader("Refresh");
      return send(body);
    };
    next();
  });
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Continue" }).click();
  await expectSignedOut();
});
