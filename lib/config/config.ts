/** Options in, one frozen Config out; every problem is reported at once. */
import { defaultCookieName } from "../base/cookie-names.js";
import { ConfigError } from "../base/errors.js";
import { keyPrefixOf } from "../stores/key-prefix.js";
import {
  applicationProblems,
  applicationShape,
  basePathOf,
  type ApplicationConfig,
} from "./application-options.js";
import { isDevelopment, type Environment } from "./environment.js";
import { frozen } from "./frozen.js";
import { hookShape, type HookConfig } from "./hook-options.js";
import type { LoginKitOptions } from "./options.js";
import {
  outgoingProblems,
  outgoingShape,
  type OutgoingConfig,
} from "./outgoing-options.js";
import {
  lookProblems,
  lookShape,
  pagesConfig,
  type LookValues,
  type PagesConfig,
} from "./page-options.js";
import {
  namedProvider,
  ONLY_PROVIDER,
  onlyProvider,
  type ProviderConfig,
  type SharedByProviders,
} from "./provider-config.js";
import { providerShape, type ProviderValues } from "./provider-options.js";
import { providerProblems } from "./provider-rules.js";
import { allProblems, readOptions, type Shape } from "./read-options.js";
import {
  misplacedIn,
  readProviders,
  thoseOfOne,
  withoutThoseOfOne,
} from "./read-providers.js";
import {
  resourceServersOf,
  tokenProblems,
  tokenShape,
  type TokenValues,
} from "./resource-server-options.js";
import { profileServerProblems } from "./security-profile.js";
import {
  sessionConfig,
  storeProblems,
  storeShape,
  type SessionConfig,
  type StoreValues,
} from "./session-options.js";
import {
  severalProblems,
  severalShape,
  type NameValues,
  type SeveralValues,
} from "./several-providers-options.js";
import { telemetryShape, type TelemetryConfig } from "./telemetry-options.js";

export type { ProviderConfig } from "./provider-config.js";
export type { ResourceServer } from "./resource-server-options.js";

/** Options that are the same for one provider and several, with their defaults. */
type SharedValues = OutgoingConfig &
  TelemetryConfig &
  ApplicationConfig &
  HookConfig &
  LookValues &
  StoreValues &
  TokenValues;

/** Options of a kit whose shape is right. */
type Values = SharedValues & Partial<ProviderValues> & Partial<SeveralValues>;

/** The checked options: what every other file works with. */
export interface Config
  extends
    OutgoingConfig,
    TelemetryConfig,
    HookConfig,
    Omit<ApplicationConfig, "baseUrl">,
    Omit<StoreValues, "session" | "redisKeyPrefix">,
    Omit<TokenValues, "resourceServers">,
    Omit<SeveralValues, "providers"> {
  /** Origins of the application: the request's host chooses one. */
  readonly baseUrls: readonly [string, ...string[]];
  /** The path prefix that browsers see, without a slash at its end. All other paths here have it. */
  readonly basePath: string;
  /** Those that the options name, in their order. */
  readonly providers: ReadonlyMap<string, ProviderConfig>;
  /** False: there is one, and it needs no name. */
  readonly hasSeveralProviders: boolean;
  readonly sharedByProviders: SharedByProviders;
  readonly pages: PagesConfig;
  readonly session: SessionConfig;
  readonly resourceServers: SharedByProviders["resourceServers"];
  /** False only on loopback http: cookies then have plain names and no Secure. */
  readonly secureCookies: boolean;
  /** What every key of this application in the store begins with: `redisKeyPrefix` and its own part. */
  readonly keyPrefix: string;
  /** Whether error pages tell developers what exactly happened: in development only. */
  readonly explainsErrors: boolean;
}

