/** What a guard asks of a login: the rule, and whether it can be understood. */
import type { Request } from "express";
import * as z from "zod";
import { checked, isPlainObject, membersOf } from "../base/checked.js";
import {
  refuseMore,
  refuseMounted,
  type ForwardOptions,
} from "../base/calls.js";
import { ConfigError } from "../base/errors.js";
import { refuseKeptAnd401 } from "../base/keeps-form.js";
import { claimRuleProblems, type ClaimRule } from "./claim-rule.js";
import type { Login } from "./current-login.js";

/** What a route asks of a login. Whatever it names must be fulfilled. */
export interface AuthRule {
  /**
   * The login's authentication context (`acr`, Core 2) must be one of these, or
   * stronger by the option `acrOrder`. At least one. Default: any. Otherwise the
   * user is sent to `/login` with `acr_values`.
   */
  readonly acr?: readonly string[];
  /**
   * What the provider is asked for (`acr_values`) where the login's `acr` is none
   * of those. Some of them, at least one, the preferred first. Default: all.
   */
  readonly acrValues?: readonly string[];
  /**
   * The user authenticated at most so long ago, in seconds, give or take
   * `clockToleranceSeconds`. 0: just now. Default: any time. Otherwise the user is
   * sent to `/login` with `max_age`.
   *
   * A login without `auth_time` counts as too old: the provider must send it.
   */
  readonly maxAgeSeconds?: number;
  /**
   * The name of the provider that the user signed in at, by the option
   * `providers`. Default: any. Otherwise the user is sent there.
   */
  readonly provider?: string;
  /**
   * What the claims must be, by their names, such as
   * `{ department: "sales", groups: { includes: "admins" } }`. Default: anything.
   * Otherwise `ERR_PERMISSION_MISSING` (403).
   *
   * An object with the one member `includes` or `oneOf` is a comparison; any other
   * stands for a claim that is an object, and says what its members must be.
   */
  readonly claims?: Readonly<Record<string, ClaimRule>>;
  /**
   * Roles of which the user must have one, as the option `rolesClaim` finds them.
   * At least one. Default: none is needed. Otherwise `ERR_PERMISSION_MISSING`
   * (403). For several at once put one guard behind the other.
   */
  readonly roles?: readonly string[];
  /**
   * Scope values that the login must have been granted, as a list or a text with
   * spaces. Default: none. What was never asked for is asked for then: the user is
   * sent to `/login` with `scope`, and comes back. What the provider did not grant
   * is `ERR_PERMISSION_MISSING` (403).
   *
   * Of a server with a `resource` only its own token tells; what was asked for
   * counts as granted then, and the server refuses what was not.
   */
  readonly scope?: string | readonly string[];
  /**
   * The application's own rule, asked last. Only `true`, or a promise of it, lets
   * the request through; anything else is `ERR_PERMISSION_MISSING` (403). What it
   * throws goes to your error handler. Default: none.
   */
  readonly allow?: (login: Login, req: Request) => boolean | Promise<boolean>;
  /**
   * How a request without a sufficient login is answered. Default `auto`: a page
   * load by GET is redirected to login, everything else gets 401 problem+json.
   */
  readonly unauthenticated?: "auto" | "redirect" | "401";
  /**
   * Whether a form that a page of this application posts without a sufficient
   * login is kept, sealed, for `transactionTimeoutSeconds`. After signing in the
   * user is asked whether to send it. Default false. Up to 16 KB, no files; mount
   * body parsers behind the guard.
   *
   * @see docs/guides/pages-and-logins.md#a-form-that-was-sent-too-late
   */
  readonly keepsForm?: boolean;
  /**
   * Forwards what passes to this resource server, as `kit.forward` does: its name,
   * or `{ resourceServer: "orders" }` with options of `kit.forward` beside it.
   * Mount it with `app.use`. Default: the next handler gets the request.
   */
  readonly forward?:
    string | (ForwardOptions & { readonly resourceServer: string });
}

/** A rule as it is checked. */
export interface CheckedRule extends Omit<AuthRule, "scope"> {
  readonly scope?: readonly string[];
}

const CALL = "kit.requireAuth";

