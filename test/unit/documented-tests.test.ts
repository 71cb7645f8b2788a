import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@jest/globals";

const TESTS = join(import.meta.dirname, "..");

const sources = readdirSync(TESTS, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => readFileSync(join(TESTS, file), "utf8"))
  .join("\n");

const page = readFileSync(
  join(TESTS, "../docs/sessions-and-tokens.md"),
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
  expect(sources).toContain(title);
});
