/** Every button of the demo: what it does, what it says, and what the diagram shows of it. */
import { randomBytes } from "node:crypto";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import type { Browser, Page } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import { builtDemo } from "../support/demo-build.js";
import {
  type Demo,
  listenForComplaints,
  newPage,
  signIn,
  startDemo,
} from "../support/demo-process.js";
import { endNodeProcesses } from "../support/node-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";

let redis: RedisServer;
let chromium: Browser;
let demo: Demo;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  redis = await startRedis();
  chromium = await launchChromium();
  demo = await startDemo([await builtDemo()], {
    REDIS_URL: redis.url,
    SESSION_SECRET: randomBytes(32).toString("base64url"),
  });
}, 180_000);

afterAll(async () => {
  await chromium.close();
  await endNodeProcesses();
  await redis.stop();
});

beforeEach(async () => {
  page = await newPage(chromium);
  complaints = listenForComplaints(page);
  await signIn(page, demo.url);
  await page.locator("#steps > li.done:nth-child(7)").waitFor();
}, 60_000);

afterEach(async () => {
  await page.context().close();
});

test("Call the orders API: the app adds the token, and the API answers", async () => {
  expect(await press("Call the orders API")).toMatch(
    /^The API answered 200 in /,
  );
  await diagramShows("Call with the access token", "GET /v1/orders");
  await page.locator("#orders", { hasText: "Porcelain teapot" }).waitFor();
  expect(complaints).toEqual([]);
});

test("by the keyboard alone: Enter presses, the line is told, the focus stays", async () => {
  const button = page.getByRole("button", { name: "Call the orders API" });
  await button.focus();
  await page.keyboard.press("Enter");
  await page
    .getByRole("status")
    .filter({ hasText: "The API answered 200" })
    .waitFor();
  await page.keyboard.press("Enter");
  await diagramShows("Call with the access token");
  await page.locator('[data-try="call"]:focus:enabled').waitFor();
});

test("Expire the access token: the next call brings a refresh first", async () => {
  await press("Call the orders API");
  expect(await press("Expire the access token")).toMatch(
    /^The token was over\. .* the API answered 200 in /,
  );
  await diagramShows("Refresh", "Call with the access token");
  expect(await runs()).toContainEqual(
    expect.objectContaining({ kind: "refresh", state: "done" }),
  );
  expect(complaints).toEqual([]);
});

test("50 calls at once: the provider itself counts one refresh, and the diagram shows it", async () => {
  await press("Call the orders API");
  const before = await runs();
  expect(await press("50 calls at once")).toContain(
    "50 of 50 calls were answered with 200. The Auth Server itself counted 1 refresh.",
  );
  const after = (await runs()).slice(before.length);
  expect(after).toHaveLength(50);
  expect(after.filter(({ kind }) => kind === "refresh")).toHaveLength(1);
  await diagramShows("Refresh", "Call with the access token");
  expect(complaints).toEqual([]);
}, 60_000);

test("Rotate the keys: the app meets a new key, and fetches the keys again", async () => {
  expect(await press("Rotate the keys")).toMatch(
    /^The Auth Server signs with the new key .*the app fetched the keys, and the API answered 200/,
  );
  await diagramShows("Refresh", "Provider keys", "Call with the access token");
  expect(complaints).toEqual([]);
});

test("slow, down and up again: calls wait, then fail, then work; nobody is signed out", async () => {
  expect(await press("Slow Auth Server")).toMatch(
    /takes 2 seconds for each answer\. The API answered 200 in \d+\.\d s/,
  );
  await diagramShows("Refresh");
  expect(await press("Auth Server down")).toMatch(
    /The call got 503 ERR_PROVIDER_UNAVAILABLE in .* You are still signed in/,
  );
  await diagramShows("Refresh", "ERR_PROVIDER_UNAVAILABLE");
  expect(await press("Auth Server up again")).toMatch(
    /answers again\. The calls got (503 ERR_PROVIDER_UNAVAILABLE, then )?200\./,
  );
  await diagramShows("Refresh", "Call with the access token");
  expect(new Set(complaints)).toEqual(new Set([`503 ${demo.url}/api/orders`]));
}, 60_000);

