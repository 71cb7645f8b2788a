/** Options in, one frozen Config out; every problem is reported at once. */
import type { ErrorRequestHandler } from "express";
import type { ClientAuth } from "openid-client";
import { z } from "zod";
import { ConfigError } from "./errors.js";
import type { RedisClient } from "./login-store/redis-command.js";
import { isLoopbackHttp } from "./loopback.js";
import { localPath } from "./return-to.js";

/** A resource server (an API) that may receive access tokens. */
export interface ResourceServerOptions {
  /** Base URL. Tokens go to this origin and below this path, nowhere else. */
  readonly url: string;
  /** Resource indicator sent to the provider (RFC 8707). Default: none. */
  readonly resource?: string;
  /** Scope to ask for when a token for this server is requested. Default: all that was granted. */
  readonly scope?: string;
  /** Exchange the login's access token for one of this server (RFC 8693) instead of asking by refresh token. Default false. */
  readonly tokenExchange?: boolean;
  /** How long the resource server may be silent, in seconds. Default 30. With `fetch`: until its answer begins. */
  readonly timeoutSeconds?: number;
}

/** Paths of the kit's endpoints on the application's origin. */
export interface Paths {
  /** Starts a login. Default `/login`. */
  readonly login: string;
  /** Redirect URI. Default `/callback`. */
  readonly callback: string;
  /** Ends the login (POST). Default `/logout`. */
  readonly logout: string;
  /** Where the provider sends the browser after logout. Default `/logged-out`. */
  readonly loggedOut: string;
  /** Session status for single-page apps. Default `/session`. */
  readonly session: string;
}

/** Options of the session and its cookie. */
export interface SessionOptions {
  /** Signs the cookie and seals tokens at rest. The first is used, all are accepted (rotation). At least 32 characters each. */
  readonly secret: string | readonly string[];
  /** Without prefix; `__Host-` is added except on loopback http. Default `session`. */
  readonly cookieName?: string;
  /** A login unused for so long ends. Seconds, default 1800 (30 minutes). */
  readonly idleTimeoutSeconds?: number;
  /** A login ends after so long in any case. Seconds, default 28800 (8 hours). */
  readonly absoluteTimeoutSeconds?: number;
}

/** Options of `createLoginKit`. */
export interface LoginKitOptions {
  /** The provider's issuer, exactly as its metadata publishes it. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  /**
   * How the client authenticates. Default `client_secret_basic`.
   * Or `PrivateKeyJwt(key)`, `ClientSecretJwt(secret)`, or another client
   * authentication function of openid-client.
   */
  readonly clientAuth?:
    "client_secret_basic" | "client_secret_post" | ClientAuth;
  /** The application's own origin as browsers see it. Every absolute URL is made from it, never from request headers. */
  readonly baseUrl: string;
  readonly session: SessionOptions;
  /** A connected node-redis client (single server, Sentinel or Cluster). Absent: an embedded store for one process in development. */
  readonly redis?: RedisClient;
  /** Prefix of every key in Redis. Default `login-kit:`. */
  readonly redisKeyPrefix?: string;
  /** Default `openid`. */
  readonly scope?: string;
  /** Fixed parameters of every authorization request, such as `{ prompt: "consent" }`. They win over the browser's. */
  readonly authorizationParameters?: Readonly<Record<string, string>>;
  /** Parameters that the login address passes on to the provider. Default `login_hint`, `ui_locales`, `prompt`. */
  readonly loginParameters?: readonly string[];
  /** How the provider answers. Default `query`. */
  readonly responseMode?: "query" | "form_post";
  /** Whether UserInfo is fetched at login. Default: when the provider has it and `scope` asks for more than `openid` and `offline_access`. */
  readonly userInfo?: boolean;
  /** The one accepted signature algorithm of ID Tokens. Default `RS256`. */
  readonly idTokenSigningAlg?: string;
  /** Accepted difference between our clock and the provider's. Seconds, default 30. */
  readonly clockToleranceSeconds?: number;
  /** APIs that may receive access tokens, by a name of yours. */
  readonly resourceServers?: Readonly<Record<string, ResourceServerOptions>>;
  /** How long before its expiry an access token is refreshed. Seconds, default 30. */
  readonly refreshLeewaySeconds?: number;
  readonly paths?: Partial<Paths>;
  /** Where a login without `return_to` ends. Default `/`. */
  readonly defaultReturnTo?: string;
  /** Where the browser goes after logout. Default `/`. */
  readonly postLogoutReturnTo?: string;
  /** Keys of `req.session` from before the login that are kept. Default none. */
  readonly carryOver?: readonly string[];
  /** Claims that the session endpoint tells the browser. Default `sub`, `name`. */
  readonly sessionClaims?: readonly string[];
  /** How long the login store may take to answer. Seconds, default 2. */
  readonly storeTimeoutSeconds?: number;
  /** How long one request to the provider may take. Seconds, default 5. */
  readonly providerTimeoutSeconds?: number;
  /** How long a browser may stay at the provider. Seconds, default 600. */
  readonly transactionTimeoutSeconds?: number;
  /** Allows http beyond loopback addresses for provider and resource servers. Never in production. */
  readonly dangerouslyAllowInsecureRequests?: boolean;
  /** Answers the kit's failures instead of its own pages and problem+json. It gets a `LoginKitError`. */
  readonly answerError?: ErrorRequestHandler;
}

