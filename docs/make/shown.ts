/** What each test shows: the requirements and error codes that its title, or the comment before it, names. */
import ts from "typescript";

import { parse } from "./declarations.js";

/** A test, and what it shows. */
export interface Shown {
  /** Path below `test/`. */
  readonly file: string;
  /** As it is written, `%s` and its like included. */
  readonly title: string;
  /** Requirements, by title or comment, and error codes, by comment. */
  readonly ids: readonly string[];
}

const REQUIREMENT =
  /\b(?:CORE|DISC|RPIL|BCL|FCL|OA|BT|PK|RV|RI|AT|PAR|JAR|JARM|ISS|DP|SU|MT|RAR|BCP|BFF|F2)-\d\d\b/g;
/** One section or several: "ASVS 3.3.1, 3.3.2". */
const ASVS = /\bASVS (\d+\.\d+\.\d+(?:, \d+\.\d+\.\d+)*)/g;
const ERROR_CODE = /\bERR_[A-Z_]+\b/g;

/** Stands before a test, or before the title where that is an argument of something else. */
const COMMENT = /^ *\/\/ Shows: (?<ids>.*)\n\s*/gm;

/**
 * Reads the tests of a file. A group (`describe`) shows what the comment before
 * it names, and nothing by its title: its tests have titles of their own.
 *
 * @throws {Error} for a comment that no title follows
 */
export function readShown(file: string, text: string): Shown[] {
  const comments = new Map<number, string>();
  for (const { index, 0: whole, groups } of text.matchAll(COMMENT)) {
    comments.set(index + whole.length, groups?.["ids"] ?? "");
  }
  const found: Shown[] = [];
  visit(parse(file, text));
  if (comments.size > 0) {
    throw new Error(
      `${file}: no title follows "Shows: ${[...comments.values()].join(" | ")}"`,
    );
  }
  return found;

  function visit(node: ts.Node): void {
    if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) {
      const { start, isGroup } = placeOf(node);
      const title = node.getText().slice(1, -1);
      const comment = comments.get(start) ?? "";
      comments.delete(start);
      const ids = [
        ...(isGroup ? [] : requirementsIn(title)),
        ...requirementsIn(comment),
        ...(comment.match(ERROR_CODE) ?? []),
      ];
      // A text of ids alone is a part of a title.
      if (ids.length > 0 && /[a-z]{2}/.test(title)) {
        found.push({ file, title, ids });
      }
    }
    ts.forEachChild(node, visit);
  }
}

/** Where a title's comment ends: before the statement, or before the title itself. */
function placeOf(node: ts.Node): {
  readonly start: number;
  readonly isGroup: boolean;
} {
  const { parent: call } = node;
  return ts.isCallExpression(call) &&
    call.arguments[0] === node &&
    ts.isExpressionStatement(call.parent)
    ? {
        start: call.parent.getStart(),
        isGroup: call.getText().startsWith("describe"),
      }
    : { start: node.getStart(), isGroup: false };
}

function requirementsIn(text: string): string[] {
  return [
    ...(text.match(REQUIREMENT) ?? []),
    ...[...text.matchAll(ASVS)].flatMap(([, sections = ""]) =>
      sections.split(", "),
    ),
  ];
}
