/** Writes what shows each requirement: the tests that name it, or the reason why there is none. */
import type { Shown } from "./shown.js";

/** A rule in our words, and where it is not kept or not ours to keep, why. */
export type Rule = string | { readonly rule: string; readonly reason: string };

/** The rules by their ids, by the specification that they are of. */
export type Requirements = Readonly<
  Record<string, Readonly<Record<string, Rule>>>
>;

const REASON =
  /^(?:Not applicable|Left to the application|Not done), because .*\.$/;

/**
 * A heading for each specification and each rule.
 *
 * @throws {Error} for a test that names an unknown rule, and for a rule that nothing shows
 */
export function requirementsList(
  requirements: Requirements,
  shown: readonly Shown[],
): string {
  refuseUnknown(requirements, shown);
  return Object.entries(requirements)
    .flatMap(([specification, rules]) => [
      `## ${specification}`,
      ...Object.entries(rules).map(([id, rule]) =>
        [`### ${id}`, ...ruleParts(id, rule, shown)].join("\n\n"),
      ),
    ])
    .join("\n\n");
}

function refuseUnknown(
  requirements: Requirements,
  shown: readonly Shown[],
): void {
  const known = new Set(Object.values(requirements).flatMap(Object.keys));
  for (const { file, ids } of shown) {
    const unknown = ids.find((id) => !id.startsWith("ERR_") && !known.has(id));
    if (unknown !== undefined) {
      throw new Error(
        `test/${file} names ${unknown}, which docs/make/requirements.json does not have`,
      );
    }
  }
}

function ruleParts(id: string, rule: Rule, shown: readonly Shown[]): string[] {
  const { rule: text, reason } =
    typeof rule === "string" ? { rule, reason: undefined } : rule;
  const tests = shown.filter(({ ids }) => ids.includes(id));
  if (reason === undefined && tests.length === 0) {
    throw new Error(`no test shows ${id}, and there is no reason why`);
  }
  if (reason !== undefined && !REASON.test(reason)) {
    throw new Error(`the reason of ${id} is not like ${REASON.source}`);
  }
  return [
    `${text}.`,
    ...(reason === undefined ? [] : [reason]),
    ...(tests.length === 0
      ? []
      : [tests.map((test) => `- ${testLine(test)}`).join("\n")]),
  ];
}

/** A test by its file and title. */
export function testLine({ file, title }: Shown): string {
  return `\`${file}\`: ${codeOf(title)}`;
}

/** A text as code, also one that has backticks. */
function codeOf(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}