const text = z.string("must be a text").min(1, "must not be empty");

const names = (example: string): z.ZodArray<z.ZodString> =>
  z
    .array(
      text.regex(/^\S*$/, "must be one name without spaces"),
      `must be a list of texts, such as ["${example}"]`,
    )
    .min(1, "must not be empty: no login could pass");

const claimRules = z.unknown().transform((value, context) => {
  for (const { path, message } of claimRuleProblems(value)) {
    context.addIssue({ code: "custom", path: [...path], message });
  }
  return value as Readonly<Record<string, ClaimRule>>;
});

const scopeNames = names("orders:write").or(
  text.transform((scope) => scope.split(" ").filter(Boolean)),
);

// Members are exactOptional: one that is there and undefined is a variable that
// was not set, and must not open what it was to close.
const OF_LOGINS = {
  acr: names("urn:example:mfa").exactOptional(),
  acrValues: names("urn:example:mfa").exactOptional(),
  maxAgeSeconds: z
    .number("must be a number of seconds")
    .min(0, "must be at least 0")
    .exactOptional(),
  provider: text.exactOptional(),
  claims: claimRules.exactOptional(),
  roles: z
    .array(text, 'must be a list of texts, such as ["admin"]')
    .min(1, "must not be empty: no login could pass")
    .exactOptional(),
  scope: z
    .unknown()
    .transform((value, context) => {
      const { data, error } = scopeNames.safeParse(value);
      if (error === undefined && data.length > 0) return data;
      context.addIssue(
        'must be a text such as "orders:write", or a list of such texts',
      );
      return z.NEVER;
    })
    .exactOptional(),
};

const RULE = membersOf({
  ...OF_LOGINS,
  allow: z
    .custom<NonNullable<AuthRule["allow"]>>(
      (value) => typeof value === "function",
      "must be a function (login, req) => boolean",
    )
    .exactOptional(),
  unauthenticated: z
    .enum(["auto", "redirect", "401"], 'must be "auto", "redirect" or "401"')
    .exactOptional(),
  keepsForm: z.boolean("must be true or false").exactOptional(),
  forward: z
    .union(
      [
        text,
        z.custom<ForwardOptions & { readonly resourceServer: string }>(
          (value) => isPlainObject(value) && "resourceServer" in value,
        ),
      ],
      'must be the name of a resource server, or { resourceServer: "orders" } with the options of kit.forward',
    )
    .exactOptional(),
});

/**
 * The rule of a guard; none: any login will do.
 *
 * @throws {ConfigError} that lists every problem
 */
export function checkedRule(given: readonly unknown[]): CheckedRule {
  refuseMounted(CALL, "kit.requireAuth()", given);
  refuseMore(CALL, given, 1);
  if (given.length === 0) return {};
  const rule = checked(CALL, "rule", RULE, given[0]);
  refuseKeptAnd401(CALL, rule);
  return acceptable(CALL, rule);
}

/** What is asked of the login of a WebSocket: a rule without what needs a handler of Express. */
export type UpgradeRule = Omit<
  AuthRule,
  "allow" | "unauthenticated" | "keepsForm" | "forward"
>;

const UPGRADE_RULE = membersOf(OF_LOGINS);

/**
 * The rule of an upgrade; none: any login will do.
 *
 * @throws {ConfigError} that lists every problem
 */
export function checkedUpgradeRule(call: string, rule: unknown): CheckedRule {
  return rule === undefined
    ? {}
    : acceptable(call, checked(call, "rule", UPGRADE_RULE, rule));
}

/** A rule that a login can fulfil, and that nobody else changes. */
function acceptable(call: string, rule: CheckedRule): CheckedRule {
  // An acr that is asked for and not accepted would let no login in.
  const { acr = [], acrValues = [], claims } = rule;
  const refused = acrValues.filter((value) => !acr.includes(value));
  if (refused.length > 0) {
    throw new ConfigError(
      [
        `acrValues: ${refused.join(", ")} would not be accepted; name it in acr as well`,
      ],
      call,
    );
  }
  // What an application does to its object afterwards changes nothing.
  return { ...rule, ...(claims && { claims: structuredClone(claims) }) };
}
