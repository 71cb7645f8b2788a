/** Options in, one frozen Config out; every problem is reported at once. */
import type { ErrorRequestHandler } from "express";
import type { ClientAuth } from "openid-client";
import { z } from "zod";
import {
  describeIssue,
  toldAsUndefined,
  membersOf,
  withFunctions,
} from "../base/checked.js";
import { defaultCookieName } from "../base/cookie-names.js";
import { ConfigError } from "../base/errors.js";
import { keyPrefixOf } from "../stores/key-prefix.js";
import type { StoreDriver } from "../stores/driver.js";
import type { RedisClient } from "../stores/redis/redis-command.js";
import {
  brokenRules,
  isDevelopment,
  type CheckableOptions,
  type Environment,
} from "./options-rules.js";
import type { LoginKitOptions, Paths } from "./options.js";

/** A resource server after checking. */
export interface ResourceServer {
  readonly name: string;
  readonly url: URL;
  readonly resource: string | undefined;
  readonly scope: string | undefined;
  readonly tokenExchange: boolean;
  readonly timeoutSeconds: number;
  readonly totalTimeoutSeconds: number | undefined;
  readonly maxConnections: number;
  readonly maxRequestsPerLogin: number;
  /** In small letters. */
  readonly requestHeaders: readonly string[];
  /** In small letters. */
  readonly responseHeaders: readonly string[];
  readonly cookies: ReadonlySet<string>;
  readonly tellClientAddress: boolean;
  readonly allowSemicolonsInPaths: boolean;
  readonly allowEncodedSlashesInPaths: boolean;
  readonly circuitBreaker:
    { readonly failures: number; readonly seconds: number } | undefined;
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
    readonly endClaim: string | undefined;
    readonly maxLoginsPerUser: number;
    readonly recordDevice: boolean;
  };
  readonly redis: RedisClient | undefined;
  readonly store: StoreDriver | undefined;
  /** What every key of this application in Redis begins with: `redisKeyPrefix` and its own part. */
  readonly keyPrefix: string;
  readonly scope: string;
  readonly authorizationParameters: Readonly<Record<string, string>>;
  readonly loginParameters: readonly string[];
  readonly responseMode: "query" | "form_post";
  readonly userInfo: boolean | undefined;
  readonly idTokenSigningAlg: string;
  readonly userInfoSigningAlg: string | undefined;
  readonly trustedAudiences: ReadonlySet<string>;
  readonly acrOrder: readonly string[];
  readonly pushedAuthorizationRequests: "auto" | "always" | "never";
  readonly clockToleranceSeconds: number;
  readonly resourceServers: ReadonlyMap<string, ResourceServer>;
  readonly refreshLeewaySeconds: number;
  readonly paths: Paths;
  readonly defaultReturnTo: string;
  readonly postLogoutReturnTo: string;
  readonly logoutByGet: "confirm" | "refuse";
  readonly clearSiteData: readonly ("cache" | "cookies" | "storage")[];
  readonly backchannelLogout: {
    readonly requireType: boolean;
    readonly requireExpiry: boolean;
  };
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
  /** Whether error pages tell developers what exactly happened: in development only. */
  readonly explainsErrors: boolean;
}

const seconds = (fallback: number, max: number) =>
  z.number().positive().max(max).default(fallback);
const path = z
  .string()
  .regex(
    /^(?:\/[A-Za-z0-9\-._~]+)+$/,
    "must be a path such as /login, without query and final slash",
  );
/** Signatures that are verified with a published key (RFC 7518 3.1, RFC 8037). */
const PUBLIC_KEY_ALGS = [
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
] as const;

const text = z.string().min(1).max(4096);
const required = (remedy: string) =>
  z
    .string({
      error: ({ input }) =>
        input === undefined ? `is missing; ${remedy}` : undefined,
    })
    .min(1, `must not be empty; ${remedy}`)
    .max(4096);
const MAKE_SECRET = `node -p "crypto.randomBytes(32).toString('base64url')"`;
const secret = z
  .string()
  .max(4096)
  .min(32, `needs at least 32 characters; make one with: ${MAKE_SECRET}`);
const names = z.array(text);
const headerNames = z.array(
  z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, "must be names of headers")
    .transform((name) => name.toLowerCase()),
);
const functionValue = <Value>(what: string) =>
  z.custom<Value>((value) => typeof value === "function", what);

