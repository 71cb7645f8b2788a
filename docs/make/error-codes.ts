/** Writes the error codes: what happened, what to do about it, and a test that provokes it. */
import ts from "typescript";

import { leadingComments, parse } from "./declarations.js";
import { testLine } from "./requirements.js";
import type { Shown } from "./shown.js";

/**
 * A heading for each code of the table of codes, and for each group that a
 * line comment in it begins.
 *
 * @throws {Error} for a code that no test provokes
 */
export function errorCodes(
  file: string,
  text: string,
  shown: readonly Shown[],
): string {
  return tableOf(parse(file, text))
    .properties.filter((property) => ts.isPropertyAssignment(property))
    .flatMap((property) => {
      const code = property.name.getText();
      const tests = shown.filter(({ ids }) => ids.includes(code));
      if (tests.length === 0) {
        throw new Error(`no test has the comment "// Shows: ${code}"`);
      }
      const texts = textsOf(property.initializer);
      const group = leadingComments(text, property.pos).at(-1);
      return [
        ...(group === undefined ? [] : [`### ${group.slice(2).trim()}`]),
        `#### ${code}`,
        texts["title"],
        [
          `- Status: ${String(texts["status"])}`,
          `- Cause: ${String(texts["cause"])}`,
          `- Remedy: ${String(texts["remedy"])}`,
          ...tests.map((test) => `- Test: ${testLine(test)}`),
        ].join("\n"),
      ];
    })
    .join("\n\n");
}

function tableOf(source: ts.SourceFile): ts.ObjectLiteralExpression {
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList
      .declarations) {
      if (
        name.getText() === "rows" &&
        initializer !== undefined &&
        ts.isObjectLiteralExpression(initializer)
      ) {
        return initializer;
      }
    }
  }
  throw new Error(`${source.fileName} has no table of codes`);
}

/** The members of a row, texts and numbers. */
function textsOf(row: ts.Expression): Readonly<Record<string, string>> {
  if (!ts.isObjectLiteralExpression(row)) {
    throw new Error(`${row.getText()} is no row of the table`);
  }
  return Object.fromEntries(
    row.properties
      .filter((property) => ts.isPropertyAssignment(property))
      .map(({ name, initializer }) => [
        name.getText(),
        ts.isLiteralExpression(initializer) ? initializer.text : "",
      ]),
  );
}
