/** The pages of the kit in Chromium: every failure, light and dark, narrow and wide. */
import { readFileSync } from "node:fs";
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
import type { Express } from "express";
import type { Browser, Page, Response } from "playwright-core";

import { failureTexts } from "../../lib/base/failure-texts.js";
import { LoginKitError, type LoginKitErrorCode } from "../../lib/index.js";
import { launchChromium } from "../support/chromium.js";
import { listening } from "../../lib/testing/listening.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { closeRedis, sharedRedis } from "../support/world.js";

const PROBLEMS = readFileSync(
  join(import.meta.dirname, "fixtures/page-problems.js"),
  "utf8",
);
const POLICY =
  /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/;
// Nothing in it where a line could be broken.
const DIAGNOSIS = `diagnosis-${"x".repeat(600)}`;
const codes = Object.keys(failureTexts) as LoginKitErrorCode[];

let chromium: Browser;
let w: LyingWorld;
let page: Page;
/** What the console says, and violations of the policy. */
let complaints: string[];

beforeAll(async () => {
  chromium = await launchChromium();
  w = await lyingWorld({ routes });
  page = await chromium.newPage();
  page.on("console", (message) => {
    // Chromium says so of each page whose status is an error.
    const isStatus = message.text().startsWith("Failed to load resource: the");
    if (!isStatus || message.location().url !== page.url()) {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", ({ message }) => complaints.push(message));
  await page.addInitScript(`
    document.addEventListener("securitypolicyviolation", (violation) => {
      console.error("violated: " + violation.effectiveDirective);
    });
  `);
});

afterAll(async () => {
  await chromium.close();
  await w.close();
  closeRedis();
});

beforeEach(() => {
  complaints = [];
});

afterEach(async () => {
  w.provider.misbehave = {};
  await page.context().clearCookies();
});

/** Routes that fail, with details as long as they get. */
function routes(app: Express): void {
  app.get("/fails/:code", ({ params: { code } }) => {
    throw new LoginKitError(code as LoginKitErrorCode, {
      message: DIAGNOSIS,
      loginUrl: `/login?return_to=${encodeURIComponent(`/${"y".repeat(300)}`)}`,
      oauthError: {
        error: `error-${"z".repeat(300)}`,
        description: "description",
      },
    });
  });
  app.get("/bad", (_req, res) => {
    res.set(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'",
    );
    res.send(
      `<!doctype html><title>Bad</title><style>p { opacity: 0.5 } a:focus { outline: 3px solid white }</style>
<h1>A</h1><h1>B</h1><hr width="2000"><img src="/x.png" alt=""><a href="/">link</a><p>${DIAGNOSIS}</p>`,
    );
  });
}

/** What is wrong with the page, in whatever way it may be looked at. */
async function problems(): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 640 });
      for (const problem of await page.evaluate<string[]>(PROBLEMS)) {
        found.push(`${colorScheme}, ${String(width)}: ${problem}`);
      }
    }
  }
  return [...found, ...complaints];
}

async function expectGoodPage(
  answer: Response | null,
  { status, policy = POLICY }: { status: number; policy?: RegExp },
): Promise<void> {
  expect(answer?.status()).toBe(status);
  const headers = answer?.headers();
  expect(headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": expect.stringMatching(policy),
    "cache-control": "no-store",
    "referrer-policy": expect.stringMatching(/^(?:no-referrer|same-origin)$/),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  });
  const details = page.locator("details");
  if ((await details.count()) > 0) await details.locator("summary").click();
  // Where the keyboard gets to first, as the browser marks it.
  await page.locator("h1").click();
  await page.keyboard.press("Tab");
  const [action, focused] = [".action", ".action:focus-visible"].map(
    (selector) => page.locator(selector).count(),
  );
  expect(await focused).toBe(await action);
  expect(await problems()).toEqual([]);
}

describe("a page that anybody can read, with any window and any colours, and that the browser has nothing to complain of", () => {
  test.each(codes)("%s", async (code) => {
    const answer = await page.goto(`${w.url}/fails/${code}`);
    const text = await page.locator("main").textContent();
    const { title, cause, remedy, status } = failureTexts[code];
    for (const part of [title, cause, remedy, code, DIAGNOSIS]) {
      expect(text).toContain(part);
    }
    await expectGoodPage(answer, { status });
  });

  test("a callback that nobody asked for", async () => {
    const answer = await page.goto(`${w.url}/callback?state=a&code=b`);
    await expectGoodPage(answer, { status: 400 });
    await page.getByText("ERR_TRANSACTION_NOT_FOUND").waitFor();
  });

  test("a sign-in that the user has cancelled", async () => {
    w.provider.misbehave = {
      authorizationResponse: ({ code: _removed, ...rest }) => ({
        ...rest,
        error: "access_denied",
      }),
    };
    const answer = await page.goto(`${w.url}/login?login_hint=alice`);
    await expectGoodPage(answer, { status: 403 });
    await page.getByText("ERR_ACCESS_DENIED").waitFor();
  });

  test("a provider that is not there", async () => {
    const absent = await listening();
    await absent.close();
    const away = await lyingWorld({ kit: { issuer: absent.url } });
    const answer = await page.goto(`${away.url}/login`);
    await expectGoodPage(answer, { status: 503 });
    await page.getByText("ERR_PROVIDER_UNAVAILABLE").waitFor();
    await away.close();
  });

  test("the question before signing out", async () => {
    // Not by a page load: the home page would be in the console, too.
    await page.request.get(`${w.url}/login?login_hint=alice`);
    const answer = await page.goto(`${w.url}/logout`);
    await expectGoodPage(answer, {
      status: 200,
      policy:
        /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
    });
    await page.getByRole("button", { name: "Sign out" }).waitFor();
  });

  test("what is found is found: a bad page", async () => {
    await page.goto(`${w.url}/bad`);
    await page.locator("a").focus();
    expect(await problems()).toEqual(
      expect.arrayContaining([
        'light, 360: lang is ""',
        "light, 360: 2 h1",
        'light, 360: the title is "Bad"',
        "light, 1280: hr is cut off",
        "light, 360: p has a contrast of 3.98",
        "light, 360: the focus on a has a contrast of 1.00",
        expect.stringMatching(/^dark, 1280: \d+px wide in 1280px$/),
        "violated: img-src",
      ]),
    );
  });
});

test("ASVS 16.5.1: nothing of the diagnosis is in any page when NODE_ENV=production", async () => {
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  let live: LyingWorld;
  try {
    live = await lyingWorld({ redis: await sharedRedis(), routes });
  } finally {
    process.env["NODE_ENV"] = before;
  }
  const browser = createTestBrowser();
  for (const code of codes) {
    const { body } = await browser.navigate(`${live.url}/fails/${code}`);
    expect(body).toContain(code);
    expect(body).not.toMatch(/diagnosis|description|developer|<details/);
  }
  await live.close();
});
