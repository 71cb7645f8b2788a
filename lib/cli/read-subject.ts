/** What the doctor looks at: the options of a module, or those of the environment. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ManagedRedisClient } from "../redis/redis-client.js";

/** The options, and what has to be closed afterwards. */
export interface Subject {
  readonly options: unknown;
  readonly close: () => Promise<void>;
}

/**
 * The options that a module exports as `options`, or by default: the options
 * themselves, a promise of them, or a function that gives them.
 *
 * @throws {Error} where it exports none
 */
export async function subjectOfModule(path: string): Promise<Subject> {
  const module = (await import(pathToFileURL(resolve(path)).href)) as Readonly<
    Record<string, unknown>
  >;
  const exported = module["options"] ?? module["default"];
  if (exported === undefined) {
    throw new Error(
      `${path} exports no options; write: export const options = { issuer, clientId, … }, and createLoginKit(options) where the application starts`,
    );
  }
  const options: unknown = await (typeof exported === "function"
    ? (exported as () => unknown)()
    : exported);
  return { options, close: () => Promise.resolve() };
}

/** The variables that stand for options. */
const VARIABLES = {
  issuer: "OIDC_ISSUER",
  clientId: "OIDC_CLIENT_ID",
  clientSecret: "OIDC_CLIENT_SECRET",
  baseUrl: "BASE_URL",
  scope: "OIDC_SCOPE",
} as const;

/**
 * The options that the environment has: `OIDC_ISSUER`, `OIDC_CLIENT_ID`,
 * `OIDC_CLIENT_SECRET`, `OIDC_SCOPE`, `BASE_URL`, `SESSION_SECRET` and `REDIS_URL`.
 *
 * @throws {Error} where `REDIS_URL` is set and the package `redis` is not installed
 */
export async function subjectOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Subject> {
  const named = Object.entries(VARIABLES)
    .map(([option, variable]) => [option, environment[variable]] as const)
    // Without a scope the default counts; anything else that is missing is told.
    .filter(([option, value]) => option !== "scope" || value !== undefined);
  const url = environment["REDIS_URL"];
  const redis = url === undefined ? undefined : await redisAt(url);
  const options = {
    ...Object.fromEntries(named),
    session: { secret: environment["SESSION_SECRET"] },
    ...(redis && { redis }),
  };
  return { options, close: async () => redis?.close() };
}

/** Loaded here: who keeps logins in the process has no package `redis`. */
async function redisAt(url: string): Promise<ManagedRedisClient> {
  let entry;
  try {
    entry = await import("../redis/redis-client.js");
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") {
      throw cause;
    }
    throw new Error(
      "REDIS_URL is set, but the package redis is not installed: npm install redis connect-redis@9",
      { cause },
    );
  }
  return entry.redisClient({ url, onError: () => undefined });
}
