/** What the kit knows of one provider: its options after checking, and what all providers share. */
import type { ApplicationConfig } from "./application-options.js";
import { frozen } from "./frozen.js";
import type { OutgoingFetch } from "./outgoing-options.js";
import { providerShape, type ProviderValues } from "./provider-options.js";
import { providerProblems } from "./provider-rules.js";
import { allProblems, readOptions, type Reading } from "./read-options.js";
import { asProfileWants } from "./security-profile.js";
import type { ResourceServer } from "./resource-server-options.js";
import { nameShape, type NameValues } from "./several-providers-options.js";

/** What the only provider of a kit is called. */
export const ONLY_PROVIDER = "default";

/** What every provider of a kit has alike. */
export interface SharedByProviders {
  /** As browsers see them. */
  readonly paths: ApplicationConfig["paths"];
  readonly resourceServers: ReadonlyMap<string, ResourceServer>;
  readonly dangerouslyAllowInsecureRequests: boolean;
  readonly fetch: OutgoingFetch | undefined;
}

/** What a provider is made of. Several providers differ in this and in nothing else. */
export interface ProviderConfig extends ProviderValues, SharedByProviders {
  /** Of the option `providers`, or {@link ONLY_PROVIDER}. */
  readonly name: string;
  readonly label: string;
  /** Path of its redirect URI, as browsers see it. */
  readonly callbackPath: string;
  /** Whether it is reached by http at all: on loopback, or dangerously. */
  readonly allowInsecureRequests: boolean;
}

/** The configuration of the only provider. */
export function onlyProvider(
  values: ProviderValues,
  shared: SharedByProviders,
): ProviderConfig {
  return toProviderConfig(values, shared, {
    name: ONLY_PROVIDER,
    label: ONLY_PROVIDER,
    callbackPath: shared.paths.callback,
  });
}

/** The configuration of one of several providers. */
export function namedProvider(
  name: string,
  { label = name, callbackPath, ...values }: ProviderValues & NameValues,
  shared: SharedByProviders,
  basePath: string,
): ProviderConfig {
  return toProviderConfig(values, shared, {
    name,
    label,
    callbackPath:
      callbackPath === undefined
        ? `${shared.paths.callback}/${name}`
        : basePath + callbackPath,
  });
}

function toProviderConfig(
  values: ProviderValues,
  shared: SharedByProviders,
  named: Pick<ProviderConfig, "name" | "label" | "callbackPath">,
): ProviderConfig {
  return frozen({
    ...shared,
    ...values,
    ...asProfileWants(values),
    ...named,
    resourceServers: serversFor(named.name, shared.resourceServers),
    allowInsecureRequests:
      shared.dangerouslyAllowInsecureRequests ||
      new URL(values.issuer).protocol === "http:",
  });
}

/** What was read of the options of one of several providers. */
export function readNamedProvider(
  options: unknown,
  allowsInsecure: boolean,
  shared: readonly string[] = [],
): Reading<ProviderValues & NameValues> {
  if (typeof options !== "object" || options === null) {
    const problem = "issuer: is missing; there are no options";
    return { values: {}, problems: [problem], misshapen: new Set() };
  }
  const misplaced = Object.keys(options).filter((name) =>
    shared.includes(name),
  );
  const reading = readOptions<ProviderValues & NameValues>(
    { ...providerShape, ...nameShape },
    options,
    misplaced,
  );
  return {
    ...reading,
    problems: [
      ...misplaced.map((name) => `${name}: is said once, beside providers`),
      ...allProblems(
        reading,
        providerProblems(reading.values, allowsInsecure),
        options,
      ),
    ],
  };
}

/** The resource servers that tokens of this provider are for. */
function serversFor(
  name: string,
  servers: ReadonlyMap<string, ResourceServer>,
): ReadonlyMap<string, ResourceServer> {
  return new Map(
    [...servers].filter(
      ([, { providers }]) => providers?.includes(name) ?? true,
    ),
  );
}