const REDIS_COMMANDS = [
  "get",
  "set",
  "del",
  "hmGet",
  "eval",
  "subscribe",
  "unsubscribe",
  "withTypeMapping",
] as const;

const STORE_METHODS = [
  "read",
  "decide",
  "enter",
  "leave",
  "members",
  "note",
  "subscribe",
] as const;

const optionsSchema = membersOf({
  issuer: required(
    "set it to the provider's issuer, such as https://op.example",
  ),
  clientId: required("set it to what the provider calls this application"),
  clientSecret: text.optional(),
  clientAuth: z
    .union(
      [
        z.enum(["client_secret_basic", "client_secret_post"]),
        functionValue<ClientAuth>(""),
      ],
      "must be client_secret_basic, client_secret_post, or a function such as PrivateKeyJwt(key), ClientSecretJwt(secret) or None() of this package",
    )
    .default("client_secret_basic"),
  baseUrl: required(
    "set it to where browsers reach this application, such as https://shop.example",
  ),
  session: membersOf({
    secret: z.union([secret, z.array(secret).min(1)], {
      error: ({ input }) =>
        `${input === undefined ? "is missing" : "must be a text or a list of texts"}; make one with: ${MAKE_SECRET}`,
    }),
    cookieName: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, "may hold letters, digits, - and _ only")
      .optional(),
    idleTimeoutSeconds: z.number().positive().max(31_536_000).optional(),
    absoluteTimeoutSeconds: seconds(28_800, 31_536_000),
    endClaim: text.optional(),
    maxLoginsPerUser: z.int().min(1).max(1000).default(1000),
    recordDevice: z.boolean().default(false),
  }),
  redis: withFunctions<RedisClient>(
    REDIS_COMMANDS,
    "must be a client of node-redis 5 or later (createClient, createSentinel, createCluster, or redisClient of express-login-kit/redis)",
  ).optional(),
  store: withFunctions<StoreDriver>(
    STORE_METHODS,
    "must be a store driver, which storeContract of express-login-kit/testing tries",
  ).optional(),
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
    .enum([...PUBLIC_KEY_ALGS, "HS256", "HS384", "HS512"])
    .default("RS256"),
  userInfoSigningAlg: z.enum(PUBLIC_KEY_ALGS).optional(),
  trustedAudiences: z.array(text).default([]),
  acrOrder: z
    .array(text.regex(/^\S+$/, "must be one name without spaces"))
    .min(2, "must have two values at least, from the weakest to the strongest")
    .optional(),
  pushedAuthorizationRequests: z
    .enum(["auto", "always", "never"])
    .default("auto"),
  clockToleranceSeconds: z.number().min(0).max(300).default(30),
  resourceServers: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9_-]+$/, "names may hold letters, digits, - and _"),
      membersOf({
        url: text,
        resource: text.optional(),
        scope: text.optional(),
        tokenExchange: z.boolean().default(false),
        timeoutSeconds: seconds(30, 3600),
        totalTimeoutSeconds: z.number().positive().max(86_400).optional(),
        maxConnections: z.int().min(1).max(10_000).default(128),
        maxRequestsPerLogin: z.int().min(1).max(10_000).default(256),
        requestHeaders: headerNames.default([]),
        responseHeaders: headerNames.default([]),
        cookies: names.default([]),
        tellClientAddress: z.boolean().default(false),
        allowSemicolonsInPaths: z.boolean().default(false),
        allowEncodedSlashesInPaths: z.boolean().default(false),
        circuitBreaker: membersOf({
          failures: z.int().min(1).max(1000),
          seconds: z.number().positive().max(3600),
        }).optional(),
      }),
    )
    .default({}),
  refreshLeewaySeconds: z.number().min(0).max(3600).default(30),
  paths: membersOf({
    login: path.default("/login"),
    callback: path.default("/callback"),
    logout: path.default("/logout"),
    loggedOut: path.default("/logged-out"),
    session: path.default("/session"),
    sessionEvents: path.default("/session/events"),
    backchannelLogout: path.default("/backchannel-logout"),
    frontchannelLogout: path.default("/frontchannel-logout"),
    checkSession: path.default("/check-session"),
    initiateLogin: path.default("/initiate-login"),
  }).prefault({}),
  defaultReturnTo: text.default("/"),
  postLogoutReturnTo: text.default("/"),
  logoutByGet: z.enum(["confirm", "refuse"]).default("confirm"),
  clearSiteData: z
    .array(z.enum(["cache", "cookies", "storage"]))
    .default(["cache", "storage"]),
  backchannelLogout: membersOf({
    requireType: z.boolean().default(false),
    requireExpiry: z.boolean().default(true),
  }).prefault({}),
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

