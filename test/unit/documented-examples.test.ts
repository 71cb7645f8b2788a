/** docs/testing.md and the guides show the files of examples/ as they are. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";

import { codeBlocksOf } from "../support/code-blocks.js";

const root = path.join(import.meta.dirname, "../..");
const guides = readdirSync(path.join(root, "docs/guides"));

// A name alone in its line, and the code below it.
const shown = ["testing.md", ...guides.map((guide) => `guides/${guide}`)]
  .filter((page) => page.endsWith(".md"))
  .flatMap((page) =>
    codeBlocksOf(`docs/${page}`)
      .filter(({ file, before }) => before === `\`${String(file)}\``)
      .map(({ file = "", code }) => [page, file, code] as const),
  );

test("docs/testing.md shows a complete test for each framework", () => {
  expect(filesShownBy("testing.md")).toEqual([
    "jest/app.js",
    "jest/app.test.js",
    "jest-commonjs/jest.config.js",
    "jest-commonjs/app.test.js",
    "vitest/app.test.ts",
    "node-test/app.test.js",
  ]);
});

test("the guides show the examples that they explain", () => {
  expect(filesShownBy("guides/single-page-app-vite.md")).toEqual([
    "vite-react/server.js",
    "vite-react/vite.config.js",
    "vite-react/src/App.jsx",
  ]);
  expect(filesShownBy("guides/several-services.md")).toEqual([
    "several-services/app.js",
    "several-services/service.js",
  ]);
});

test.each(shown)("docs/%s: %s is the file", (_page, file, code) => {
  expect(code).toBe(readFileSync(path.join(root, "examples", file), "utf8"));
});

function filesShownBy(wanted: string): string[] {
  return shown.filter(([page]) => page === wanted).map(([, file]) => file);
}
