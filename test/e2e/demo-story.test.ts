/** The demo's front page: the nine steps of a login, and the diagram beside them. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import type { Browser, Page } from "playwright-core";

import { accessibilityProblems } from "../support/accessibility.js";
import { launchChromium } from "../support/chromium.js";
import { builtDemo } from "../support/demo-build.js";
import {
  type Demo,
  holdRequests,
  listenForComplaints,
  newPage,
  signIn,
  startDemo,
} from "../support/demo-process.js";
import { endNodeProcesses } from "../support/node-process.js";

const screenshots = process.env["TEST_SCREENSHOTS"];

let chromium: Browser;
let demo: Demo;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  chromium = await launchChromium();
  demo = await startDemo([await builtDemo()]);
  if (screenshots !== undefined) await mkdir(screenshots, { recursive: true });
}, 180_000);

afterAll(async () => {
  await chromium.close();
  await endNodeProcesses();
});

beforeEach(async () => {
  page = await newPage(chromium);
  complaints = listenForComplaints(page);
});

afterEach(async () => {
  await page.context().close();
});

test("all nine steps are in a window of 1280 x 800, before the login and after all of them", async () => {
  await page.goto(demo.url);
  expect(await endOfSteps()).toBeLessThanOrEqual(800);

  await signIn(page, demo.url);
  await stepIsDone(7);
  expect(await endOfSteps()).toBeLessThanOrEqual(800);
  await page.getByRole("button", { name: "Call the orders API" }).click();
  await stepIsDone(8);

  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  await stepIsDone(9);
  expect(await doneSteps()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await endOfSteps()).toBeLessThanOrEqual(800);
  expect(complaints).toEqual([]);
}, 120_000);

test("a step is done when its message was sent, and not before", async () => {
  await page.goto(demo.url);
  expect(await doneSteps()).toEqual([]);

  // The same browser signs in in another tab; this one watches.
  const tab = await page.context().newPage();
  await tab.goto(`${demo.url}/mine`);
  await stepIsDone(3);
  expect(await doneSteps()).toEqual([1, 2, 3]);

  await tab.getByRole("button", { name: "Continue as Alice" }).click();
  await tab.getByRole("button", { name: "Allow" }).waitFor();
  expect(await doneSteps()).toEqual([1, 2, 3]);
  await tab.getByRole("button", { name: "Allow" }).click();
  await stepIsDone(7);
  expect(await doneSteps()).toEqual([1, 2, 3, 4, 5, 6, 7]);

  await tab.getByRole("button", { name: "Call the orders API" }).click();
  await stepIsDone(8);
  expect(await doneSteps()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(complaints).toEqual([]);
}, 120_000);

test("a login that fails is marked at the step where it failed", async () => {
  await page.goto(demo.url);
  await page.getByRole("link", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Continue as Alice" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("ERR_ACCESS_DENIED").waitFor();

  await page.goto(demo.url);
  await page.locator("#steps > li.failed").waitFor();
  expect(await page.locator("#steps > li.failed h3").innerText()).toMatch(
    /^Your browser brings a code back to the app\s+failed here$/,
  );
  expect(await doneSteps()).toEqual([1, 2, 3, 4]);
}, 60_000);

test("the steps show the values of this login: state goes out and comes back", async () => {
  await signIn(page, demo.url);
  await stepIsDone(7);
  const values = await page.locator("#steps .real").allInnerTexts();
  expect(values[0]).toMatch(/^GET \/mine → 303 to \/login, \d/);
  const [, state] = /^state (#\w+) · nonce #/.exec(values[1] ?? "") ?? [];
  expect(values[2]).toContain(`redirect_uri ${demo.url}/callback`);
  expect(values[3]).toMatch(/^alice at localhost:\d+$/);
  expect(values[4]).toMatch(
    new RegExp(`^code #\\w+ · state ${String(state)}$`),
  );
  expect(values[5]).toMatch(/^POST \/token → 200, /);
  expect(values[6]).toMatch(/^You are alice: \d+ checks passed$/);
  await page.getByText(/^in \d+ s$/).waitFor();
  await page
    .locator("#held-browser li")
    .filter({ hasText: "It says nothing by itself" })
    .waitFor();
  await page
    .locator("#held-store li")
    .filter({ hasText: /ID Token, refresh token.*sealed/ })
    .waitFor();
}, 60_000);

test("a button that is held down while the values of the steps come does what it says", async () => {
  await signIn(page, demo.url);
  await stepIsDone(7);
  const letGo = await holdRequests(page, "**/__login/live");
  await page.goto(demo.url);
  const button = page.getByRole("button", { name: "Call the orders API" });
  await button.hover();
  await page.mouse.down();
  letGo();
  await stepIsDone(7);
  await page.mouse.up();
  await page.locator("#orders", { hasText: "Porcelain teapot" }).waitFor();
  expect(complaints).toEqual([]);
}, 60_000);

test.each(["light", "dark"] as const)(
  "axe-core finds nothing on any page, %s, in a wide window and on a phone",
  async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.goto(demo.url);
    await expectAccessible(`story-out-${colorScheme}`);
    await page.getByRole("link", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Who is there?" }).waitFor();
    await expectAccessible(`story-provider-${colorScheme}`);
    await page.getByRole("button", { name: "Continue as Alice" }).click();
    await page.getByRole("heading", { name: "The demo app asks to" }).waitFor();
    await expectAccessible(`story-consent-${colorScheme}`);
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
    await page.getByRole("button", { name: "Call the orders API" }).click();
    await stepIsDone(8);
    await expectAccessible(`story-in-${colorScheme}`);
    await page.goto(`${demo.url}/orders`);
    await expectAccessible(`story-orders-${colorScheme}`);
  },
  120_000,
);

test("where scripts do not run, the steps are told all the same, and one can sign in", async () => {
  const context = await chromium.newContext({ javaScriptEnabled: false });
  const plain = await context.newPage();
  await signIn(plain, demo.url);
  expect(await plain.locator("#steps > li p:first-of-type").count()).toBe(9);
  await context.close();
}, 60_000);

async function expectAccessible(name: string): Promise<void> {
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 800 });
    if (screenshots !== undefined) {
      const path = join(screenshots, `${name}-${width}.png`);
      await page.screenshot({ path, fullPage: width === 360 });
    }
    expect(complaints).toEqual([]);
    const problems = await accessibilityProblems(page);
    // axe itself tries an inline style, and the policy forbids it.
    complaints.length = 0;
    expect({ name, width, problems }).toEqual({ name, width, problems: [] });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}

async function stepIsDone(number: number): Promise<void> {
  await page.locator(`#steps > li.done:nth-child(${number})`).waitFor();
}

/** The numbers of the steps that are done. */
async function doneSteps(): Promise<readonly number[]> {
  const classes = await page
    .locator("#steps > li")
    .evaluateAll((items) =>
      items.map((item) => (item as unknown as { className: string }).className),
    );
  return classes.flatMap((name, index) => (name === "done" ? [index + 1] : []));
}

/** Where the last step ends, in pixels from the top of the page. */
async function endOfSteps(): Promise<number> {
  return await page.evaluate<number>(
    'scrollY + document.querySelector("#steps").getBoundingClientRect().bottom',
  );
}
