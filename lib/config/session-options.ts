/** Options about the session and the store: what they are, may be, and are by default. */
import * as z from "zod";
import { membersOf, withFunctions } from "../base/checked.js";
import { defaultCookieName } from "../base/cookie-names.js";
import type { StoreDriver } from "../stores/driver.js";
import { parseUrl } from "../base/parse-url.js";
import type { RedisClient } from "../stores/redis/redis-command.js";
import { isDevelopment, type Environment } from "./environment.js";
import { flag, seconds, text } from "./option-values.js";
import type { Filled, Shape } from "./read-options.js";

/** Options of the session and its cookie. */
export interface SessionOptions {
  /**
   * Signs the cookie and seals tokens at rest. At least 32 characters. Of several
   * the first is used and all are accepted, so that it can be changed.
   *
   * @see docs/security.md#changing-sessionsecret
   */
  readonly secret: string | readonly string[];
  /**
   * Name of the session cookie: letters, digits, `-`, `_`. `__Host-` is put
   * before it, except on loopback http. Default `session`, and `session-3000`
   * where `baseUrl` names port 3000, `session-shop` where its path is `/shop`:
   * cookies know no ports, and these have the path `/`.
   *
   * Two kits on one origin need two names.
   */
  readonly cookieName?: string;
  /**
   * A login that is not used for so long ends. Seconds, up to a year, default
   * 1800, or `absoluteTimeoutSeconds` where that is smaller.
   */
  readonly idleTimeoutSeconds?: number;
  /**
   * A login ends after so long in any case. Seconds, up to a year, default 28800.
   *
   * Also how long a `req.session` without a login is kept after its last write.
   */
  readonly absoluteTimeoutSeconds?: number;
  /**
   * A claim of the ID Token with a time at which the login ends at the latest,
   * in seconds since 1970: `exp`, or `session_expiry` where a provider sends it.
   * Default: none, the provider's times do not count.
   */
  readonly endClaim?: string;
  /**
   * How long after a sign-in browsers keep the session cookie, also when they are
   * closed meanwhile. Seconds, up to a year, at most `absoluteTimeoutSeconds`.
   * Default: none, the cookie goes with the browser's session.
   *
   * After that it is gone, also from a browser that stays open. Whoever opens the browser again is the user who signed in. The login itself
   * ends as early as without: set `idleTimeoutSeconds` as long as it may be unused.
   */
  readonly persistSeconds?: number;
  /** A user's logins at the same time; with one more the oldest ends. 1 to 1000, default 1000. */
  readonly maxLoginsPerUser?: number;
  /**
   * Whether user agent (up to 256 characters) and IP address are kept with a
   * login, for `kit.sessions.list`. Personal data. Default false.
   */
  readonly recordDevice?: boolean;
  /**
   * Whether tokens open with their browser's cookie only, which holds a part of
   * their key: Redis and `secret` together do not open them while it is away. A login
   * that ends meanwhile is not revoked (`token.not_revoked` tells). Default false.
   *
   * @see docs/sessions-and-tokens.md#tokens-that-need-the-browsers-cookie
   */
  readonly tokensNeedCookie?: boolean;
}

/** Options about where logins are kept, and how long they live. */
export interface StoreOptions {
  /** The session, its cookie, and how long logins live. */
  readonly session: SessionOptions;
  /**
   * A connected node-redis client (single server, Sentinel or Cluster): where
   * logins are kept. Needs the package `connect-redis` 9.
   *
   * Default none: an embedded store in the process, for development; refused where
   * others reach `baseUrl`, unless `NODE_ENV` is `development` or `test`, and
   * always when it is `production`.
   *
   * @see docs/redis.md
   */
  readonly redis?: RedisClient;
  /**
   * A store of your own in place of `redis`: a driver for a database that your
   * processes share. It is handed bytes to keep, sealed where they say who is
   * signed in or hold tokens. Default none.
   *
   * @see docs/testing.md#a-store-of-your-own
   */
  readonly store?: StoreDriver;
  /**
   * Prefix of every key in Redis or in `store`, without braces and spaces. Default `login-kit:`.
   * A part made of `issuer` and `clientId` follows, so different applications
   * never meet.
   */
  readonly redisKeyPrefix?: string;
  /** How long one answer of Redis or of `store` may take. Seconds, up to 60, default 2. */
  readonly storeTimeoutSeconds?: number;
}

type SessionValues = Filled<
  SessionOptions,
  "cookieName" | "idleTimeoutSeconds" | "endClaim" | "persistSeconds"
>;

/** {@link StoreOptions} whose shape is right. */
export type StoreValues = Omit<
  Filled<StoreOptions, "redis" | "store">,
  "session"
> & {
  readonly session: SessionValues;
};

/** {@link SessionOptions} after checking. */
export interface SessionConfig extends Omit<
  Filled<SessionOptions, "endClaim" | "persistSeconds">,
  "secret"
> {
  /** The first is used, all are accepted. */
  readonly secrets: readonly [string, ...string[]];
}

