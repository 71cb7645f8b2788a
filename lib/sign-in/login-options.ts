/** What an application may ask of a login that it starts itself. */
import * as z from "zod";
import { checked, isPlainObject, membersOf } from "../base/checked.js";
import { jsonFault } from "../base/plain-json.js";
import { isOwnParameter } from "../config/provider-rules.js";
import { localPath } from "../base/return-to.js";

/** Options of `kit.startLogin`. */
export interface StartLoginOptions {
  /** Where the login ends: a path of this application, such as `req.originalUrl`. Default: the option `defaultReturnTo`. */
  readonly returnTo?: string | undefined;
  /**
   * What the application wants to find with the login: `loginOf(req).state`. A plain
   * object of JSON, up to 2 KB, sealed with the sign-in and never in the browser.
   * Default: nothing.
   */
  readonly state?: Readonly<Record<string, unknown>> | undefined;
  /** What the provider is asked for (`acr_values`), and what is accepted. Default: as configured. */
  readonly acrValues?: readonly string[];
  /** How old the authentication may be (`max_age`), in seconds. Default: as configured. */
  readonly maxAgeSeconds?: number;
  /** Who signs in, as far as the application knows (`login_hint`). Default: nobody says. */
  readonly loginHint?: string | undefined;
  /** How the provider asks (`prompt`), such as `"login"`, `"none"` or `"select_account"`. Default: as it likes. */
  readonly prompt?: string;
  /** Scope values beside the configured, as a list or a text with spaces. Default: none. */
  readonly scope?: string | readonly string[];
  /** The name of the provider. Default: the only one, or as for `/login`. */
  readonly provider?: string;
  /**
   * What exactly the access token is to allow (`authorization_details`, RFC 9396):
   * objects of JSON, each with a `type`, up to 8 KB. What was granted is
   * `loginOf(req).authorizationDetails`. Default: nothing.
   */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Which claims are wanted, and where (`claims`, Core 5.5). Default: what `scope` brings. */
  readonly claims?: ClaimsRequest;
  /** Further parameters of the authorization request, such as `{ ui_locales: "de" }`. What the kit sets itself is refused. Default: none. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
}

/** One thing that an access token is to allow (RFC 9396 2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** How a claim is wanted (Core 5.5.1); null: as any other. */
export type ClaimRequest = null | {
  readonly essential?: boolean;
  readonly value?: unknown;
  readonly values?: readonly unknown[];
};

/** The claims that are wanted, by their names. */
export interface ClaimsRequest {
  /** In the ID Token. */
  readonly id_token?: Readonly<Record<string, ClaimRequest>>;
  /** From UserInfo. */
  readonly userinfo?: Readonly<Record<string, ClaimRequest>>;
}

/** Longest `authorizationDetails` and `claims`, in bytes as JSON. */
const MAX_ASKED_BYTES = 8192;

/** Longest state of an application, in bytes as JSON. */
const MAX_STATE_BYTES = 2048;

const text = z.string("must be a text").min(1, "must not be empty").max(1024);
const names = z
  .array(text.regex(/^\S*$/, "must be one name without spaces"))
  .min(1, "must not be empty");

/** The same after checking. */
export interface CheckedLoginOptions extends Omit<StartLoginOptions, "scope"> {
  readonly scope?: readonly string[] | undefined;
}

const claimsWanted = z.record(
  text,
  z.union(
    [
      z.null(),
      membersOf({
        essential: z.boolean().exactOptional(),
        value: z.unknown().optional(),
        values: z.array(z.unknown()).exactOptional(),
      }),
    ],
    "must be null, or an object with essential, value or values",
  ),
);

const OPTIONS = membersOf({
  returnTo: z
    .string("must be a path of this application, such as /cart")
    .refine(
      (path) => localPath(path) !== undefined,
      "must be a path of this application, such as /cart",
    )
    .optional(),
  state: z
    .custom<Readonly<Record<string, unknown>>>(
      isState,
      "must be a plain object of JSON, up to 2 KB",
    )
    .optional(),
  acrValues: names.exactOptional(),
  maxAgeSeconds: z
    .number("must be a number of seconds")
    .int("must be whole seconds")
    .min(0, "must be at least 0")
    .exactOptional(),
  loginHint: text.optional(),
  prompt: text.exactOptional(),
  scope: z
    .union([names, text.transform((scope) => scope.split(" ").filter(Boolean))])
    .exactOptional(),
  provider: text.exactOptional(),
  authorizationDetails: z
    .array(z.looseObject({ type: text }, "must be an object with a type"))
    .min(1, "must not be empty")
    .refine(isAskable, "must be JSON, up to 8 KB")
    .exactOptional(),
  claims: membersOf({
    id_token: claimsWanted.exactOptional(),
    userinfo: claimsWanted.exactOptional(),
  })
    .refine(isAskable, "must be JSON, up to 8 KB")
    .exactOptional(),
  parameters: z
    .record(z.string(), text)
    .superRefine((parameters, context) => {
      for (const name of Object.keys(parameters).filter(isOwnParameter)) {
        context.addIssue(`${name} is set by the kit`);
      }
    })
    .optional(),
});

/**
 * The options as they were given, checked.
 *
 * @throws {ConfigError} that lists every problem
 */
export function checkedLoginOptions(options: unknown): CheckedLoginOptions {
  return checked("kit.startLogin", "options", OPTIONS, options ?? {});
}

/** What is asked for in JSON, as parameters (RFC 9396 2, Core 5.5). */
export function askedAsJson({
  authorizationDetails,
  claims,
}: CheckedLoginOptions): Record<string, string> {
  return {
    ...(authorizationDetails && {
      authorization_details: JSON.stringify(authorizationDetails),
    }),
    ...(claims && { claims: JSON.stringify(claims) }),
  };
}

function isAskable(value: unknown): boolean {
  return (
    jsonFault(value, "it") === undefined &&
    Buffer.byteLength(JSON.stringify(value)) <= MAX_ASKED_BYTES
  );
}

/** Whether JSON gives back what it is made of. */
function isState(value: unknown): boolean {
  return (
    isPlainObject(value) &&
    jsonFault(value, "state") === undefined &&
    Buffer.byteLength(JSON.stringify(value)) <= MAX_STATE_BYTES
  );
}
