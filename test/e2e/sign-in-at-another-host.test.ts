/** A sign-in that begins at another host than baseUrl's, in Chromium: told before the trip, and no trouble behind a proxy. */
import { request, type IncomingMessage, type ServerResponse } from "node:http";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  jest,
  test,
} from "@jest/globals";
import express from "express";
import type { Browser, Page } from "playwright-core";

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
import { createTestBrowser } from "../support/test-browser.js";

let chromium: Browser;
let application: ListeningServer;
let proxy: ListeningServer;
let provider: LyingProvider;
let kit: LoginKit | undefined;
let page: Page;
let warn: jest.SpiedFunction<typeof console.warn>;

beforeAll(async () => {
  chromium = await launchChromium();
});
afterAll(() => chromium.close());

beforeEach(async () => {
  warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  application = await listening();
  proxy = await listening();
  page = await chromium.newPage();
  page.setDefaultTimeout(30_000);
});
afterEach(async () => {
  warn.mockRestore();
  await page.close();
  await kit?.close();
  await Promise.all([application.close(), proxy.close(), provider.close()]);
});

/** Starts the application for this address. */
async function start(baseUrl: string): Promise<void> {
  provider = await startLyingProvider({ clients: [clientAt([baseUrl])] });
  kit = createLoginKit(lyingKitOptions(provider, baseUrl));
  const app = express();
  app.use(kit.routes);
  app.get("/me", kit.requireAuth(), (_req, res) => {
    res.send("<title>Me</title>signed in");
  });
  application.serve(app);
}

const atLocalhost = (url: string): string =>
  url.replace("127.0.0.1", "localhost");

const warnings = (): string[] =>
  warn.mock.calls.map(String).filter((text) => text.includes("was begun at"));

test("the page names both addresses, and its link leads to baseUrl, where the user signs in", async () => {
  const baseUrl = atLocalhost(application.url);
  await start(baseUrl);
  await page.goto(`${application.url}/me`);
  const text = (await page.textContent("main")) ?? "";
  expect(text).toContain(`You opened ${application.url}`);
  expect(text).toContain(`baseUrl is ${baseUrl}`);
  expect(provider.requests).not.toContain("GET /authorize");
  expect(warnings()).toHaveLength(1);
  await page.getByRole("link", { name: `Go on at ${baseUrl}` }).click();
  await page.waitForURL(`${baseUrl}/me`);
  expect(await page.title()).toBe("Me");
});

test("behind a proxy that changes Host and says nothing, the user signs in all the same", async () => {
  const baseUrl = atLocalhost(proxy.url);
  await start(baseUrl);
  proxy.serve(passOn);
  await page.goto(`${baseUrl}/me`);
  await page.waitForURL(`${baseUrl}/me`);
  await page.getByText("signed in").waitFor();
  expect(await page.title()).toBe("Me");
});

test("what is no browser goes on, and behind a proxy that says what it does nothing is told", async () => {
  await start(atLocalhost(application.url));
  const forwarded = await createTestBrowser().request(
    `${application.url}/login`,
    { headers: { "X-Forwarded-For": "192.0.2.1" } },
  );
  expect(forwarded.status).toBe(303);
  expect(warnings()).toEqual([]);
  const fetched = await fetch(`${application.url}/login`, {
    redirect: "manual",
  });
  expect(fetched.status).toBe(303);
});

/** As a development server does that hands on to another origin. */
function passOn(req: IncomingMessage, res: ServerResponse): void {
  const { host } = new URL(application.url);
  const outgoing = request(
    application.url + (req.url ?? ""),
    { method: req.method, headers: { ...req.headers, host } },
    (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    },
  );
  req.pipe(outgoing);
}
