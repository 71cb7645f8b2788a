/** A form that was posted without a login, in Chromium, in an application with helmet's policy. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import express, { type Express } from "express";
import helmet from "helmet";
import type { Browser, Page } from "playwright-core";

import { type LoginKit, loginOf } from "../../lib/index.js";
import { launchChromium } from "../support/chromium.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";

const NOTE = `two\r\nlines, "quotes" & <b>`;

let chromium: Browser;
let w: LyingWorld;
let page: Page;
let arrived: unknown[];
/** What the console says of policies. */
let complaints: string[];

beforeAll(async () => {
  chromium = await launchChromium();
  w = await lyingWorld({ routes });
});

afterAll(async () => {
  await chromium.close();
  await w.close();
});

beforeEach(async () => {
  [arrived, complaints] = [[], []];
  page = await (await chromium.newContext()).newPage();
  page.on("console", (message) => {
    if (/policy|violat|refused/i.test(message.text())) {
      complaints.push(message.text());
    }
  });
});

afterEach(() => page.context().close());

function routes(app: Express, kit: LoginKit): void {
  // http on loopback: nothing is upgraded.
  app.use(
    helmet({
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
      strictTransportSecurity: false,
      // The page of the form is known by it.
      referrerPolicy: { policy: "same-origin" },
    }),
  );
  app.get("/shop", (_req, res) => {
    res.send(`<!doctype html><title>shop</title>
<form method="post" action="/orders?of=spring">
<textarea name="note"></textarea>
<input type="password" name="pin"><input name="item" value="17">
<button>Order</button></form>`);
  });
  app.post(
    "/orders",
    kit.requireAuth({ keepsForm: true }),
    express.urlencoded({ extended: false }),
    (req, res) => {
      arrived.push({
        of: req.query["of"],
        by: loginOf(req).claims.sub,
        ...req.body,
      });
      // As applications answer a form: elsewhere, and here even on another origin.
      res.redirect(303, `${w.url.replace("127.0.0.1", "localhost")}/thanks`);
    },
  );
  app.get("/thanks", (_req, res) => {
    res.send("<!doctype html><title>thanks</title>");
  });
}

/** Fills in the form without a login, and is back from sign-in at the question. */
async function orderTooLate(): Promise<void> {
  await page.goto(`${w.url}/shop`);
  await page.fill("[name=note]", NOTE);
  await page.fill("[name=pin]", "4711-secret");
  await page.click("button");
  await page.waitForURL(/\/login\/form\?form=/);
}

test("the user signs in, is asked, sends it, and it arrives as it was", async () => {
  await orderTooLate();
  expect(await page.title()).toBe("Send what you filled in?");
  const seen = await page.innerText("body");
  expect(seen).toContain("signed in as alice");
  expect(seen).toContain("/orders?of=spring");
  expect(seen).toContain("note, pin, item");
  expect(seen).not.toContain("4711");
  expect(arrived).toEqual([]);
  await page.click("text=Send it now");
  await page.waitForURL(/\/thanks$/);
  expect(arrived).toEqual([
    { of: "spring", by: "alice", note: NOTE, pin: "4711-secret", item: "17" },
  ]);
  expect(complaints).toEqual([]);
});

test("the back button after it was sent sends nothing again", async () => {
  await orderTooLate();
  await page.click("text=Send it now");
  await page.waitForURL(/\/thanks$/);
  await page.goBack();
  const again = page.locator("text=Send it now");
  if ((await again.count()) > 0) await again.click();
  await page.waitForFunction("document.title.startsWith('There is nothing')");
  expect(arrived).toHaveLength(1);
});

test("the user does not send it, and is on the page of the form again", async () => {
  await orderTooLate();
  await page.click("text=Do not send it");
  await page.waitForURL(`${w.url}/shop`);
  expect(arrived).toEqual([]);
});
