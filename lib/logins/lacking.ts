/** What a login lacks of what a guard asks for. */
import { LoginKitError } from "../base/errors.js";
import type { CheckedRule } from "./auth-rule.js";
import type { LiveLogin } from "./current-login.js";
import {
  missingPermissions,
  missingScope,
  noRoles,
  type MissingPermissions,
} from "./permissions.js";
import { isStrongEnough } from "./strength.js";

/** What is lacking. */
export interface Lack {
  /** All but the last may be mended by signing in (again). */
  readonly code:
    | "ERR_LOGIN_REQUIRED"
    | "ERR_STRONGER_LOGIN_REQUIRED"
    | "ERR_MORE_SCOPE_REQUIRED"
    | "ERR_PERMISSION_MISSING";
  /** What the user may not; scope can be asked for again, by the user's own doing. */
  readonly missing?: MissingPermissions | undefined;
  /** What may be wrong with the set-up, for developers. */
  readonly hint?: string | undefined;
}

/** What a login lacks of a rule, but for what the application itself allows; undefined: nothing. */
export function lackOf(
  login: LiveLogin | undefined,
  rule: CheckedRule,
  now: number,
): Lack | undefined {
  if (login === undefined) return { code: "ERR_LOGIN_REQUIRED" };
  const { provider = login.provider.name } = rule;
  // A user of another provider is somebody else.
  if (provider !== login.provider.name) return { code: "ERR_LOGIN_REQUIRED" };
  const missing = missingPermissions(login, rule);
  if (missing !== undefined) {
    const hint = missing.roles && noRoles(login);
    return { code: "ERR_PERMISSION_MISSING", missing, hint };
  }
  if (!isStrongEnough(login, rule, now)) {
    return { code: "ERR_STRONGER_LOGIN_REQUIRED" };
  }
  if (rule.scope === undefined) return undefined;
  const { refused, unasked } = missingScope(login.record, rule.scope);
  // Asked again and again, a provider that does not grant it would send the
  // browser round in circles.
  if (refused.length > 0) {
    return { code: "ERR_PERMISSION_MISSING", missing: { scope: refused } };
  }
  return unasked.length > 0 ? { code: "ERR_MORE_SCOPE_REQUIRED" } : undefined;
}

/** The refusal of a login that lacks permissions: names alone, not what they should be. */
export function permissionMissing(
  missing: MissingPermissions,
  hint?: string,
): LoginKitError {
  const told = Object.entries(missing).map(([what, names]) =>
    Array.isArray(names) ? `${what} (${names.join(", ")})` : what,
  );
  return new LoginKitError("ERR_PERMISSION_MISSING", {
    message: `the login does not fulfil the guard's rule: ${[told.join(", "), hint].filter(Boolean).join("; ")}`,
    members: { missing },
  });
}