const MAKE_SECRET = `node -p "crypto.randomBytes(32).toString('base64url')"`;
const MIN_SECRET = 32;
const secret = z
  .string()
  .max(4096)
  .min(
    MIN_SECRET,
    `needs at least 32 characters; make one with: ${MAKE_SECRET}`,
  )
  .refine(
    (value) => value.length < MIN_SECRET || isHardToGuess(value),
    `is a placeholder or a repetition, which others can guess; make one with: ${MAKE_SECRET}`,
  );

/** The fewest different characters of a secret; a random one of 32 has some 20. */
const MIN_DIFFERENT_CHARACTERS = 6;

/** Words of samples that were copied and not filled in. */
const PLACEHOLDER =
  /change.?(?:me|this)|replace.?(?:me|this)|your.?(?:session.?)?secret|placeholder|keyboard.?cat|secret.that.the.provider|at.least.32/i;

/** Not by its entropy, which nobody can measure: what is surely no secret is refused. */
function isHardToGuess(value: string): boolean {
  return (
    new Set(value).size >= MIN_DIFFERENT_CHARACTERS &&
    ![value, value.replace(/[\W_]/g, "")].some(isRepetition) &&
    !PLACEHOLDER.test(value)
  );
}

/** Whether a text is its own beginning again; the last time it may break off. */
function isRepetition(text: string): boolean {
  const longest = Math.floor(text.length / 1.5);
  const periods = Array.from({ length: longest }, (_, index) => index + 1);
  return periods.some((period) => text.startsWith(text.slice(period)));
}

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

/** What they may be. */
export const storeShape: Shape<StoreValues> = {
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
    persistSeconds: z.number().positive().max(31_536_000).optional(),
    maxLoginsPerUser: z.int().min(1).max(1000).default(1000),
    recordDevice: flag(false),
    tokensNeedCookie: flag(false),
  }),
  redis: withFunctions<RedisClient>(
    REDIS_COMMANDS,
    (value) =>
      `must be a client of node-redis 5 or later (createClient, createSentinel, createCluster, or redisClient of express-login-kit/redis)${insteadOfClient(value)}`,
  ).optional(),
  store: withFunctions<StoreDriver>(
    STORE_METHODS,
    "must be a store driver, which storeContract of express-login-kit/testing tries",
  ).optional(),
  redisKeyPrefix: z
    .string()
    .regex(/^[^{}\s]*$/, "may not hold braces or spaces")
    .default("login-kit:"),
  storeTimeoutSeconds: seconds(2, 60),
};

/** What they must fulfil beyond that, as lines for people; some may be missing because their shape was wrong. */
export function storeProblems(
  values: Partial<StoreValues>,
  baseUrls: readonly string[],
  environment: Environment,
): string[] {
  return [
    ...timeoutProblems(values),
    ...redisProblems(values, baseUrls, environment),
  ];
}

/** The session as it is from now on. */
export function sessionConfig(
  { secret, cookieName, idleTimeoutSeconds, ...others }: SessionValues,
  baseUrl: string,
): SessionConfig {
  const [first = "", ...older] = [secret].flat();
  const name = cookieName ?? defaultCookieName(baseUrl);
  return {
    ...others,
    secrets: [first, ...older],
    // RFC 6265bis 4.1.3.2: the prefix makes browsers insist on Secure, on
    // Path=/ and on the absence of Domain, so no sibling host can plant it.
    cookieName: baseUrl.startsWith("https:") ? `__Host-${name}` : name,
    idleTimeoutSeconds:
      idleTimeoutSeconds ?? Math.min(1800, others.absoluteTimeoutSeconds),
  };
}

function timeoutProblems({ session }: Partial<StoreValues>): string[] {
  const {
    idleTimeoutSeconds = 0,
    persistSeconds = 0,
    absoluteTimeoutSeconds = Infinity,
  } = session ?? {};
  return Object.entries({ idleTimeoutSeconds, persistSeconds }).flatMap(
    ([name, seconds]) =>
      seconds > absoluteTimeoutSeconds
        ? [`session.${name}: must not be larger than absoluteTimeoutSeconds`]
        : [],
  );
}

function isWebAddress(url: string): boolean {
  return /^https?:$/.test(parseUrl(url)?.protocol ?? "");
}

/** What is mostly handed over in place of a client. */
function insteadOfClient(value: unknown): string {
  if (value instanceof Promise)
    return "; this is a promise: write await before it";
  return typeof value === "string"
    ? "; this is a text: write await redisClient({ url })"
    : "";
}

function redisProblems(
  { redis, store }: Partial<StoreValues>,
  baseUrls: readonly string[],
  environment: Environment,
): string[] {
  if (redis !== undefined && store !== undefined) {
    return ["store: is in place of redis; hand over one of them"];
  }
  if (redis !== undefined || store !== undefined) return [];
  const missing =
    "redis: is missing. The embedded store loses every login at a restart and cannot be shared, so it is refused";
  if (environment.nodeEnv === "production") {
    return [
      `${missing} when NODE_ENV=production; hand over a node-redis client`,
    ];
  }
  // Of what is no address nobody knows who reaches it.
  if (!baseUrls.every(isWebAddress)) return [];
  if (isDevelopment(baseUrls, environment)) return [];
  return [
    `${missing} where others reach baseUrl; hand over a node-redis client, or set NODE_ENV=development`,
  ];
}
