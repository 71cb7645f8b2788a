/** What axe-core finds wrong with a page: rules of WCAG 2.2 A and AA, and its own best practices. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import type { Page } from "playwright-core";

const source = readFile(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Every violation, with the elements that have it. */
export async function accessibilityProblems(
  page: Page,
): Promise<readonly string[]> {
  // By the debugger, which no Content Security Policy binds.
  await page.evaluate(`${await source};undefined`);
  const violations = await page.evaluate<readonly Violation[]>(
    "axe.run().then(({ violations }) => violations)",
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html }) => `${id}: ${help}: ${html}`),
  );
}