/** A resource server after checking. */
export interface ResourceServer {
  readonly name: string;
  readonly url: URL;
  readonly resource: string | undefined;
  readonly scope: string | undefined;
  readonly tokenExchange: boolean;
  readonly timeoutSeconds: number;
}

/** The checked options: what every other file works with. */
export interface Config {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly clientAuth:
    "client_secret_basic" | "client_secret_post" | ClientAuth;
  /** Origin without a trailing slash. */
  readonly baseUrl: string;
  /** False only on loopback http: cookies then have plain names and no Secure. */
  readonly secureCookies: boolean;
  readonly session: {
    readonly secrets: readonly [string, ...string[]];
    readonly cookieName: string;
    readonly idleTimeoutSeconds: number;
    readonly absoluteTimeoutSeconds: number;
  };
  readonly redis: RedisClient | undefined;
  readonly redisKeyPrefix: string;
  readonly scope: string;
  readonly authorizationParameters: Readonly<Record<string, string>>;
  readonly loginParameters: readonly string[];
  readonly responseMode: "query" | "form_post";
  readonly userInfo: boolean | undefined;
  readonly idTokenSigningAlg: string;
  readonly clockToleranceSeconds: number;
  readonly resourceServers: ReadonlyMap<string, ResourceServer>;
  readonly refreshLeewaySeconds: number;
  readonly paths: Paths;
  readonly defaultReturnTo: string;
  readonly postLogoutReturnTo: string;
  readonly carryOver: readonly string[];
  readonly sessionClaims: readonly string[];
  readonly storeTimeoutSeconds: number;
  readonly providerTimeoutSeconds: number;
  readonly transactionTimeoutSeconds: number;
  /** Whether the provider is reached by http at all: on loopback, or dangerously. */
  readonly allowInsecureRequests: boolean;
  /** Whether http is accepted beyond loopback addresses. */
  readonly dangerouslyAllowInsecureRequests: boolean;
  readonly answerError: ErrorRequestHandler | undefined;
}

const seconds = (fallback: number, max: number) =>
  z.number().positive().max(max).default(fallback);
const path = z
  .string()
  .regex(
    /^(?:\/[A-Za-z0-9\-._~]+)+$/,
    "must be a path such as /login, without query and final slash",
  );
const text = z.string().min(1).max(4096);
const secret = z
  .string()
  .max(4096)
  .min(
    32,
    `needs at least 32 characters; make one with: node -p "crypto.randomBytes(32).toString('base64url')"`,
  );
const names = z.array(text);
const functionValue = <Value>(what: string) =>
  z.custom<Value>((value) => typeof value === "function", what);

const REDIS_COMMANDS = [
  "get",
  "set",
  "getDel",
  "del",
  "hmGet",
  "eval",
  "withTypeMapping",
] as const;

