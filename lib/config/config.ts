/** Options in, one frozen Config out; every problem is reported at once. */
import { toldAsUndefined } from "../base/checked.js";
import { defaultCookieName } from "../base/cookie-names.js";
import { ConfigError } from "../base/errors.js";
import { keyPrefixOf } from "../stores/key-prefix.js";
import {
  applicationProblems,
  applicationShape,
  type ApplicationConfig,
} from "./application-options.js";
import { isDevelopment, type Environment } from "./environment.js";
import type { LoginKitOptions } from "./options.js";
import {
  outgoingProblems,
  outgoingShape,
  type OutgoingConfig,
} from "./outgoing-options.js";
import {
  providerProblems,
  providerShape,
  type ProviderConfig,
} from "./provider-options.js";
import { readOptions } from "./read-options.js";
import {
  resourceServersOf,
  tokenProblems,
  tokenShape,
  type ResourceServer,
  type TokenValues,
} from "./resource-server-options.js";
import {
  sessionConfig,
  storeProblems,
  storeShape,
  type SessionConfig,
  type StoreValues,
} from "./session-options.js";

export type { ResourceServer } from "./resource-server-options.js";

/** Options whose shape is right, with their defaults. */
type Values = ProviderConfig &
  OutgoingConfig &
  ApplicationConfig &
  StoreValues &
  TokenValues;

/** The checked options: what every other file works with. */
export interface Config
  extends
    ProviderConfig,
    OutgoingConfig,
    ApplicationConfig,
    Omit<StoreValues, "session" | "redisKeyPrefix">,
    Omit<TokenValues, "resourceServers"> {
  readonly session: SessionConfig;
  readonly resourceServers: ReadonlyMap<string, ResourceServer>;
  /** False only on loopback http: cookies then have plain names and no Secure. */
  readonly secureCookies: boolean;
  /** What every key of this application in the store begins with: `redisKeyPrefix` and its own part. */
  readonly keyPrefix: string;
  /** Whether the provider is reached by http at all: on loopback, or dangerously. */
  readonly allowInsecureRequests: boolean;
  /** Whether error pages tell developers what exactly happened: in development only. */
  readonly explainsErrors: boolean;
}

const shape = {
  ...providerShape,
  ...outgoingShape,
  ...applicationShape,
  ...storeShape,
  ...tokenShape,
};

/**
 * Checks the options of `createLoginKit`.
 *
 * @throws {ConfigError} that lists every problem.
 */
export function readConfig(
  options: LoginKitOptions,
  environment: Environment,
): Config {
  const { values, problems, misshapen } = readOptions<Values>(shape, options);
  const broken = brokenRules(values, environment)
    .map((problem) => [problem, problem.split(":", 1)] as const)
    // What was left out because its shape is wrong is not missing.
    .filter(
      ([problem, [option = ""]]) =>
        !problem.includes(": is missing") || !misshapen.has(option),
    )
    .map(([problem, path]) => toldAsUndefined(problem, options, path));
  if (problems.length + broken.length > 0) {
    throw new ConfigError([...problems, ...broken]);
  }
  return frozen(toConfig(values as Values, environment));
}

/** Every rule that the options break, as lines for people. */
function brokenRules(
  values: Partial<Values>,
  environment: Environment,
): string[] {
  const { baseUrl, session, dangerouslyAllowInsecureRequests = false } = values;
  const cookie = session?.cookieName ?? defaultCookieName(baseUrl ?? "");
  return [
    ...applicationProblems(values),
    ...providerProblems(values, dangerouslyAllowInsecureRequests),
    ...tokenProblems(values, dangerouslyAllowInsecureRequests, cookie),
    ...outgoingProblems(values, values.resourceServers),
    ...storeProblems(values, baseUrl, environment),
  ];
}

function toConfig(values: Values, environment: Environment): Config {
  const { session, redisKeyPrefix, resourceServers, ...others } = values;
  const baseUrl = new URL(values.baseUrl).origin;
  return {
    ...others,
    baseUrl,
    session: sessionConfig(session, baseUrl),
    resourceServers: resourceServersOf(resourceServers),
    secureCookies: baseUrl.startsWith("https:"),
    keyPrefix: keyPrefixOf(redisKeyPrefix, values),
    allowInsecureRequests:
      values.dangerouslyAllowInsecureRequests ||
      new URL(values.issuer).protocol === "http:",
    explainsErrors: isDevelopment(values.baseUrl, environment),
  };
}

/** The plain objects and lists of a configuration cannot be changed any more. */
function frozen(config: Config): Config {
  for (const value of Object.values<unknown>({ ...config })) {
    const isPlain =
      typeof value === "object" &&
      value !== null &&
      [Object.prototype, Array.prototype, null].includes(
        Object.getPrototypeOf(value) as object | null,
      );
    if (isPlain) Object.freeze(value);
  }
  return Object.freeze(config);
}
