/** The option `pages` in Chromium: logo, style sheet and language are there, and nothing breaks the policy or the layout. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";

const PROBLEMS = readFileSync(
  join(import.meta.dirname, "fixtures/page-problems.js"),
  "utf8",
);
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><rect width="120" height="40" fill="#0a7"/></svg>';

let chromium: Browser;
let w: LyingWorld;
let context: BrowserContext;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  chromium = await launchChromium();
  w = await lyingWorld({
    kit: {
      pages: {
        name: "Der Laden",
        logo: "/logo.svg",
        styleSheet: "/pages.css",
        texts: {
          de: {
            "sign-out.title": "Abmelden?",
            "action.sign-out": "Abmelden",
            "action.stay-signed-in": "Angemeldet bleiben",
          },
          ar: { "sign-out.title": "تسجيل الخروج؟" },
        },
      },
    },
    routes(app) {
      app.get("/logo.svg", (_req, res) => {
        res.type("svg").send(LOGO);
      });
      app.get("/pages.css", (_req, res) => {
        res.type("css").send("h1{letter-spacing:3px}");
      });
    },
  });
});
afterAll(async () => {
  await chromium.close();
  await w.close();
});

beforeEach(() => {
  complaints = [];
});

/** Opens the question before signing out, as a user who reads this language. */
async function openIn(locale: string): Promise<void> {
  context = await chromium.newContext({ locale });
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) {
      complaints.push(message.text());
    }
  });
  await page.goto(`${w.url}/login?return_to=/logout`);
  await page.waitForURL(`${w.url}/logout`);
}

const shown = <Value>(script: string): Promise<Value> =>
  page.evaluate<Value>(script);

test("logo and style sheet are loaded, and the texts are in the user's language", async () => {
  await openIn("de-CH");
  expect(await page.title()).toBe("Abmelden? - Der Laden");
  await page.getByAltText("Der Laden").waitFor();
  expect(await shown(`document.images[0].naturalWidth`)).toBe(120);
  const spacing = `getComputedStyle(document.querySelector("h1")).letterSpacing`;
  expect(await shown(spacing)).toBe("3px");
  await page.getByRole("link", { name: "Angemeldet bleiben" }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test.each(["de", "ar"])(
  "in %s it fits 360 and 1280 pixels, light and dark",
  async (locale) => {
    await openIn(locale);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 640 });
        const problems = await shown<string[]>(PROBLEMS);
        // What an English page without a name has to be.
        const others = problems.filter(
          (problem) => !/^(?:lang|the title) is /.test(problem),
        );
        expect(others).toEqual([]);
      }
    }
    const direction = `getComputedStyle(document.body).direction`;
    expect(await shown(direction)).toBe(locale === "ar" ? "rtl" : "ltr");
    expect(complaints).toEqual([]);
    await context.close();
  },
);
