/**
 * The demo application as its users meet it: one command, then pages in Chromium.
 */
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Browser, Page } from "playwright-core";

import { beforeControl } from "../support/before-control.js";
import { launchChromium } from "../support/chromium.js";
import { builtDemo } from "../support/demo-build.js";
import {
  type Demo,
  holdRequests,
  listenForComplaints,
  startDemo,
  startDemoAnywhere,
} from "../support/demo-process.js";
import { endNodeProcesses, startNode } from "../support/node-process.js";

const WIDTHS = [360, 1280];
const SCHEMES = ["light", "dark"] as const;

/** Milliseconds of a control: what is told at once comes before it, what is found by looking after it. */
const BEFORE_LOOKING = 12_000;

let program: string;
let chromium: Browser;
/** Where screenshots are kept; without it none are taken. */
const screenshots = process.env["TEST_SCREENSHOTS"];

beforeAll(async () => {
  program = await builtDemo();
  chromium = await launchChromium();
  if (screenshots !== undefined) await mkdir(screenshots, { recursive: true });
}, 180_000);

afterAll(async () => {
  await chromium.close();
  await endNodeProcesses();
});

describe("in a browser", () => {
  let demo: Demo;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    demo = await startDemo([program]);
  });

  beforeEach(async () => {
    const context = await chromium.newContext({ locale: "en" });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    complaints = listenForComplaints(page);
  });

  afterEach(async () => {
    await page.context().close();
  });

  test("alice signs in, sees her claims and orders, reloads, signs out, and the orders answer 401", async () => {
    await page.goto(demo.url);
    await expectHeading("You are signed out");
    await callOrders();
    await expectText("#orders", "401 ERR_LOGIN_REQUIRED");
    await expectGoodLooks("signed-out");

    await page.getByRole("link", { name: "Sign in", exact: true }).click();
    await expectHeading("Who is there?");
    await expectGoodLooks("provider-sign-in");
    await page.getByRole("button", { name: "Continue as Alice" }).click();
    await expectHeading("The demo app asks to");
    await expectGoodLooks("provider-consent");
    await page.getByRole("button", { name: "Allow" }).click();

    await expectHeading("Hello, Alice");
    expect(page.url()).toBe(`${demo.url}/`);
    await expectText("#claims", "alice@example.com");
    await callOrders();
    await expectText("#orders", "Porcelain teapot");
    await expectGoodLooks("signed-in");

    await page.getByRole("link", { name: "Orders page" }).click();
    await expectHeading("Your orders");
    await expectText("main", "Porcelain teapot");
    await expectGoodLooks("orders");

    await page.goto(demo.url);
    await page.reload();
    await expectHeading("Hello, Alice");

    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await expectHeading("Sign out here as well?");
    await expectGoodLooks("provider-sign-out");
    await page.getByRole("button", { name: "Yes, sign me out" }).click();
    await expectHeading("You are signed out");
    expect(page.url()).toBe(`${demo.url}/`);
    await callOrders();
    await expectText("#orders", "401 ERR_LOGIN_REQUIRED");

    await page.goto(`${demo.url}/orders`);
    await expectHeading("Who is there?");
    expect(complaints).toEqual([
      // As asked for: what a fetch without a login gets.
      `401 ${demo.url}/api/orders`,
      `401 ${demo.url}/api/orders`,
    ]);
  }, 180_000);

  test("an order placed in the browser is forwarded with its body", async () => {
    await signInAs("Bob");
    await page.getByLabel("Order something").fill("A <b>very</b> small cup");
    await page.getByRole("button", { name: "Order", exact: true }).click();
    await expectText("#orders", "A <b>very</b> small cup");
    expect(complaints).toEqual([]);
  });

  test("nothing can be ordered before the page's script is there", async () => {
    const letGo = await holdRequests(page, "**/app.js");
    await signInAs("Bob");
    const item = page.getByLabel("Order something");
    await item.fill("A cup");
    await item.press("Enter");
    const order = page.getByRole("button", { name: "Order", exact: true });
    expect(await order.isDisabled()).toBe(true);
    expect(page.url()).toBe(`${demo.url}/`);

    letGo();
    await order.click();
    await expectText("#orders", "A cup");
    expect(complaints).toEqual([]);
  });

  // Shows: ASVS 3.3.4, 14.3.3
  test("scripts of the page see no cookie and find nothing in its storage", async () => {
    await signInAs("Alice");
    const seen = await page.evaluate(
      "[document.cookie, localStorage.length, sessionStorage.length]",
    );
    expect(seen).toEqual(["", 0, 0]);
  });

  test("cancelling at the provider shows the kit's page, which leads to another try", async () => {
    await page.goto(`${demo.url}/login`);
    await page.getByRole("button", { name: "Continue as Alice" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();

    await expectHeading("Sign-in was cancelled");
    await expectText("main", "ERR_ACCESS_DENIED");
    await expectGoodLooks("access-denied");
    const again = page.getByRole("link", { name: "Sign in again" });
    await again.click();
    // The provider still knows alice, so it asks for her consent only.
    await expectHeading("The demo app asks to");
    await page.getByRole("button", { name: "Allow" }).click();
    await expectHeading("Hello, Alice");
    expect(complaints).toEqual([
      expect.stringMatching(/^403 http:\S+\/callback\?/),
    ]);
  });

  test("the panel lists alice's logins, and what is ended there is told there at once", async () => {
    await signInAs("Alice");
    const other = await elsewhere("Alice", "Browser of the test/1.0");
    await page.reload();
    const login = page.locator("#logins li").filter({ hasText: "of the test" });
    await expectText("#logins", "This browser");
    await expectText("#logins", "Sign out everywhere else");
    await expectGoodLooks("logins");

    await login.getByRole("button", { name: "Sign out there" }).click();
    await expectToldAtOnce(other);
    await expectHeading("Hello, Alice");
    expect(await login.count()).toBe(0);
    expect(await page.locator("#login-ended").isVisible()).toBe(false);

    await other.getByRole("link", { name: "Sign in again" }).click();
    // The provider still knows alice there.
    await other.getByRole("button", { name: "Allow" }).click();
    await other.getByRole("heading", { name: "Hello, Alice" }).waitFor();
    expect(other.url()).toBe(`${demo.url}/`);
    expect(complaints).toEqual([]);
    await other.context().close();
  }, 180_000);

  test("signing out everywhere else ends the other logins and keeps this one", async () => {
    await signInAs("Alice");
    const other = await elsewhere();
    await page.reload();
    await page
      .getByRole("button", { name: "Sign out everywhere else" })
      .click();

    await expectToldAtOnce(other);
    await other.reload();
    await other.getByRole("link", { name: "Sign in", exact: true }).waitFor();
    await expectHeading("Hello, Alice");
    await page.reload();
    await expectHeading("Hello, Alice");
    expect(complaints).toEqual([]);
    await other.context().close();
  }, 180_000);

  test("signing out at the provider ends the login: the open page says so", async () => {
    await signInAs("Bob");
    const [tab] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("link", { name: "sign out at the provider" }).click(),
    ]);
    await tab.getByRole("button", { name: "Yes, sign me out" }).click();

    await expectToldAtOnce(page);
    await expectHeading("You are signed out");
    for (const users of ["Hello, Bob", "bob@example.com", "Sign out"]) {
      expect(await page.getByText(users, { exact: true }).count()).toBe(0);
    }
    await expectGoodLooks("login-ended");
    await page.getByRole("link", { name: "Sign in again" }).click();
    await expectHeading("Who is there?");
    expect(complaints).toEqual([]);
  }, 180_000);

  test("signing out here shows no notice on the way to the provider", async () => {
    await signInAs("Bob");
    await page.exposeFunction("noticed", () => complaints.push("noticed"));
    await page.evaluate(`new MutationObserver(() => noticed()).observe(
      document.querySelector("#login-ended"), { attributes: true })`);
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await expectHeading("Sign out here as well?");
    expect(complaints).toEqual([]);
  });

  test("what a browser calls itself is shown as text, also where it looks like markup", async () => {
    await signInAs("Bob");
    const other = await elsewhere("Bob", "<b id=planted>me</b>");
    await expectIn(other, "#logins", "<b id=planted>me</b>");
    expect(await other.locator("#planted").count()).toBe(0);
    await other.context().close();
  });

  async function callOrders(): Promise<void> {
    await page.getByRole("button", { name: "Call the orders API" }).click();
  }

  async function signInAs(name: string, at = page): Promise<void> {
    await at.goto(`${demo.url}/login`);
    await at.getByRole("button", { name: `Continue as ${name}` }).click();
    await at.getByRole("button", { name: "Allow" }).click();
    await at.getByRole("heading", { name: `Hello, ${name}` }).waitFor();
  }

  /** A page in another browser of the same person; close its context. */
  async function elsewhere(name = "Alice", userAgent?: string): Promise<Page> {
    const context = await chromium.newContext({
      locale: "en",
      ...(userAgent !== undefined && { userAgent }),
    });
    const other = await context.newPage();
    other.setDefaultTimeout(30_000);
    await signInAs(name, other);
    return other;
  }

  async function expectToldAtOnce(at: Page): Promise<void> {
    const notice = at.getByText("You are signed out.");
    await beforeControl(BEFORE_LOOKING, notice.waitFor({ timeout: 60_000 }));
  }

  async function expectHeading(text: string): Promise<void> {
    await page.getByRole("heading", { level: 1, name: text }).waitFor();
  }

  async function expectText(selector: string, text: string): Promise<void> {
    await expectIn(page, selector, text);
  }

  async function expectIn(
    at: Page,
    selector: string,
    text: string,
  ): Promise<void> {
    await at.locator(selector).filter({ hasText: text }).waitFor();
  }

  /** Nothing may be wider than the window, and dark must be dark. */
  async function expectGoodLooks(name: string): Promise<void> {
    const brightness: Record<string, number> = {};
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 800 });
        const file = `${name}-${width}-${colorScheme}.png`;
        if (screenshots !== undefined) {
          const path = join(screenshots, file);
          await page.screenshot({ path, fullPage: true });
        }
        expect({ file, wider: await page.evaluate(WIDER) }).toEqual({
          file,
          wider: 0,
        });
      }
      brightness[colorScheme] = await page.evaluate(BRIGHTNESS);
    }
    expect(brightness["light"]).toBeGreaterThan(200);
    expect(brightness["dark"]).toBeLessThan(60);
  }
});