const sharedShape = {
  ...outgoingShape,
  ...telemetryShape,
  ...applicationShape,
  ...hookShape,
  ...lookShape,
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
  const hasSeveral = namesSeveral(options);
  const misplaced = misplacedIn(options, hasSeveral);
  const reading = readOptions<Values>(
    {
      ...(hasSeveral ? severalShape : providerShape),
      ...sharedShape,
    } as Shape<Values>,
    misplaced.rest,
    Object.keys(severalShape),
  );
  const { values } = reading;
  const named = hasSeveral
    ? readProviders(
        values.providers ?? {},
        values.dangerouslyAllowInsecureRequests ?? false,
        values.paths ?? {},
        Object.keys(sharedShape),
      )
    : undefined;
  const problems = [
    ...misplaced.problems,
    ...allProblems(
      reading,
      brokenRules(values, environment, hasSeveral),
      options,
    ),
    ...(named?.problems ?? []),
    ...profileServerProblems(
      values.resourceServers ?? {},
      named?.values ?? new Map([[ONLY_PROVIDER, values]]),
    ),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  // A frozen client could not be closed.
  return frozen(toConfig(values as Values, environment, named?.values), [
    "redis",
    "store",
  ]);
}

/** Whether the options are those of several providers. */
function namesSeveral(options: unknown): boolean {
  return (
    typeof options === "object" &&
    options !== null &&
    ("providers" in options || "findProvider" in options)
  );
}

/** Every rule that the options break, as lines for people. */
function brokenRules(
  values: Partial<Values>,
  environment: Environment,
  hasSeveral: boolean,
): string[] {
  const { baseUrl = [], session, dangerouslyAllowInsecureRequests } = values;
  const allowsInsecure = dangerouslyAllowInsecureRequests ?? false;
  const [first = "", ...others] = [baseUrl].flat();
  const cookie = session?.cookieName ?? defaultCookieName(first);
  return [
    ...applicationProblems(values),
    ...lookProblems(values),
    ...(hasSeveral
      ? severalProblems(values, values.paths?.login)
      : providerProblems(values, allowsInsecure)),
    ...tokenProblems(values, allowsInsecure, cookie),
    ...forProviderProblems(values, hasSeveral),
    ...outgoingProblems(values, values.resourceServers),
    ...storeProblems(
      values,
      first === "" ? [] : [first, ...others],
      environment,
    ),
  ];
}

/** A resource server for the users of a provider that there is not would be for nobody. */
function forProviderProblems(
  { resourceServers = {}, providers = {}, findProvider }: Partial<Values>,
  hasSeveral: boolean,
): string[] {
  if (findProvider !== undefined) return [];
  return Object.entries(resourceServers).flatMap(
    ([server, { providers: names }]) =>
      (names ?? [])
        .filter((name) => !Object.hasOwn(providers, name))
        .map((name) =>
          hasSeveral
            ? `resourceServers.${server}.providers: there is none with the name ${name}; there are ${Object.keys(providers).join(", ")}`
            : `resourceServers.${server}.providers: needs several providers; there is one, and it has no name`,
        ),
  );
}

function toConfig(
  values: Values,
  environment: Environment,
  several: ReadonlyMap<string, ProviderValues & NameValues> | undefined,
): Config {
  const { baseUrl, session, redisKeyPrefix, resourceServers, ...others } =
    withoutThoseOfOne(values) as SharedValues & SeveralValues;
  const urls = [baseUrl].flat().map((address) => new URL(address));
  const [first = "", ...more] = urls.map(({ origin }) => origin);
  const [basePath = ""] = urls.map(basePathOf);
  const shared: SharedByProviders = {
    paths: withPrefix(others.paths, basePath),
    resourceServers: resourceServersOf(resourceServers),
    dangerouslyAllowInsecureRequests: others.dangerouslyAllowInsecureRequests,
    fetch: others.fetch,
  };
  const { providerChoicePath } = others;
  return {
    ...others,
    ...(providerChoicePath !== undefined && {
      providerChoicePath: basePath + providerChoicePath,
    }),
    baseUrls: [first, ...more],
    basePath,
    paths: shared.paths,
    pages: pagesConfig(others.pages, basePath),
    defaultReturnTo: basePath + others.defaultReturnTo,
    postLogoutReturnTo: basePath + others.postLogoutReturnTo,
    providers:
      several === undefined
        ? new Map([[ONLY_PROVIDER, onlyProvider(thoseOfOne(values), shared)]])
        : new Map(
            [...several].map(([name, provider]) => [
              name,
              namedProvider(name, provider, shared, basePath),
            ]),
          ),
    hasSeveralProviders: several !== undefined,
    sharedByProviders: shared,
    session: sessionConfig(session, [baseUrl].flat()[0] ?? first),
    resourceServers: shared.resourceServers,
    secureCookies: first.startsWith("https:"),
    keyPrefix: keyPrefixOf(
      redisKeyPrefix,
      several === undefined
        ? [values.issuer, values.clientId]
        : [first + basePath],
    ),
    explainsErrors: isDevelopment([first, ...more], environment),
  };
}

function withPrefix(
  paths: ApplicationConfig["paths"],
  basePath: string,
): ApplicationConfig["paths"] {
  // The same names again: entries have lost their types.
  return Object.fromEntries(
    Object.entries(paths as unknown as Record<string, string>).map(
      ([name, path]) => [name, basePath + path],
    ),
  ) as unknown as ApplicationConfig["paths"];
}
