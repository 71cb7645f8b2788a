/** docs/sessions-and-tokens.md names a test in each row, and it exists. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@jest/globals";

import { isTestTitle } from "../support/test-titles.js";

const page = readFileSync(
  join(import.meta.dirname, "../../docs/sessions-and-tokens.md"),
  "utf8",
);

const named = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.includes("| shown by"))
  .flatMap(
    (line) => /"(?<title>[^"]+)" *\|$/.exec(line)?.groups?.["title"] ?? [],
  )
  .map((title) => title.replaceAll("\\*", "*"));

test("docs/sessions-and-tokens.md names a test in each row", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| "));
  // Less the heading and the line below it, which begins with "| -".
  expect(named.length).toBe(rows.length - 2);
});

test.each(named)("there is a test titled: %s", (title) => {
  expect(isTestTitle(title)).toBe(true);
});
