/** What grows unnoticed stays small: files, functions, and bags of collaborators. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";
import ts from "typescript";

const LIB = path.join(import.meta.dirname, "../../lib");

/** Lines of a file; the table of error codes has no end. */
const MAX_FILE = 300;
const TABLE_OF_CODES = "base/failure-texts.ts";

const MAX_FUNCTION = 80;
const MAX_KIT = 150;

/** Interfaces that only bundle what a function works with. */
const BAG = /(?:Deps|Parts|Collaborators)$/;
const MAX_BAGS = 12;

const files = readdirSync(LIB, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .sort()
  .map((file) => ({ file, text: readFileSync(path.join(LIB, file), "utf8") }));

test(`no file of lib has more than ${MAX_FILE} lines`, () => {
  const longer = files
    .filter(({ file }) => file !== TABLE_OF_CODES)
    .map(({ file, text }) => `${file}: ${linesOf(text)}`)
    .filter((line) => Number(line.split(": ")[1]) > MAX_FILE);
  expect(longer).toEqual([]);
});

test(`kit.ts has at most ${MAX_KIT} lines`, () => {
  const kit = files.find(({ file }) => file === "kit.ts");
  expect(linesOf(kit?.text ?? "")).toBeLessThanOrEqual(MAX_KIT);
  expect(kit?.text).toContain("createLoginKit");
});

test(`no function of lib has more than ${MAX_FUNCTION} lines`, () => {
  expect(files.flatMap(longFunctions)).toEqual([]);
});

test(`at most ${MAX_BAGS} interfaces only bundle collaborators`, () => {
  const bags = files.flatMap(({ file, text }) =>
    statementsOf(file, text)
      .filter((statement) => ts.isInterfaceDeclaration(statement))
      .map(({ name }) => name.text)
      .filter((name) => BAG.test(name)),
  );
  expect(bags.length).toBeLessThanOrEqual(MAX_BAGS);
});

test("flow/ has seven numbered files and nothing else", () => {
  const flow = files
    .map(({ file }) => file.split(path.sep))
    .filter(([room]) => room === "flow")
    .map(([, name = ""]) => name);
  expect(flow.map((name) => Number(name[0]))).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("these tests notice a long function, also one that is given out", () => {
  const body = "\n".repeat(MAX_FUNCTION);
  for (const text of [
    `function one() {${body}}`,
    `export const two = () => {${body}};`,
    `class Three { method() {${body}} }`,
  ]) {
    expect(longFunctions({ file: "a.ts", text })).toHaveLength(1);
  }
});

function longFunctions({
  file,
  text,
}: {
  readonly file: string;
  readonly text: string;
}): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const lines = linesOf(node.getText());
      if (lines > MAX_FUNCTION) {
        const name = node.name?.getText() ?? "a function";
        found.push(`${file}: ${name}, ${lines} lines`);
      }
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(parsed(file, text), visit);
  return found;
}

function statementsOf(file: string, text: string): readonly ts.Statement[] {
  return parsed(file, text).statements;
}

function parsed(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

function linesOf(text: string): number {
  return text.trimEnd().split("\n").length;
}
