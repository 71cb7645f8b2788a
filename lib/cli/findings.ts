/** What the doctor finds, and how it is told: as lines for people, or as JSON. */
import { oneLine } from "../base/printable.js";

/** How bad it is: `error` breaks logins, `warning` will, `note` is worth knowing, `ok` is as it should be. */
export type Severity = "error" | "warning" | "note" | "ok";

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at, such as `discovery`; stable, for scripts. */
  readonly check: string;
  /** What it belongs to: `options`, `provider <name>`, `redis` or `application`. */
  readonly subject: string;
  readonly severity: Severity;
  /** What was found. */
  readonly cause: string;
  /** What to change. */
  readonly remedy?: string;
  /** The page of the documentation, below the package. */
  readonly link?: string;
}

const MARKS: Readonly<Record<Severity, string>> = {
  error: "✗",
  warning: "!",
  note: "·",
  ok: "✓",
};

/** Lines for people: what is wrong stands last, where the eye is. */
export function asText(findings: readonly Finding[]): string {
  const order: readonly Severity[] = ["ok", "note", "warning", "error"];
  const lines = order.flatMap((severity) =>
    findings
      .filter((finding) => finding.severity === severity)
      .flatMap(linesOf),
  );
  const count = (severity: Severity): number =>
    findings.filter((finding) => finding.severity === severity).length;
  return `${lines.join("\n")}\n\n${String(count("error"))} errors, ${String(count("warning"))} warnings, ${String(count("note"))} notes, ${String(count("ok"))} as it should be\n`;
}

function linesOf({
  check,
  subject,
  severity,
  cause,
  remedy,
  link,
}: Finding): string[] {
  return [
    `${MARKS[severity]} ${subject}, ${check}: ${oneLine(cause)}`,
    ...(remedy === undefined ? [] : [`    ${oneLine(remedy)}`]),
    ...(link === undefined ? [] : [`    see ${link}`]),
  ];
}

/** One JSON document, for scripts. */
export function asJson(findings: readonly Finding[]): string {
  return `${JSON.stringify({ healthy: isHealthy(findings), findings }, null, 2)}\n`;
}

/** Whether users can sign in. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ severity }) => severity !== "error");
}
