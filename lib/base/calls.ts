/** What each call of the kit may be handed. */
import { z } from "zod";
import { ConfigError } from "./errors.js";
import { checked, isPlainObject, membersOf, withFunctions } from "./checked.js";
import { parseUrl } from "./parse-url.js";

/** What a route asks of a login. */
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
   * How a request without a sufficient login is answered. Default `auto`: a page
   * load by GET is redirected to login, everything else gets 401 problem+json.
   */
  readonly unauthenticated?: "auto" | "redirect" | "401";
}

const text = z.string("must be a text").min(1, "must not be empty");
const yesOrNo = z.boolean("must be true or false");

const acrList = z
  .array(
    text.regex(/^\S*$/, "must be one name without spaces"),
    'must be a list of texts, such as ["urn:example:mfa"]',
  )
  .min(1, "must not be empty: no login could pass");

// Members are exactOptional: one that is there and undefined is a variable that
// was not set, and must not open what it was to close.
const RULE = membersOf({
  acr: acrList.exactOptional(),
  acrValues: acrList.exactOptional(),
  maxAgeSeconds: z
    .number("must be a number of seconds")
    .min(0, "must be at least 0")
    .exactOptional(),
  provider: text.exactOptional(),
  unauthenticated: z
    .enum(["auto", "redirect", "401"], 'must be "auto", "redirect" or "401"')
    .exactOptional(),
});

const FORWARD_OPTIONS = membersOf({
  methods: z
    .array(
      text.regex(/^[A-Z]+$/, "must be a method in capital letters"),
      'must be a list of methods, such as ["GET"]',
    )
    .min(1, "must not be empty: nothing could be forwarded")
    .exactOptional(),
  keepsCaching: yesOrNo.exactOptional(),
  destinations: z
    .array(text, 'must be a list of texts, such as ["iframe"]')
    .exactOptional(),
});

const FORWARD_UPGRADE_OPTIONS = membersOf({
  path: text.regex(
    /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*$/,
    "must be a path such as /api/live",
  ),
});

const USER = membersOf({
  sub: text,
  provider: text.exactOptional(),
  iss: text.exactOptional(),
});

const PROVIDER_OPTIONS = membersOf({ provider: text.exactOptional() });

const TOKEN_OPTIONS = membersOf({
  rejected: z
    .looseObject({ value: text }, "must be a token that accessToken gave")
    .exactOptional(),
});

/** The rule of a guard; none: any login will do. */
export function checkedRule(given: readonly unknown[]): AuthRule {
  const call = "kit.requireAuth";
  refuseMounted(call, "kit.requireAuth()", given);
  refuseMore(call, given, 1);
  if (given.length === 0) return {};
  const rule = checked(call, "rule", RULE, given[0]);
  // An acr that is asked for and not accepted would let no login in.
  const { acr = [], acrValues = [] } = rule;
  const refused = acrValues.filter((value) => !acr.includes(value));
  if (refused.length > 0) {
    throw new ConfigError(
      [
        `acrValues: ${refused.join(", ")} would not be accepted; name it in acr as well`,
      ],
      call,
    );
  }
  return rule;
}

/** The options of `forward`; none: its defaults. */
export function checkedForward(given: readonly unknown[]): {
  readonly methods?: readonly string[];
  readonly keepsCaching?: boolean;
  readonly destinations?: readonly string[];
} {
  const call = "kit.forward";
  refuseMounted(call, 'kit.forward("orders")', given);
  refuseMore(call, given, 2);
  checkName(call, "resourceServer", given[0]);
  return given[1] === undefined
    ? {}
    : checked(call, "options", FORWARD_OPTIONS, given[1]);
}

/** The options of `forwardUpgrade`. */
export function checkedForwardUpgrade(given: readonly unknown[]): {
  readonly path: string;
} {
  const call = "kit.forwardUpgrade";
  refuseMounted(call, 'kit.forwardUpgrade("orders", { path })', given);
  refuseMore(call, given, 2);
  checkName(call, "resourceServer", given[0]);
  return checked(call, "options", FORWARD_UPGRADE_OPTIONS, given[1]);
}