const optionsSchema = z.strictObject({
  issuer: text,
  clientId: text,
  clientSecret: text.optional(),
  clientAuth: z
    .union([
      z.enum(["client_secret_basic", "client_secret_post"]),
      functionValue<ClientAuth>("must be a client authentication function"),
    ])
    .default("client_secret_basic"),
  baseUrl: text,
  session: z.strictObject({
    secret: z.union([secret, z.array(secret).min(1)]),
    cookieName: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, "may hold letters, digits, - and _ only")
      .optional(),
    idleTimeoutSeconds: seconds(1800, 31_536_000),
    absoluteTimeoutSeconds: seconds(28_800, 31_536_000),
  }),
  redis: z
    .custom<RedisClient>(
      (value) =>
        typeof value === "object" &&
        value !== null &&
        REDIS_COMMANDS.every(
          (command) =>
            typeof (value as Record<string, unknown>)[command] === "function",
        ),
      "must be a client of node-redis 5 or later (createClient, createSentinel, createCluster, or redisClient of express-login-kit/redis)",
    )
    .optional(),
  redisKeyPrefix: z
    .string()
    .regex(/^[^{}\s]*$/, "may not hold braces or spaces")
    .default("login-kit:"),
  scope: text.default("openid"),
  authorizationParameters: z.record(text, text).default({}),
  loginParameters: names.default(["login_hint", "ui_locales", "prompt"]),
  responseMode: z.enum(["query", "form_post"]).default("query"),
  userInfo: z.boolean().optional(),
  idTokenSigningAlg: z
    .enum([
      "RS256",
      "RS384",
      "RS512",
      "PS256",
      "PS384",
      "PS512",
      "ES256",
      "ES384",
      "ES512",
      "EdDSA",
      "Ed25519",
      "HS256",
      "HS384",
      "HS512",
    ])
    .default("RS256"),
  clockToleranceSeconds: z.number().min(0).max(300).default(30),
  resourceServers: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9_-]+$/, "names may hold letters, digits, - and _"),
      z.strictObject({
        url: text,
        resource: text.optional(),
        scope: text.optional(),
        tokenExchange: z.boolean().default(false),
        timeoutSeconds: seconds(30, 3600),
      }),
    )
    .default({}),
  refreshLeewaySeconds: z.number().min(0).max(3600).default(30),
  paths: z
    .strictObject({
      login: path.default("/login"),
      callback: path.default("/callback"),
      logout: path.default("/logout"),
      loggedOut: path.default("/logged-out"),
      session: path.default("/session"),
    })
    .prefault({}),
  defaultReturnTo: text.default("/"),
  postLogoutReturnTo: text.default("/"),
  carryOver: names.default([]),
  sessionClaims: names.default(["sub", "name"]),
  storeTimeoutSeconds: seconds(2, 60),
  providerTimeoutSeconds: seconds(5, 60),
  transactionTimeoutSeconds: seconds(600, 3600),
  dangerouslyAllowInsecureRequests: z.boolean().default(false),
  answerError: functionValue<ErrorRequestHandler>(
    "must be an Express error handler",
  ).optional(),
});

type ParsedOptions = z.infer<typeof optionsSchema>;

/** Options of which some may be missing because their shape was wrong. */
type CheckableOptions = {
  readonly [Name in keyof ParsedOptions]?: ParsedOptions[Name] | undefined;
};

/** What the kit sends itself; an app that sets one of these breaks the flow. */
const OWN_PARAMETERS = new Set([
  "client_id",
  "client_secret",
  "redirect_uri",
  "response_type",
  "response_mode",
  "state",
  "nonce",
  "code_challenge",
  "code_challenge_method",
  "scope",
  "request",
  "request_uri",
]);

/**
 * Checks the options of `createLoginKit`.
 *
 * @throws {ConfigError} that lists every problem.
 */
export function readConfig(
  options: LoginKitOptions,
  environment: { readonly production: boolean },
): Config {
  const parsed = optionsSchema.safeParse(options);
  const issues = parsed.error?.issues ?? [];
  const checkable = parsed.data ?? sound(options, issues);
  const problems = [
    ...baseUrlProblems(checkable),
    ...providerProblems(checkable),
    ...timeoutProblems(checkable),
    ...resourceServerProblems(checkable),
    ...parameterProblems(checkable),
    ...localPathProblems(checkable),
    ...storeProblems(checkable, environment),
  ];
  if (parsed.data === undefined || problems.length > 0) {
    const misshapen = new Set(issues.map(({ path: [option] }) => option));
    throw new ConfigError([
      ...issues.map(describeIssue),
      // What was left out because its shape is wrong is not missing.
      ...problems.filter(
        (problem) =>
          !problem.includes(": is missing") ||
          !misshapen.has(problem.split(":", 1)[0]),
      ),
    ]);
  }
  return toConfig(parsed.data);
}