/**
 * Checks the options of `createLoginKit`.
 *
 * @throws {ConfigError} that lists every problem.
 */
export function readConfig(
  options: LoginKitOptions,
  environment: Environment,
): Config {
  const parsed = optionsSchema.safeParse(options);
  const issues = parsed.error?.issues ?? [];
  // zod says `string | undefined` where our types say that a member may be absent.
  const checkable =
    (parsed.data as CheckableOptions | undefined) ?? sound(options, issues);
  const problems = brokenRules(checkable, environment);
  if (parsed.data === undefined || problems.length > 0) {
    const misshapen = new Set(issues.map(({ path: [option] }) => option));
    throw new ConfigError([
      ...issues.map((issue) =>
        toldAsUndefined(describeIssue(issue, "options"), options, issue.path),
      ),
      ...problems
        .map((problem) => [problem, problem.split(":", 1)] as const)
        .filter(
          // What was left out because its shape is wrong is not missing.
          ([problem, [option]]) =>
            !problem.includes(": is missing") || !misshapen.has(option),
        )
        .map(([problem, path]) => toldAsUndefined(problem, options, path)),
    ]);
  }
  return toConfig(parsed.data, environment);
}

/** What of the options has the right shape, so that the other rules can speak too. */
function sound(
  options: unknown,
  issues: readonly z.core.$ZodIssue[],
): CheckableOptions {
  if (typeof options !== "object" || options === null) return {};
  const given = new Map<string, unknown>(Object.entries(options));
  const checked = Object.entries(optionsSchema.out.shape).map(
    ([name, schema]) => {
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
    },
  );
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

function toConfig(values: ParsedOptions, environment: Environment): Config {
  const { session, redisKeyPrefix, ...rest } = values;
  const baseUrl = new URL(values.baseUrl).origin;
  const secureCookies = baseUrl.startsWith("https:");
  const cookieName = session.cookieName ?? defaultCookieName(baseUrl);
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
    store: values.store,
    keyPrefix: keyPrefixOf(redisKeyPrefix, values),
    userInfo: values.userInfo,
    userInfoSigningAlg: values.userInfoSigningAlg,
    trustedAudiences: new Set(values.trustedAudiences),
    acrOrder: Object.freeze(values.acrOrder ?? []),
    answerError: values.answerError,
    baseUrl,
    secureCookies,
    explainsErrors: isDevelopment(values.baseUrl, environment),
    session: Object.freeze({
      secrets: Object.freeze([first, ...others] as const),
      // RFC 6265bis 4.1.3.2: the prefix makes browsers insist on Secure, on
      // Path=/ and on the absence of Domain, so no sibling host can plant it.
      cookieName: secureCookies ? `__Host-${cookieName}` : cookieName,
      idleTimeoutSeconds:
        session.idleTimeoutSeconds ??
        Math.min(1800, session.absoluteTimeoutSeconds),
      absoluteTimeoutSeconds: session.absoluteTimeoutSeconds,
      endClaim: session.endClaim,
      maxLoginsPerUser: session.maxLoginsPerUser,
      recordDevice: session.recordDevice,
    }),
    clearSiteData: Object.freeze(values.clearSiteData),
    backchannelLogout: Object.freeze(values.backchannelLogout),
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
          totalTimeoutSeconds: server.totalTimeoutSeconds,
          maxConnections: server.maxConnections,
          maxRequestsPerLogin: server.maxRequestsPerLogin,
          requestHeaders: server.requestHeaders,
          responseHeaders: server.responseHeaders,
          cookies: new Set(server.cookies),
          tellClientAddress: server.tellClientAddress,
          allowSemicolonsInPaths: server.allowSemicolonsInPaths,
          allowEncodedSlashesInPaths: server.allowEncodedSlashesInPaths,
          circuitBreaker: server.circuitBreaker,
        }),
      ]),
    ),
    allowInsecureRequests:
      values.dangerouslyAllowInsecureRequests ||
      new URL(values.issuer).protocol === "http:",
  });
}