/** What `accessToken` of a login may be handed; no name: the token that was issued at login. */
export function checkTokenArguments(name: unknown, options: unknown): void {
  const call = "accessToken";
  if (name !== undefined) checkName(call, "resourceServer", name);
  if (options !== undefined) checked(call, "options", TOKEN_OPTIONS, options);
}

/** What `fetch` of a login may be handed. The members of `init` are those of the platform's `fetch`. */
export function checkFetchArguments(url: unknown, init: unknown): void {
  const call = "fetch";
  if (typeof url !== "string" && !(url instanceof URL)) {
    throw new ConfigError(["url: must be a text or a URL"], call);
  }
  if (init !== undefined) {
    checked(call, "init", z.looseObject({}, "must be an object"), init);
  }
}

/**
 * The name of a provider that a call has to be about.
 *
 * @param only the one there is; undefined: the call has to name one
 */
export function checkedProviderName(
  call: string,
  options: unknown,
  only: string | undefined,
): string {
  const { provider = only } =
    options === undefined
      ? {}
      : checked(call, "options", PROVIDER_OPTIONS, options);
  if (provider !== undefined) return provider;
  throw new ConfigError(
    ["provider: is missing; there are several, so name one"],
    call,
  );
}

/** A user as a subject, or as an object with one. */
export function checkedUser(
  call: string,
  user: unknown,
): {
  readonly sub: string;
  readonly provider?: string;
  readonly iss?: string;
} {
  if (typeof user === "string") {
    return { sub: checked(call, "user", text, user) };
  }
  if (!isPlainObject(user)) {
    throw new ConfigError(
      ["user: must be a text, the user's sub, or { provider, sub }"],
      call,
    );
  }
  return checked(call, "user", USER, user);
}

/** A name or a subject: any text but an empty one. */
export function checkName(call: string, what: string, value: unknown): void {
  // Asked for each forwarded request, and nearly always right.
  if (typeof value !== "string" || value === "") {
    checked(call, what, text, value);
  }
}

/** An id that may come from a form: any text, also one that names nothing. */
export function checkId(call: string, what: string, value: unknown): void {
  checked(call, what, z.string("must be a text"), value);
}

/** What `logEvents` may be handed. */
export function checkLogArguments(events: unknown, logger: unknown): void {
  const call = "logEvents";
  checked(
    call,
    "events",
    withFunctions(["on", "off"], "must be kit.events"),
    events,
  );
  checked(
    call,
    "logger",
    withFunctions(
      ["info", "warn", "error"],
      "must have the functions info, warn and error",
    ),
    logger,
  );
}

/** A factory that Express calls as a handler has let nobody through, and must say so. */
function refuseMounted(
  call: string,
  instead: string,
  given: readonly unknown[],
): void {
  if (given.length < 3 || typeof given[2] !== "function") return;
  throw new ConfigError(
    [`was mounted as a handler; it makes one: write ${instead}`],
    call,
  );
}

function refuseMore(
  call: string,
  given: readonly unknown[],
  count: number,
): void {
  if (given.length <= count) return;
  throw new ConfigError(
    [
      `takes ${String(count)} argument${count === 1 ? "" : "s"} and was given ${String(given.length)}: the others would not count`,
    ],
    call,
  );
}

const ASSERTION_OPTIONS = membersOf({
  audience: z
    .string("must be a text")
    .refine(
      (audience) => parseUrl(audience) !== undefined,
      "must be an absolute URL, such as https://op.example/token",
    )
    .exactOptional(),
});

/** The audience that a client assertion is to have; undefined: the usual one. */
export function checkedAudience(
  call: string,
  options: unknown,
): string | undefined {
  if (options === undefined) return undefined;
  return checked(call, "options", ASSERTION_OPTIONS, options).audience;
}
