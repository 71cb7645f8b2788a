/** Whether the options can be understood. */
import { ConfigError } from "../../base/errors.js";
import { readConfig, type Config } from "../../config/config.js";
import type { LoginKitOptions } from "../../config/options.js";
import { clientProblems } from "../../stores/redis/redis-command.js";
import type { Finding } from "../findings.js";

/** What the options say; without a configuration nothing more can be looked at. */
export interface CheckedOptions {
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

const SUBJECT = "options";

/** Reads the options as `createLoginKit` does. */
export function checkOptions(
  options: unknown,
  nodeEnv: string | undefined,
): CheckedOptions {
  let config: Config;
  try {
    config = readConfig(options as LoginKitOptions, { nodeEnv });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return {
      config: undefined,
      findings: error.problems.map((cause) => ({
        check: "shape",
        subject: SUBJECT,
        severity: "error",
        cause,
        remedy: "Correct the option; nothing else can be looked at before.",
        link: "docs/options.md",
      })),
    };
  }
  return { config, findings: [...wellFormed(config), ...cookies(config)] };
}

function wellFormed(config: Config): Finding[] {
  const findings: Finding[] = [
    {
      check: "shape",
      subject: SUBJECT,
      severity: "ok",
      cause: "createLoginKit takes them",
    },
  ];
  const { redis, store } = config;
  if (redis === undefined && store === undefined) {
    findings.push({
      check: "store",
      subject: SUBJECT,
      severity: "warning",
      cause:
        "logins are kept in the process: each ends with it, and a second process knows none of them",
      remedy: "Hand over a Redis client: redis: await redisClient({ url })",
      link: "docs/redis.md",
    });
  }
  for (const cause of redis === undefined ? [] : clientProblems(redis)) {
    findings.push({
      check: "store",
      subject: SUBJECT,
      severity: "warning",
      cause: `the Redis client: ${cause}`,
      remedy: "Make it with redisClient of express-login-kit/redis",
      link: "docs/redis.md#a-client-of-your-own",
    });
  }
  const wantsRefresh = [...config.resourceServers.values()].some(
    ({ resource }) => resource !== undefined,
  );
  for (const { name, scope } of config.providers.values()) {
    if (!wantsRefresh || scope.split(" ").includes("offline_access")) continue;
    findings.push({
      check: "scope",
      subject: `provider ${name}`,
      severity: "warning",
      cause:
        "resourceServers with a resource need a refresh token, and scope has no offline_access",
      remedy:
        "Add offline_access to scope, unless the provider gives refresh tokens without",
      link: "docs/sessions-and-tokens.md",
    });
  }
  return findings;
}

function cookies(config: Config): Finding[] {
  const { baseUrls, secureCookies, session } = config;
  const where = { check: "cookies", subject: SUBJECT } as const;
  if (!secureCookies) {
    return [
      {
        ...where,
        severity: "note",
        cause: `cookies are sent without Secure, because baseUrl is ${baseUrls[0]}`,
        remedy: "In production set baseUrl to the https address of browsers",
        link: "docs/options.md",
      },
    ];
  }
  return [
    {
      ...where,
      severity: "ok",
      cause: `${session.cookieName} goes to ${baseUrls.join(", ")} by https alone`,
    },
  ];
}
