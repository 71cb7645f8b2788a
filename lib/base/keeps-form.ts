/** Which rules of a guard cannot keep a form. */
import { ConfigError } from "./errors.js";

/**
 * A form is kept by sending the browser to login, which 401 forbids.
 *
 * @param call what was called with the rule
 * @throws {ConfigError}
 */
export function refuseKeptAnd401(
  call: string,
  rule: {
    readonly keepsForm?: boolean;
    readonly unauthenticated?: "auto" | "redirect" | "401";
  },
): void {
  if (rule.keepsForm !== true || rule.unauthenticated !== "401") return;
  throw new ConfigError(
    [
      'keepsForm: sends browsers to login, which unauthenticated: "401" forbids',
    ],
    call,
  );
}
