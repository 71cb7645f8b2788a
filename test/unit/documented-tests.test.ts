/** docs/sessions-and-tokens.md names a test for each failure, and it exists. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@jest/globals";

import { isTestTitle } from "../support/test-titles.js";

const page = readFileSync(
  join(import.meta.dirname, "../../docs/sessions-and-tokens.md"),
  "utf8",
);
const [, table = ""] =
  /^## What a failure does[^]*?\n\n(\|[^]*?)\n\n/m.exec(page) ?? [];
const rows = table.split("\n").slice(2);

const named = rows
  .flatMap(
    (line) => /"(?<title>[^"]+)" *\|$/.exec(line)?.groups?.["title"] ?? [],
  )
  .map((title) => title.replaceAll("\\*", "*"));

test("docs/sessions-and-tokens.md names a test for each failure", () => {
  expect(named.length).toBe(rows.length);
  expect(named.length).toBeGreaterThan(20);
});

test.each(named)("there is a test titled: %s", (title) => {
  expect(isTestTitle(title)).toBe(true);
});
