/** What a rule says about a claim, and whether it can be understood. */
import { isPlainObject } from "../base/checked.js";

/** What a claim is compared with. */
export type ClaimValue = string | number | boolean;

/**
 * What a claim has to be: this value; a list that includes one
 * (`{ includes: "admins" }`); one of several (`{ oneOf: ["sales", "support"] }`);
 * or an object whose members are so. A claim that is missing, or of another
 * type, is none of them.
 */
export type ClaimRule =
  | ClaimValue
  | { readonly includes: ClaimValue }
  | { readonly oneOf: readonly ClaimValue[] }
  | { readonly [member: string]: ClaimRule };

/** How deep a rule may be nested; claims are bounded likewise. */
const MAX_DEPTH = 10;

/** Members that compare; each stands alone. */
const COMPARISONS = ["includes", "oneOf"];

/** What cannot be understood in a rule, and where. */
export interface ClaimRuleProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/** What cannot be understood in the rules about claims, by their names. */
export function claimRuleProblems(rules: unknown): ClaimRuleProblem[] {
  return problemsAt(rules, [], true);
}

function problemsAt(
  rule: unknown,
  path: readonly string[],
  isOutermost = false,
): ClaimRuleProblem[] {
  if (!isOutermost && isClaimValue(rule)) return [];
  if (path.length > MAX_DEPTH) {
    return [{ path, message: "must not be nested so deeply" }];
  }
  if (!isPlainObject(rule)) {
    return [
      {
        path,
        message: isOutermost
          ? 'must be an object of claims, such as { department: "sales" }'
          : 'must be a text, a number, true, false, { includes: "a value" }, { oneOf: ["several"] }, or an object of these',
      },
    ];
  }
  const members = Object.keys(rule);
  if (members.length === 0) {
    return [{ path, message: "must not be empty: it would ask for nothing" }];
  }
  const comparison = isOutermost
    ? undefined
    : members.find((name) => COMPARISONS.includes(name));
  if (comparison === undefined) {
    return members.flatMap((name) => problemsAt(rule[name], [...path, name]));
  }
  if (members.length > 1) {
    return [{ path, message: `must have ${comparison} alone` }];
  }
  const value = rule[comparison];
  const inside = [...path, comparison];
  if (comparison === "includes") {
    return isClaimValue(value)
      ? []
      : [{ path: inside, message: "must be a text, a number, true or false" }];
  }
  // A gap in a list equals a claim that is missing, and `every` passes over it.
  const isList =
    Array.isArray(value) &&
    value.length > 0 &&
    Array.from<unknown>(value).every(isClaimValue);
  return isList
    ? []
    : [
        {
          path: inside,
          message: "must be a list of texts, numbers, true or false",
        },
      ];
}

function isClaimValue(value: unknown): value is ClaimValue {
  return (
    (typeof value === "string" && value !== "") ||
    Number.isFinite(value) ||
    typeof value === "boolean"
  );
}
