/** test/mutants/mutants.json fits: each line to break is in lib once, and the tests that have to notice exist. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@jest/globals";

interface Mutant {
  readonly file: string;
  readonly text: string;
  readonly becomes: string;
  readonly test: string;
  readonly title: string;
  readonly loss: string;
}

const ROOT = join(import.meta.dirname, "../..");

const mutants = JSON.parse(read("test/mutants/mutants.json")) as Mutant[];

function read(path: string): string {
  const file = join(ROOT, path);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

test("there are at least 40 lines to break, and none twice", () => {
  const lines = new Set(mutants.map(({ file, text }) => `${file} ${text}`));
  expect(lines.size).toBe(mutants.length);
  expect(lines.size).toBeGreaterThanOrEqual(40);
});

test.each(mutants)(
  "the line is in $file once: $loss",
  ({ file, text, becomes }) => {
    expect(read(file).split(text)).toHaveLength(2);
    expect(becomes).not.toBe(text);
  },
);

test.each(mutants)(
  "the test is in $test: $title",
  ({ test: path, title, loss }) => {
    expect(title).not.toBe("");
    expect(read(path)).toContain(title);
    expect(loss).toMatch(/^[A-Z].*\.$/);
  },
);
