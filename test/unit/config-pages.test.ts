/** readConfig: the look and the language of the kit's pages. */
import { expect, test } from "@jest/globals";

import { pageTexts } from "../../lib/base/page-texts.js";
import { problemsOf, read } from "../support/read-options.js";

test("paths have the prefix of baseUrl, and URLs are as they are", () => {
  const { pages } = read({
    baseUrl: "https://example.com/shop",
    pages: { logo: "/logo.svg", styleSheet: "https://cdn.example/pages.css" },
  });
  expect(pages).toMatchObject({
    logo: "/shop/logo.svg",
    styleSheet: "https://cdn.example/pages.css",
  });
});

test.each<[object, RegExp]>([
  [{ title: "Shop" }, /^pages: unknown option title/],
  [{ name: "" }, /^pages\.name: must not be empty/],
  [{ logo: "//evil.example/x.svg" }, /^pages\.logo: must be a path/],
  [{ logo: "javascript:alert(1)" }, /^pages\.logo: must be a path/],
  [{ logo: "data:text/html,x" }, /^pages\.logo: must be a path/],
  [{ styleSheet: "http://cdn.example/x.css" }, /^pages\.styleSheet: must be/],
  [{ styleSheet: "data:text/css,x" }, /^pages\.styleSheet: must be/],
  [{ texts: { german_: {} } }, /^pages\.texts\.german_: is no language tag/],
  [{ texts: { de: { ERR_ANY: {} } } }, /^pages\.texts\.de: unknown option/],
  [
    { texts: { de: { "action.sign-up": "x" } } },
    /did you mean action\.sign-in\?/,
  ],
  [
    { texts: { de: { ERR_LOGIN_LOOP: { text: "x" } } } },
    /^pages\.texts\.de\.ERR_LOGIN_LOOP: unknown option text/,
  ],
  [
    { texts: { de: { ERR_LOGIN_LOOP: "x" } } },
    /^pages\.texts\.de\.ERR_LOGIN_LOOP: must be a plain object/,
  ],
])("%j stops the start", (pages, told) => {
  expect(problemsOf({ pages })).toEqual([expect.stringMatching(told)]);
});

test("every text may be translated", () => {
  const texts = { fr: { ...pageTexts } };
  expect(read({ pages: { texts } }).pages.texts).toEqual(texts);
});
