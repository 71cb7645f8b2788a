/** `<login-sequence>` in a page of the application's own, in Chromium. */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import {
  type InspectorPage,
  inspectorPage,
  MOUNT,
} from "../support/inspector-page.js";
import {
  allRuns,
  loginRun,
  logoutRun,
  refreshRun,
} from "../support/inspector-runs.js";
import { until } from "../support/until.js";

let chromium: Browser;
let served: InspectorPage;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  chromium = await launchChromium();
});
afterAll(async () => {
  await chromium.close();
});
afterEach(async () => {
  await page.context().close();
  await served.close();
  expect(complaints).toEqual([]);
});

/** Opens the application's page with this in its body. */
async function open(body: string, runs = allRuns()): Promise<void> {
  served = await inspectorPage(runs);
  served.body = body;
  page = await (await chromium.newContext()).newPage();
  page.setDefaultTimeout(30_000);
  complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", ({ message }) => complaints.push(message));
  await page.goto(new URL("/", served.url).href);
}

const messagesOf = (title: string): Promise<void> =>
  page.getByRole("list", { name: `Messages of: ${title}` }).waitFor();

test("draws the newest run, and follows by one connection", async () => {
  await open(`<login-sequence src="${MOUNT}" live></login-sequence>`, [
    loginRun(),
  ]);
  await messagesOf("Login of alice");
  served.tell(logoutRun());
  await messagesOf("Logout of alice");
  expect(served.namesAsked).toBe(1);
});

test("draws a certain run, or the newest of some kinds", async () => {
  await open(
    `<login-sequence src="${MOUNT}/" run="run-1"></login-sequence><login-sequence src="${MOUNT}" kinds="call,refresh"></login-sequence>`,
  );
  await messagesOf("Login of alice");
  await messagesOf("Refresh for GET /api/orders, for alice");
});

test("shows what it contains until there is a run", async () => {
  await open(
    `<login-sequence src="${MOUNT}" live>Sign in to see it.</login-sequence>`,
    [],
  );
  await page.getByText("Sign in to see it.").waitFor();
  const hint = page.locator("login-sequence .empty");
  await until("it listens", () => served.listening() > 0);
  served.tell(loginRun());
  await messagesOf("Login of alice");
  expect(await hint.isVisible()).toBe(false);
});

test("begins again where an attribute changes, and ends where it is taken away", async () => {
  await open(`<login-sequence src="${MOUNT}" live></login-sequence>`);
  await messagesOf("Login");
  const element = page.locator("login-sequence");
  await element.evaluate((one) => {
    (one as unknown as Settable).setAttribute("kinds", "logout");
  });
  await messagesOf("Logout of alice");
  await until("one connection is left", () => served.listening() === 1);
  await element.evaluate((one) => {
    (one as unknown as Settable).remove();
  });
  await until("none is left", () => served.listening() === 0);
});

test("says by an event which message is opened", async () => {
  await open(`<login-sequence src="${MOUNT}"></login-sequence>`, [
    refreshRun(),
  ]);
  await page.evaluate(
    `document.addEventListener("arrow-open", (event) => { document.title = JSON.stringify(event.detail); })`,
  );
  await page.getByRole("button", { name: /, step 2\b/ }).click();
  const title = '{"run":"run-2","arrow":"run-2-2"}';
  await until("it is told", async () => (await page.title()) === title);
});

test("explains each arrow where that is asked for", async () => {
  await open(`<login-sequence src="${MOUNT}"></login-sequence>`);
  await messagesOf("Login");
  const words = page.getByText("Carried by the browser: who asks").first();
  expect(await words.isVisible()).toBe(false);
  await page.locator("login-sequence").evaluate((one) => {
    (one as unknown as Settable).setAttribute("explain", "");
  });
  await words.waitFor();
});

test("says so where no inspector answers", async () => {
  await open(`<login-sequence src="/nowhere"></login-sequence>`);
  await page.getByText("No inspector answers at /nowhere.").waitFor();
  // The browser itself notes an answer 404.
  complaints = complaints.filter((text) => !text.includes("404"));
});

interface Settable {
  setAttribute(name: string, value: string): void;
  remove(): void;
}