test("Restart, Redis stalled: 503 until Redis is back, and then still signed in", async () => {
  const told = await press("Restart, Redis stalled");
  expect(told).toMatch(/503 ERR_STORE_UNAVAILABLE, then 200\. Nobody was/);
  await page.reload();
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
  await page
    .getByText("This login began before the application was started anew")
    .waitFor();
  expect(new Set(complaints.map((line) => line.slice(0, 3)))).toEqual(
    new Set(["503"]),
  );
}, 90_000);

test("a second browser signs in, is told apart, and is told when its login is ended", async () => {
  expect(await press("Sign in a second browser")).toMatch(
    /^A second browser is signed in as alice/,
  );
  await diagramShows("Browser 2", "Callback");
  const logins = page.locator("#logins li");
  const second = logins.filter({ hasText: "The demo's second browser" });
  await second.waitFor();
  await logins.filter({ hasText: "This browser" }).waitFor();
  // What another browser does is no step of this one's login.
  expect(await page.locator("#steps > li.done").count()).toBe(7);

  expect(await press("End the second browser")).toMatch(
    /^Its login is over, and its page was told/,
  );
  await diagramShows("A login has ended.", "Revocation");
  await second.waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
  expect(await page.locator("#steps > li.done").count()).toBe(7);
  expect(await press("End the second browser")).toMatch(
    /^There is no second browser/,
  );
  expect(complaints).toEqual([]);
}, 60_000);

test("Step up: the provider asks for more, and the page opens", async () => {
  await page.getByRole("link", { name: "Step up" }).click();
  await page
    .getByRole("heading", { name: "Is it really you, alice?" })
    .waitFor();
  await page.getByRole("button", { name: "Touch the security key" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "You are in the vault" }).waitFor();
  await page.getByText("acr=phr").waitFor();
  await page.getByRole("link", { name: "Back to the start" }).click();
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
  // Again it opens at once.
  await page.getByRole("link", { name: "Step up" }).click();
  await page.getByRole("heading", { name: "You are in the vault" }).waitFor();
  expect(complaints).toEqual([]);
}, 60_000);

test("Sign out at the provider: step 9 is done by the back channel, and nobody is greeted", async () => {
  const [tab] = await Promise.all([
    page.context().waitForEvent("page"),
    page.getByRole("link", { name: "Sign out at the provider" }).click(),
  ]);
  await tab.getByRole("button", { name: "Yes, sign me out" }).click();
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  await page.locator("#steps > li.done:nth-child(9)").waitFor();
  await diagramShows("Back-channel logout");
  for (const name of ["Sign out", "Order"]) {
    const button = page.getByRole("button", { name, exact: true });
    expect(await button.count()).toBe(0);
  }
  expect(await page.locator("#claims, #logins").count()).toBe(0);
  expect(complaints).toEqual([]);
}, 60_000);

test("a page of another origin, or a name that leads here, presses no button", async () => {
  const answers = await Promise.all(
    [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "https://evil.example" },
      {},
    ].map((headers) =>
      fetch(`${demo.url}/demo/provider/down`, { method: "POST", headers }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
  expect(await press("Call the orders API")).toMatch(/answered 200/);
});

/** Presses a button; the line that it tells. */
async function press(name: string): Promise<string> {
  const button = page.getByRole("button", { name, exact: true });
  await button.click();
  const id = await button.getAttribute("data-try");
  const line = page.locator(`[data-told="${String(id)}"]`);
  await line.filter({ hasText: /[^…]$/ }).waitFor();
  return await line.innerText();
}

/** Waits until the diagram beside the buttons has all of these words. */
async function diagramShows(...words: readonly string[]): Promise<void> {
  for (const word of words) {
    const shown = page.locator("login-sequence").getByText(word);
    await shown.filter({ visible: true }).first().waitFor();
  }
}

interface RecordedRun {
  readonly kind: string;
  readonly state: string;
}

async function runs(): Promise<readonly RecordedRun[]> {
  return await page.evaluate<readonly RecordedRun[]>(
    'fetch("/__login/runs").then((answer) => answer.json()).then(({ runs }) => runs)',
  );
}
