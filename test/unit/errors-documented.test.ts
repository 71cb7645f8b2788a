/** docs/errors.md says of every code what the kit says and which test provokes it, and names no other code. */
import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";

import { type FailureText, failureTexts } from "../../lib/errors.js";
import { isTestTitle } from "../support/test-titles.js";

const documented = readSections(
  readFileSync(path.join(import.meta.dirname, "../../docs/errors.md"), "utf8"),
);

test.each(Object.entries(failureTexts))(
  "%s is documented with its status, title, cause and remedy",
  (code, text) => {
    expect(documented.get(code)?.text).toEqual(text);
  },
);

test.each(Object.keys(failureTexts))(
  "%s is documented with a test that provokes it, and the test exists",
  (code) => {
    const test = documented.get(code)?.test ?? "";
    const { file = "", title = "" } =
      /^`(?<file>[^`]+)`: (?<title>.+)$/.exec(test)?.groups ?? {};
    expect([test, isTestTitle(title, file)]).toEqual([test, true]);
  },
);

test("every documented code exists", () => {
  const unknown = [...documented.keys()].filter(
    (code) => !Object.hasOwn(failureTexts, code),
  );
  expect(unknown).toEqual([]);
});

test("every code has a client or server error status, and texts that are sentences", () => {
  for (const { status, cause, remedy } of Object.values(failureTexts)) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(cause).toMatch(/\.$/);
    expect(remedy).toMatch(/\.$/);
  }
});

/** What is said of one code. */
interface Section {
  readonly text: FailureText;
  /** File and title, as they are written. */
  readonly test: string;
}

/** The sections below "The codes": a heading, the title, and four list items. */
function readSections(markdown: string): Map<string, Section> {
  const sections = markdown.split(/^#### /m).slice(1);
  const found = new Map<string, Section>();
  for (const section of sections) {
    const [code = "", title = ""] = section.split("\n\n");
    expect(found.has(code)).toBe(false);
    found.set(code, {
      text: {
        status: Number(itemOf(section, "Status")),
        title,
        cause: itemOf(section, "Cause"),
        remedy: itemOf(section, "Remedy"),
      },
      test: itemOf(section, "Test"),
    });
  }
  return found;
}

function itemOf(section: string, name: string): string {
  return new RegExp(`^- ${name}: (.*)$`, "m").exec(section)?.[1] ?? "";
}