describe("with --two-providers", () => {
  test("the user says where to sign in, and two users called alice are two", async () => {
    const demo = await startDemo([program, "--two-providers"]);
    const context = await chromium.newContext({ locale: "en" });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const complaints = listenForComplaints(page);
    for (const [choice, provider] of [
      ["I work here", "staff"],
      ["I am a customer", "customers"],
    ] as const) {
      await page.goto(demo.url);
      await page.getByRole("link", { name: "Sign in", exact: true }).click();
      await page.getByRole("link", { name: choice }).click();
      await page.getByRole("button", { name: "Continue as Alice" }).click();
      await page.getByRole("button", { name: "Allow" }).click();
      await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
      expect(await page.locator("#provider").innerText()).toBe(provider);
      await page.getByRole("button", { name: "Call the orders API" }).click();
      // Each begins with the API's samples, whatever the other has ordered.
      await page.locator("#orders", { hasText: "Porcelain teapot" }).waitFor();
      expect(await page.locator("#orders").innerText()).not.toContain("Tea");
      await page.getByLabel("Order something").fill("Tea");
      await page.getByRole("button", { name: "Order", exact: true }).click();
      await page.locator("#orders", { hasText: "Tea" }).waitFor();
      await page.getByRole("button", { name: "Sign out", exact: true }).click();
      await page.getByRole("button", { name: "Yes, sign me out" }).click();
      await page.getByRole("heading", { name: "You are signed out" }).waitFor();
    }
    expect(complaints.filter((line) => !line.includes("/api/orders"))).toEqual(
      [],
    );
    await context.close();
    await demo.process.end();
  }, 180_000);

  test("an option that is none is told", async () => {
    const started = startNode([program, "--three-providers"], {
      cwd: tmpdir(),
    });
    await started.prints(/--three-providers.*there is --two-providers/s);
  });
});

describe("in a terminal", () => {
  test("it says what was taken, and uses another port", async () => {
    const one = await startDemoAnywhere([program]);
    const other = await startDemoAnywhere([program]);
    expect(other.url).not.toBe(one.url);
    expect(other.process.output()).toMatch(
      /^port \d+ is taken, using \d+ instead$/m,
    );
  });

  test("it ends by itself on SIGTERM, with browsers still connected", async () => {
    const demo = await startDemo([program]);
    const page = await chromium.newPage();
    await page.goto(demo.url);
    expect(await demo.process.end("SIGTERM")).toEqual({
      code: 0,
      signal: null,
    });
    await page.close();
  });

  test("it prints one address, and nothing that needs attention", async () => {
    const demo = await startDemo([program]);
    await fetch(demo.url);
    const printed = demo.process.output();
    expect(printed.match(/http:\S+/g)).toEqual([demo.url]);
    expect(printed).not.toMatch(/error|deprecat|unhandled|^\s+at /im);
  });
});

/** How much wider the page is than its window. */
const WIDER =
  "document.documentElement.scrollWidth - document.documentElement.clientWidth";

/** The background's brightness, 0 to 255. */
const BRIGHTNESS = `(() => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  return Math.max(...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3));
})()`;
