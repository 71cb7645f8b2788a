/** Whether a login's claims, roles and scope are those that a rule asks for. */
import { isPlainObject } from "../base/checked.js";
import { copyOfJson } from "../base/plain-json.js";
import type { RolesClaim } from "../config/provider-options.js";
import type { Claims, LoginRecord } from "../stores/login-store.js";
import type { CheckedRule } from "./auth-rule.js";
import type { ClaimRule } from "./claim-rule.js";
import type { LiveLogin } from "./current-login.js";

/** What a login lacks, by the names that the rule gave. */
export interface MissingPermissions {
  /** Claims that are not as they have to be: their names, not what they should be. */
  readonly claims?: readonly string[];
  /** Roles of which the user has none. */
  readonly roles?: readonly string[];
  readonly scope?: readonly string[];
  /** The application's own rule did not allow it. */
  readonly allow?: true;
}

/** What the claims and roles of a login lack; undefined: nothing. */
export function missingPermissions(
  { record, provider }: LiveLogin,
  { claims: rules, roles }: CheckedRule,
): MissingPermissions | undefined {
  if (rules === undefined && roles === undefined) return undefined;
  const { claims } = record.identity;
  const wrong = Object.keys(rules ?? {}).filter(
    (name) => !fulfils(ownMember(claims, name), rules?.[name] ?? {}),
  );
  const hasRole =
    roles === undefined ||
    rolesOf(claims, provider.rolesClaim).some((role) => roles.includes(role));
  if (wrong.length === 0 && hasRole) return undefined;
  return {
    ...(wrong.length > 0 && { claims: wrong }),
    ...(!hasRole && { roles }),
  };
}

/** Why a user has none of a rule's roles, for developers: names of claims alone; undefined: there are others. */
export function noRoles({ record, provider }: LiveLogin): string | undefined {
  const { claims } = record.identity;
  const { rolesClaim } = provider;
  if (rolesOf(claims, rolesClaim).length > 0) return undefined;
  const place =
    typeof rolesClaim === "function"
      ? ""
      : ` (${[rolesClaim].flat().join(".")})`;
  return `the option rolesClaim${place} finds no roles in these claims: ${Object.keys(claims).join(", ")}`;
}

/** What a login lacks of a scope. */
export interface MissingScope {
  /** The provider was not asked for it at sign-in. */
  readonly unasked: readonly string[];
  /** It was, and did not grant it. */
  readonly refused: readonly string[];
}

/** What the login was not granted of these. */
export function missingScope(
  { scope = "", refusedScope = "" }: LoginRecord,
  wanted: readonly string[] = [],
): MissingScope {
  const granted = scope.split(" ");
  const denied = refusedScope.split(" ");
  const missing = wanted.filter((name) => !granted.includes(name));
  return {
    unasked: missing.filter((name) => !denied.includes(name)),
    refused: missing.filter((name) => denied.includes(name)),
  };
}

/** The roles in these claims; none where they are anything but texts. */
function rolesOf(claims: Claims, rolesClaim: RolesClaim): readonly string[] {
  const found: unknown =
    typeof rolesClaim === "function"
      ? rolesClaim(copyOfJson(claims))
      : [rolesClaim].flat().reduce<unknown>(ownMember, claims);
  if (typeof found === "string") return [found];
  return Array.isArray(found)
    ? found.filter((role) => typeof role === "string")
    : [];
}

/** Whether a claim is what a rule says. */
function fulfils(claim: unknown, rule: ClaimRule): boolean {
  if (typeof rule !== "object") return claim === rule;
  if ("includes" in rule) {
    return Array.isArray(claim) && claim.includes(rule.includes);
  }
  if ("oneOf" in rule) {
    return Array.isArray(rule.oneOf) && rule.oneOf.includes(claim);
  }
  return Object.entries(rule).every(([name, inner]) =>
    fulfils(ownMember(claim, name), inner),
  );
}

/** A member that the object itself has; undefined: it has none, or is no object. */
function ownMember(object: unknown, name: string): unknown {
  return isPlainObject(object) && Object.hasOwn(object, name)
    ? object[name]
    : undefined;
}