/** What of the options has the right shape, so that the other rules can speak too. */
function sound(
  options: unknown,
  issues: readonly z.core.$ZodIssue[],
): CheckableOptions {
  if (typeof options !== "object" || options === null) return {};
  const given = new Map<string, unknown>(Object.entries(options));
  const checked = Object.entries(optionsSchema.shape).map(([name, schema]) => {
    const wrong = new Set(
      issues.flatMap((issue) => {
        if (issue.path[0] !== name) return [];
        return issue.code === "unrecognized_keys"
          ? issue.keys
          : [issue.path[1]];
      }),
    );
    const { data } = schema.safeParse(without(given.get(name), wrong));
    return [name, data] as const;
  });
  return Object.fromEntries(checked);
}

/** A copy of an object without these members; anything else as it is. */
function without(value: unknown, names: ReadonlySet<unknown>): unknown {
  if (typeof value !== "object" || value === null || names.size === 0) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !names.has(name)),
  );
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const option = issue.path.map(String).join(".") || "options";
  if (issue.code === "unrecognized_keys") {
    return `${option}: unknown option ${issue.keys.join(", ")}`;
  }
  const message = issue.message.replace(
    /^Invalid input: expected (.+), received undefined$/,
    "is missing (expected: $1)",
  );
  return `${option}: ${message}`;
}

function baseUrlProblems({ baseUrl }: CheckableOptions): string[] {
  if (baseUrl === undefined) return [];
  const url = parseUrl(baseUrl);
  if (url === undefined) return ["baseUrl: must be an absolute URL"];
  const problems: string[] = [];
  if (url.href !== `${url.origin}/`) {
    problems.push(
      `baseUrl: must be an origin such as ${url.origin}; put a path prefix into the option paths`,
    );
  }
  if (url.protocol !== "https:" && !isLoopbackHttp(url)) {
    problems.push(
      "baseUrl: must be https; http works on localhost and loopback addresses only",
    );
  }
  return problems;
}

function providerProblems(values: CheckableOptions): string[] {
  const { issuer, clientSecret, clientAuth, idTokenSigningAlg, scope } = values;
  const problems: string[] = [];
  if (issuer !== undefined) {
    const url = parseUrl(issuer);
    if (url === undefined) problems.push("issuer: must be an absolute URL");
    else {
      problems.push(...httpsProblems("issuer", url, values));
      if (hasMore(url)) {
        problems.push("issuer: must have no query, fragment or user name");
      }
      if (url.pathname.includes("/.well-known/")) {
        problems.push(
          "issuer: must be the issuer, not the address of its metadata",
        );
      }
    }
  }
  if (clientSecret === undefined && typeof clientAuth === "string") {
    problems.push(
      "clientSecret: is missing; set it, or set clientAuth to a function such as openid-client's PrivateKeyJwt(key)",
    );
  }
  if (clientSecret === undefined && idTokenSigningAlg?.startsWith("HS")) {
    problems.push("idTokenSigningAlg: HS algorithms need clientSecret");
  }
  if (scope !== undefined && !scope.split(" ").includes("openid")) {
    problems.push("scope: must contain openid");
  }
  return problems;
}

function timeoutProblems({ session }: CheckableOptions): string[] {
  if (session === undefined) return [];
  return session.idleTimeoutSeconds > session.absoluteTimeoutSeconds
    ? [
        "session.idleTimeoutSeconds: must not be larger than absoluteTimeoutSeconds",
      ]
    : [];
}

function resourceServerProblems(values: CheckableOptions): string[] {
  const problems: string[] = [];
  for (const [name, server] of Object.entries(values.resourceServers ?? {})) {
    const option = `resourceServers.${name}`;
    const url = parseUrl(server.url);
    if (url === undefined) {
      problems.push(`${option}.url: must be an absolute URL`);
    } else {
      problems.push(...httpsProblems(`${option}.url`, url, values));
      if (hasMore(url)) {
        problems.push(
          `${option}.url: must have no query, fragment or user name`,
        );
      }
    }
    // RFC 8707 section 2: an absolute URI without a fragment.
    const { resource } = server;
    if (
      resource !== undefined &&
      (!URL.canParse(resource) || resource.includes("#"))
    ) {
      problems.push(
        `${option}.resource: must be an absolute URI without a fragment`,
      );
    }
  }
  return problems;
}

