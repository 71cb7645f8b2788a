/** The index of docs/guides names every guide, and a guide says what it is for. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";

const FOLDER = path.join(import.meta.dirname, "../../docs/guides");
const INDEX = "README.md";
const guides = readdirSync(FOLDER).filter(
  (file) => file.endsWith(".md") && file !== INDEX,
);

test.each(guides)("the index of the guides has a link to %s", (guide) => {
  const index = readFileSync(path.join(FOLDER, INDEX), "utf8");
  expect(index).toContain(`](${guide})`);
});

test.each(guides)("%s says first what its reader has at the end", (guide) => {
  const text = readFileSync(path.join(FOLDER, guide), "utf8");
  expect(text).toMatch(/^# .+\n\nAt the end /);
});
