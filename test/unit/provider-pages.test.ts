/** The pages of docs/providers: one for each recipe, of one model. */
import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";

import * as recipes from "../../lib/providers/index.js";
import {
  codeOf,
  pageNames,
  pageText,
} from "../support/look-alikes/provider-pages.js";

const ROOT = path.join(import.meta.dirname, "../..");

/** Pages about a provider that cannot be used, whose recipe says so. */
const IMPOSSIBLE = ["linkedIn"];

const pages = pageNames().map((name) => [name] as const);

test("each recipe has a page, and each page a recipe", () => {
  expect(pageNames().sort()).toEqual(Object.keys(recipes).sort());
});

test.each(pages)("docs/providers.md has a row for %s", (name) => {
  const list = readFileSync(path.join(ROOT, "docs/providers.md"), "utf8");
  expect(list).toContain(`](providers/${name}.md)`);
});

test.each(pages)("docs/providers/%s.md says first what was tried", (name) => {
  expect(pageText(name)).toMatch(
    /^# .+\n\n(?:Tried against the real one \(.+\)|Tried against a look-alike|Not tried)\./,
  );
});

test.each(pages.filter(([name]) => !IMPOSSIBLE.includes(name)))(
  "docs/providers/%s.md has the parts of every page",
  (name) => {
    const headings = [...pageText(name).matchAll(/^## (.+)$/gm)];
    expect(headings.map(([, heading]) => heading)).toEqual([
      "Register",
      "Set",
      "What works there",
      "Limits",
    ]);
    for (const subject of [
      "Refresh",
      "Logout",
      "Back-channel logout",
      "Step-up",
      "User info",
    ]) {
      expect(pageText(name)).toContain(`\n- **${subject}**: `);
    }
    expect(codeOf(name).length).toBeGreaterThan(0);
  },
);
