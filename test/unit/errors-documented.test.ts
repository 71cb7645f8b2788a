/** docs/errors.md says of every code what the kit says, and names no other code. */
import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";

import { type FailureText, failureTexts } from "../../lib/errors.js";

const documented = readSections(
  readFileSync(path.join(import.meta.dirname, "../../docs/errors.md"), "utf8"),
);

test.each(Object.entries(failureTexts))(
  "%s is documented with its status, title, cause and remedy",
  (code, text) => {
    expect(documented.get(code)).toEqual(text);
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

/** The sections below "The codes": a heading, the title, and three list items. */
function readSections(markdown: string): Map<string, FailureText> {
  const sections = markdown.split(/^#### /m).slice(1);
  const found = new Map<string, FailureText>();
  for (const section of sections) {
    const [code = "", title = ""] = section.split("\n\n");
    expect(found.has(code)).toBe(false);
    found.set(code, {
      status: Number(itemOf(section, "Status")),
      title,
      cause: itemOf(section, "Cause"),
      remedy: itemOf(section, "Remedy"),
    });
  }
  return found;
}

function itemOf(section: string, name: string): string {
  return new RegExp(`^- ${name}: (.*)$`, "m").exec(section)?.[1] ?? "";
}