function parameterProblems(values: CheckableOptions): string[] {
  const problems: string[] = [];
  const { authorizationParameters = {}, loginParameters = [] } = values;
  for (const name of Object.keys(authorizationParameters)) {
    if (OWN_PARAMETERS.has(name)) {
      problems.push(
        `authorizationParameters.${name}: is set by the kit and cannot be changed here`,
      );
    }
  }
  const maxAge = authorizationParameters["max_age"];
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) {
    problems.push("authorizationParameters.max_age: must be whole seconds");
  }
  for (const name of loginParameters) {
    if (OWN_PARAMETERS.has(name) || name === "return_to") {
      problems.push(
        `loginParameters: ${name} cannot be left to whoever makes the link`,
      );
    }
  }
  return problems;
}

function localPathProblems(values: CheckableOptions): string[] {
  const { defaultReturnTo, postLogoutReturnTo, paths } = values;
  const problems: string[] = [];
  for (const [option, value] of Object.entries({
    defaultReturnTo,
    postLogoutReturnTo,
  })) {
    if (value !== undefined && localPath(value) === undefined) {
      problems.push(`${option}: must be a path on this application`);
    }
  }
  const used = Object.values(paths ?? {});
  if (new Set(used).size < used.length) {
    problems.push("paths: two endpoints have the same path");
  }
  return problems;
}

function storeProblems(
  { redis }: CheckableOptions,
  { production }: { readonly production: boolean },
): string[] {
  if (redis !== undefined || !production) return [];
  return [
    "redis: is missing. The embedded store loses every login at a restart and cannot be shared, so it is refused when NODE_ENV=production; hand over a node-redis client",
  ];
}

/** Query, fragment, user name or password. */
function hasMore(url: URL): boolean {
  return `${url.search}${url.hash}${url.username}${url.password}` !== "";
}

function httpsProblems(
  option: string,
  url: URL,
  values: CheckableOptions,
): string[] {
  if (url.protocol === "https:" || isLoopbackHttp(url)) return [];
  if (url.protocol === "http:" && values.dangerouslyAllowInsecureRequests) {
    return [];
  }
  return [
    `${option}: must be https; http works on loopback addresses, elsewhere only with dangerouslyAllowInsecureRequests`,
  ];
}

function parseUrl(value: string): URL | undefined {
  return URL.canParse(value) ? new URL(value) : undefined;
}

function toConfig(values: ParsedOptions): Config {
  const { session, ...rest } = values;
  const baseUrl = new URL(values.baseUrl).origin;
  const secureCookies = baseUrl.startsWith("https:");
  const cookieName = session.cookieName ?? "session";
  const [first = "", ...others] = [session.secret].flat();
  return Object.freeze({
    ...rest,
    authorizationParameters: Object.freeze(values.authorizationParameters),
    loginParameters: Object.freeze(values.loginParameters),
    paths: Object.freeze(values.paths),
    carryOver: Object.freeze(values.carryOver),
    sessionClaims: Object.freeze(values.sessionClaims),
    clientSecret: values.clientSecret,
    redis: values.redis,
    userInfo: values.userInfo,
    answerError: values.answerError,
    baseUrl,
    secureCookies,
    session: Object.freeze({
      secrets: Object.freeze([first, ...others] as const),
      // RFC 6265bis 4.1.3.2: the prefix makes browsers insist on Secure, on
      // Path=/ and on the absence of Domain, so no sibling host can plant it.
      cookieName: secureCookies ? `__Host-${cookieName}` : cookieName,
      idleTimeoutSeconds: session.idleTimeoutSeconds,
      absoluteTimeoutSeconds: session.absoluteTimeoutSeconds,
    }),
    resourceServers: new Map(
      Object.entries(values.resourceServers).map(([name, server]) => [
        name,
        Object.freeze({
          name,
          url: new URL(server.url),
          resource: server.resource,
          scope: server.scope,
          tokenExchange: server.tokenExchange,
          timeoutSeconds: server.timeoutSeconds,
        }),
      ]),
    ),
    allowInsecureRequests:
      values.dangerouslyAllowInsecureRequests ||
      new URL(values.issuer).protocol === "http:",
  });
}
