/** The pages of docs/providers: one for each recipe, of one model, with code that compiles. */
import { readFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";
import ts from "typescript";

import * as recipes from "../../lib/providers/index.js";
import {
  codeOf,
  pageNames,
  pageText,
} from "../support/look-alikes/provider-pages.js";

const ROOT = path.join(import.meta.dirname, "../..");

/** Pages about a provider that cannot be used, whose recipe says so. */
const IMPOSSIBLE = ["linkedIn"];

const pages = pageNames().map((name) => [name] as const);

test("each recipe has a page, and each page a recipe", () => {
  expect(pageNames().sort()).toEqual(Object.keys(recipes).sort());
});

test.each(pages)("docs/providers.md has a row for %s", (name) => {
  const list = readFileSync(path.join(ROOT, "docs/providers.md"), "utf8");
  expect(list).toContain(`](providers/${name}.md)`);
});

test.each(pages)("docs/providers/%s.md says first what was tried", (name) => {
  expect(pageText(name)).toMatch(
    /^# .+\n\n(?:Tried against the real one \(.+\)|Tried against a look-alike|Not tried)\./,
  );
});

test.each(pages.filter(([name]) => !IMPOSSIBLE.includes(name)))(
  "docs/providers/%s.md has the parts of every page",
  (name) => {
    const headings = [...pageText(name).matchAll(/^## (.+)$/gm)];
    expect(headings.map(([, heading]) => heading)).toEqual([
      "Register",
      "Set",
      "What works there",
      "Limits",
    ]);
    for (const subject of [
      "Refresh",
      "Logout",
      "Back-channel logout",
      "Step-up",
      "User info",
    ]) {
      expect(pageText(name)).toContain(`\n- **${subject}**: `);
    }
    expect(codeOf(name).length).toBeGreaterThan(0);
  },
);

describe("the code of the pages", () => {
  // An application knows that its environment is set.
  const PROCESS =
    "const process = {} as { env: Record<string, string> }; void process;";
  // What a page may import beside the kit.
  const keyFile = path.join(ROOT, "docs/providers/client-key.ts");
  const key = `import type { webcrypto } from "node:crypto";
export declare const key: webcrypto.CryptoKey;`;
  const sources = new Map([
    [keyFile, key],
    ...pageNames().flatMap((name) =>
      codeOf(name).map(
        (code, block) =>
          [
            path.join(ROOT, "docs/providers", `${name}-${String(block)}.ts`),
            `${PROCESS}\n${code}`,
          ] as const,
      ),
    ),
  ]);

  test("compiles", () => {
    expect(problemsIn(sources)).toEqual([]);
  });

  test("would not with a parameter that the recipe does not have", () => {
    const file = path.join(ROOT, "docs/providers/wrong.ts");
    const code = `import { zitadel } from "express-login-kit/providers";
export const options = zitadel({ url: "https://a.example", project: "1" });`;
    expect(problemsIn(new Map([[file, code]]))).toEqual([
      expect.stringContaining("'project' does not exist"),
    ]);
  });
});

/** What the compiler says about files that are not on the disk, beside those that are. */
function problemsIn(sources: ReadonlyMap<string, string>): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
    paths: {
      "express-login-kit": [path.join(ROOT, "lib/index.ts")],
      "express-login-kit/providers": [
        path.join(ROOT, "lib/providers/index.ts"),
      ],
    },
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => sources.has(file) || disk.fileExists(file),
    readFile: (file) => sources.get(file) ?? disk.readFile(file),
    getSourceFile(file, ...more) {
      const text = sources.get(file);
      return text === undefined
        ? disk.getSourceFile(file, ...more)
        : ts.createSourceFile(file, text, ts.ScriptTarget.ES2023);
    },
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return [...sources.keys()].flatMap((file) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(
        ({ messageText }) =>
          `${path.basename(file)}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
      ),
  );
}
