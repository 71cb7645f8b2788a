/** What tests of the options share: the least that is enough, and what is said of a change to it. */
import {
  type Config,
  type ProviderConfig,
  readConfig,
} from "../../lib/config/config.js";
import type { Environment } from "../../lib/config/environment.js";
import type { LoginKitOptions } from "../../lib/config/options.js";
import { ConfigError } from "../../lib/base/errors.js";

/** A session secret that is long enough. */
export const SECRET = "a session secret of thirty-two characters";

/** Whatever a JavaScript caller may hand over. */
export type AnyOptions = Record<string, unknown>;

/** The options that are enough. */
export const minimal = {
  issuer: "https://op.example",
  clientId: "shop",
  clientSecret: "a client secret",
  baseUrl: "https://shop.example",
  session: { secret: SECRET },
} satisfies LoginKitOptions;

/** What counts is that the functions are there; the stores' own tests use real clients. */
export const CLIENT_METHODS = [
  "get",
  "set",
  "del",
  "hmGet",
  "eval",
  "subscribe",
  "unsubscribe",
  "withTypeMapping",
];
/** What passes for a Redis client. */
export const anyClient = clientWith(CLIENT_METHODS);

/** What has these methods, and no more. */
export function clientWith(methods: readonly string[]): object {
  return Object.fromEntries(methods.map((name) => [name, () => undefined]));
}

/** The configuration of the least options and these. */
export function read(change: AnyOptions): Config {
  return readConfig({ ...minimal, ...change }, { nodeEnv: "test" });
}

/** The only provider of the least options and these. */
export function readProvider(change: AnyOptions): ProviderConfig {
  const provider = read(change).providers.get("default");
  if (provider === undefined) throw new Error("there is no provider");
  return provider;
}

/** What is wrong with the least options and these; nothing where they are right. */
export function problemsOf(
  change: AnyOptions,
  environment: Environment = { nodeEnv: "test" },
): readonly string[] {
  const options = { ...minimal, ...change };
  try {
    readConfig(options, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** The error for the least options and these. */
export function errorOf(change: AnyOptions): ConfigError {
  try {
    read(change);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the options were accepted");
}
