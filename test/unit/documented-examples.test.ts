/** docs/testing.md shows the files of examples/ as they are. */
import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";

const root = path.join(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/testing.md"), "utf8");

// A name alone in its line, and the code below it.
const shown = [
  ...page.matchAll(/^`([\w./-]+)`\n\n```[jt]s\n(.*?)^```$/gms),
].map(([, file = "", code = ""]) => [file, code] as const);

test("docs/testing.md shows a complete test for each framework", () => {
  expect(shown.map(([file]) => file)).toEqual([
    "jest/app.js",
    "jest/app.test.js",
    "jest-commonjs/jest.config.js",
    "jest-commonjs/app.test.js",
    "vitest/app.test.ts",
    "node-test/app.test.js",
  ]);
});

test.each(shown)("docs/testing.md: %s is the file", (file, code) => {
  expect(code).toBe(readFileSync(path.join(root, "examples", file), "utf8"));
});
