/** A failure of the kit as a finding: its own words about cause and remedy. */
import { LoginKitError } from "../base/errors.js";
import { failureTexts } from "../base/failure-texts.js";
import type { Finding } from "./findings.js";

/** What is told of a failure that a check met. */
export function failureFinding(
  error: unknown,
  where: Pick<Finding, "check" | "subject"> & { readonly link?: string },
): Finding {
  const cause = error instanceof Error ? error.message : String(error);
  if (!(error instanceof LoginKitError)) {
    return { ...where, severity: "error", cause };
  }
  return {
    ...where,
    severity: "error",
    cause,
    remedy: failureTexts[error.code].remedy,
    link: where.link ?? `docs/errors.md#${error.code.toLowerCase()}`,
  };
}
