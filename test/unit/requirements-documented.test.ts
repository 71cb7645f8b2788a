/** docs/requirements.md says of every requirement what shows it, and the tests that it names exist. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@jest/globals";

import { REQUIREMENT_IDS } from "../support/requirement-ids.js";
import { isTestTitle } from "../support/test-titles.js";

const rows = readFileSync(
  join(import.meta.dirname, "../../docs/requirements.md"),
  "utf8",
)
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (?:Id |-)/.test(line))
  .map((line) =>
    line
      .slice(2, -1)
      .trimEnd()
      .split(/ *\| */),
  )
  .map(([id = "", rule = "", shownBy = ""]) => ({
    id,
    rule,
    shownBy: shownBy.split("<br>"),
  }));

const named = rows.flatMap(({ id, shownBy }) =>
  shownBy.flatMap((what) => {
    const { file, title } = /^`(?<file>[^`]+)`: `(?<title>[^`]+)`$/.exec(what)
      ?.groups ?? { file: undefined, title: undefined };
    return file === undefined || title === undefined
      ? []
      : [{ id, what, file, title }];
  }),
);

test("docs/requirements.md has one row for each requirement", () => {
  const documented = rows.map(({ id }) => id);
  expect([...documented].sort()).toEqual([...REQUIREMENT_IDS].sort());
});

test("every row says what the rule is, and names a test or a reason", () => {
  const tests = new Set(named.map(({ what }) => what));
  const reason =
    /^(?:Not applicable|Left to the application|Not done), because \S.*\.$/;
  const odd = rows.filter(
    ({ rule, shownBy }) =>
      rule === "" ||
      !shownBy.every((what) => tests.has(what) || reason.test(what)),
  );
  expect(odd).toEqual([]);
});

test("every test that is named exists in the file that is named", () => {
  const missing = named.filter(({ file, title }) => !isTestTitle(title, file));
  expect(missing).toEqual([]);
  expect(named.length).toBeGreaterThan(300);
});
