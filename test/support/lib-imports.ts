/** Reads from the sources in lib/ what they import and how they begin. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import ts from "typescript";

/** How an import is there: "type" is gone at run time, "dynamic" is `import()`. */
export type ImportKind = "static" | "dynamic" | "type";

/** One import, or re-export, of a source file. */
export interface SourceImport {
  readonly kind: ImportKind;
  /** A path below lib/ such as "http/answer.ts", or the name of a package. */
  readonly target: string;
  readonly isLocal: boolean;
}

/** What the architecture tests look at in a file of lib/. */
export interface SourceFile {
  /** Path below lib/. */
  readonly file: string;
  readonly imports: readonly SourceImport[];
  /** The text of the comment before everything else; "" when there is none. */
  readonly firstComment: string;
  readonly hasTopLevelAwait: boolean;
}

const LIB = path.resolve(import.meta.dirname, "../../lib");

/** Every file of lib/. */
export function readLib(): SourceFile[] {
  return readdirSync(LIB, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replaceAll(path.sep, "/"))
    .sort()
    .map((file) =>
      readSource(file, readFileSync(path.join(LIB, file), "utf8")),
    );
}

/** What a file of lib/ with this text would import. */
export function readSource(file: string, text: string): SourceFile {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
  return {
    file,
    imports: importsOf(source).map(({ kind, specifier }) => ({
      kind,
      isLocal: specifier.startsWith("."),
      target: specifier.startsWith(".")
        ? path.posix
            .join(path.posix.dirname(file), specifier)
            .replace(/\.js$/, ".ts")
        : packageOf(specifier),
    })),
    firstComment: firstCommentOf(text),
    hasTopLevelAwait: hasTopLevelAwait(source),
  };
}

interface FoundImport {
  readonly kind: ImportKind;
  readonly specifier: string;
}

function importsOf(source: ts.SourceFile): FoundImport[] {
  const found: FoundImport[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      // `import { type A }` keeps `import "x"` under verbatimModuleSyntax, so
      // only `import type` counts as a type.
      const isType =
        node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      found.push({
        kind: isType ? "type" : "static",
        specifier: textOf(node.moduleSpecifier),
      });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      found.push({
        kind: node.isTypeOnly ? "type" : "static",
        specifier: textOf(node.moduleSpecifier),
      });
    } else if (ts.isImportTypeNode(node)) {
      const { argument } = node;
      found.push({
        kind: "type",
        specifier: ts.isLiteralTypeNode(argument)
          ? textOf(argument.literal)
          : "?",
      });
    } else if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword
    ) {
      found.push({ kind: "dynamic", specifier: textOf(node.arguments[0]) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function textOf(node: ts.Node | undefined): string {
  // An import whose name is computed cannot be followed: "?" is on no list.
  return node && ts.isStringLiteralLike(node) ? node.text : "?";
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function firstCommentOf(text: string): string {
  const comment = /^(?:#!.*\n)?\/\*\*(.*?)\*\//s.exec(text)?.[1] ?? "";
  return comment.replace(/\s*\n\s*\*\s*/g, " ").trim();
}

function hasTopLevelAwait(source: ts.SourceFile): boolean {
  let found = false;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isAwaitExpression(node)) found = true;
    if (ts.isForOfStatement(node) && node.awaitModifier) found = true;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
