/** The option `pages`: the kit's own pages have the application's look and the user's language. */
import { afterEach, describe, expect, test } from "@jest/globals";

import type { LoginKitOptions, PageOptions } from "../../lib/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser, type Page } from "../support/test-browser.js";

let w: LyingWorld;
afterEach(() => w.close());

const start = async (
  pages: PageOptions,
  kit: Partial<LoginKitOptions> = {},
): Promise<void> => {
  w = await lyingWorld({ kit: { ...kit, pages } });
};

/** The page of a sign-in that failed. */
const failure = (language = "en", query = ""): Promise<Page> =>
  createTestBrowser().navigate(
    `${w.url}/login?return_to=//evil.example${query}`,
    { headers: { "Accept-Language": language } },
  );

const policyOf = ({ response }: Page): string[] =>
  (response.headers.get("content-security-policy") ?? "").split("; ");

const GERMAN = {
  ERR_RETURN_TO_INVALID: { title: "Das ist keine Seite von uns" },
  "action.sign-in-again": "Noch einmal <anmelden>",
  "sign-out.title": "Abmelden?",
  "action.stay-signed-in": "Angemeldet bleiben",
};

describe("the look", () => {
  test("without the option a page has no name, loads nothing, and leads back", async () => {
    await start({});
    const page = await failure();
    expect(page.body).toContain("<title>The page to return to");
    expect(page.body).not.toMatch(/<header|<link|<img/);
    expect(page.body).toContain('<a href="/">Back to the application</a>');
  });

  test("name, logo and style sheet are on the page, escaped", async () => {
    await start({
      name: "Bits & <Bobs>",
      logo: "/logo.svg?v=1&w=2",
      styleSheet: "https://cdn.example/a;b.css",
    });
    const { body } = await failure();
    expect(body).toContain(" - Bits &amp; &lt;Bobs&gt;</title>");
    expect(body).toContain(
      '<header><img src="/logo.svg?v=1&amp;w=2" alt="Bits &amp; &lt;Bobs&gt;"></header>',
    );
    expect(body).toContain(
      '<link rel="stylesheet" href="https://cdn.example/a;b.css">',
    );
  });

  test("ASVS 3.4.3: the policy opens for these addresses, and for nothing else", async () => {
    await start({
      logo: "/logo.svg?v=1",
      styleSheet: "https://cdn.example/a;b.css",
    });
    expect(policyOf(await failure())).toEqual([
      "default-src 'none'",
      expect.stringMatching(
        /^style-src 'sha256-[^' ]+' https:\/\/cdn\.example\/a%3Bb\.css$/,
      ),
      `img-src ${w.url}/logo.svg`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
  });

  test("a name without a logo stands as text, and a data URL is a logo", async () => {
    await start({ name: "Shop" });
    expect((await failure()).body).toContain("<header>Shop</header>");
    await w.close();
    await start({ logo: "data:image/svg+xml,%3Csvg/%3E" });
    expect(policyOf(await failure())).toContain("img-src data:");
  });

  test("every page leads back to postLogoutReturnTo", async () => {
    await start({}, { postLogoutReturnTo: "/start?a=1&b=2" });
    expect((await failure()).body).toContain('href="/start?a=1&amp;b=2"');
  });
});

describe("the language", () => {
  test.each([
    ["Accept-Language", "de-AT, en;q=0.5", "", "de"],
    ["the order of Accept-Language", "fr, de;q=0.1, en;q=0.5", "", "en"],
    ["ui_locales before Accept-Language", "en", "&ui_locales=fr+de", "de"],
    ["English where nothing is spoken", "fr, *;q=0.1", "", "en"],
    ["English for no language", "x", "&ui_locales=%00", "en"],
    ["no range longer than tags are", `de${"-a".repeat(17)}`, "", "en"],
    [
      "no range of ui_locales longer than tags are",
      "en",
      `&ui_locales=de${"-a".repeat(17)}`,
      "en",
    ],
    [
      "the first twenty of Accept-Language",
      `${"x-a, ".repeat(20)}de`,
      "",
      "en",
    ],
  ])("follows %s", async (_what, header, query, language) => {
    await start({ texts: { de: GERMAN } });
    const page = await failure(header, query);
    expect(page.body).toContain(`<html lang="${language}">`);
    expect(page.response.headers.get("content-language")).toBe(language);
    const isGerman = page.body.includes(GERMAN.ERR_RETURN_TO_INVALID.title);
    expect(isGerman).toBe(language === "de");
  });

  test("what is not translated stays English, and texts are no HTML", async () => {
    await start({ texts: { de: GERMAN } });
    const { body } = await failure("de");
    expect(body).toContain("return_to is not a path on this application");
    expect(body).toContain("Noch einmal &lt;anmelden&gt;");
    expect(body).toContain("Back to the application");
  });

  test("is written in its direction", async () => {
    await start({ texts: { ar: {}, "sr-Latn": {} } });
    expect((await failure("ar-EG")).body).toContain(
      '<html lang="ar" dir="rtl">',
    );
    expect((await failure("sr-Latn-RS")).body).toContain(
      '<html lang="sr-Latn">',
    );
  });

  test("en replaces English texts", async () => {
    await start({ texts: { en: { "action.back": "Back to the shop" } } });
    expect((await failure("en-GB")).body).toContain("Back to the shop");
  });

  test("is that of the question before signing out", async () => {
    await start({ texts: { de: GERMAN } });
    const browser = await w.signIn("alice");
    const { body } = await browser.navigate(`${w.url}/logout`, {
      headers: { "Accept-Language": "de" },
    });
    expect(body).toContain("<h1>Abmelden?</h1>");
    expect(body).toContain('<a href="/">Angemeldet bleiben</a>');
  });

  test("problem+json stays English: programs read it", async () => {
    await start({ texts: { de: GERMAN } });
    const answer = await createTestBrowser().fetchJson(
      `${w.url}/login?return_to=//evil.example`,
      { headers: { "Accept-Language": "de" } },
    );
    expect(await answer.json()).toMatchObject({
      title: "The page to return to is not one of ours",
    });
  });
});
