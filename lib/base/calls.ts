/** What each call of the kit may be handed. */
import * as z from "zod";
import { ConfigError } from "./errors.js";
import { checked, isPlainObject, membersOf, withFunctions } from "./checked.js";

/** Options of one forwarded address. */
export interface ForwardOptions {
  /** Methods that are forwarded. Default GET, HEAD, POST, PUT, PATCH, DELETE. */
  readonly methods?: readonly string[];
  /** Whether `Cache-Control` of the resource server is kept although it does not say private. Default false: `no-store`. */
  readonly keepsCaching?: boolean;
  /**
   * What else pages may use the answers for, as values of `Sec-Fetch-Dest`, such
   * as `["iframe"]`. Default none: scripts, styles, workers, worklets, frames,
   * objects, manifests and the like are refused with 403
   * `ERR_DESTINATION_NOT_ALLOWED`. What `fetch` loads, media, fonts and page
   * loads (downloads) always pass.
   *
   * Whoever can write what the resource server answers can then act in your
   * pages: with `script`, `style` or a worker as your own code does.
   */
  readonly destinations?: readonly string[];
  /**
   * Whose access token goes along. Default `user`. `client`: the application's own
   * (as `kit.clientToken` gives it), for what users may do without having the right
   * themselves. `none`: no token, and nothing else that says who asks; for a server
   * that takes no tokens.
   */
  readonly token?: TokenOwner;
}

/** Whose token goes along: the user's, the application's own, or nobody's. */
export type TokenOwner = "user" | "client" | "none";

const text = z.string("must be a text").min(1, "must not be empty");
const yesOrNo = z.boolean("must be true or false");

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
  token: z
    .enum(["user", "client", "none"], 'must be "user", "client" or "none"')
    .exactOptional(),
});

const FORWARD_UPGRADE_OPTIONS = membersOf({
  rule: z.unknown().exactOptional(),
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

/** The options of `forward`; none: its defaults. */
export function checkedForward(given: readonly unknown[]): ForwardOptions {
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
  /** To be checked as a rule. */
  readonly rule?: unknown;
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

const AUTHORIZE_OPTIONS = membersOf({ nonce: text.exactOptional() });

/** What `authorize` of a login may be handed. */
export function checkAuthorizeArguments(
  url: unknown,
  method: unknown,
  options: unknown,
): void {
  const call = "authorize";
  if (typeof url !== "string" && !(url instanceof URL)) {
    throw new ConfigError(["url: must be a text or a URL"], call);
  }
  checked(
    call,
    "method",
    text.regex(/^[A-Z]+$/, "must be a method in capital letters"),
    method,
  );
  if (options !== undefined) {
    checked(call, "options", AUTHORIZE_OPTIONS, options);
  }
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
export function refuseMounted(
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

/** What `kit.startLogin` must be handed before its options. */
export function checkStartArguments(given: readonly unknown[]): void {
  const [req, res] = given as readonly [
    { headers?: unknown }?,
    { once?: unknown }?,
  ];
  if (typeof req?.headers === "object" && typeof res?.once === "function") {
    return;
  }
  throw new ConfigError(
    [
      "takes the request, the response, and options: kit.startLogin(req, res, { returnTo })",
    ],
    "kit.startLogin",
  );
}

/**
 * Throws where a handler itself was called as if it made one, with options or without.
 *
 * @param second the second argument; Express always gives more than one
 */
export function refuseCalled(call: string, second: unknown): void {
  if (second !== undefined) return;
  throw new ConfigError(
    [`is a handler already: write ${call}, without parentheses`],
    call,
  );
}

/** What a call does not take would not count. */
export function refuseMore(
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
