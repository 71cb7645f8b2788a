/** The providers of a kit: those of its options, and those that its function finds by name. */
import { isDeepStrictEqual } from "node:util";
import { BoundedMap } from "../base/bounded-map.js";
import { withinDeadline } from "../base/deadline.js";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import type { Config } from "./config.js";
import { isIssuerOf } from "./issuers.js";
import {
  namedProvider,
  readNamedProvider,
  type ProviderConfig,
} from "./provider-config.js";
import { isProviderName } from "./several-providers-options.js";

/** How long an answer of `findProvider` serves, in milliseconds. */
const FOUND_FOR_MS = 60_000;

/** How long it is not asked again after it failed, in milliseconds. */
const RETRY_AFTER_MS = 1000;

/** How many answers are kept. */
const MAX_FOUND = 1000;

/** Whose a login is: which provider it came from, and which issuer that named. */
export interface LoginOwner {
  readonly provider: string;
  readonly issuer: string;
}

/** All of them. */
export interface KnownProviders {
  /** The one that needs no name; undefined: there are several. */
  readonly only: ProviderConfig | undefined;
  /**
   * The provider with a name; undefined: there is none.
   *
   * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE` where `findProvider` fails, `ERR_CONFIG` where its answer is wrong
   */
  readonly named: (
    name: string,
  ) => ProviderConfig | undefined | Promise<ProviderConfig | undefined>;
  /** The same, as far as nobody has to be asked. */
  readonly knownByNow: (name: string) => ProviderConfig | undefined;
  /** The one that a login, or what is left of it, is from; undefined: it is not one of ours, or not any more. Throws as `named` does. */
  readonly of: (
    owner: LoginOwner,
  ) => ProviderConfig | undefined | Promise<ProviderConfig | undefined>;
  /** Those known by now that may be meant by an issuer. */
  readonly issuing: (issuer: string) => readonly ProviderConfig[];
}

/** What `findProvider` has answered. */
interface Found {
  readonly provider: ProviderConfig | undefined;
  /** What it was made of. Functions have to be the same ones for a provider to keep its metadata and keys. */
  readonly options: unknown;
  /** From then on it is asked again. Milliseconds since 1970. */
  readonly askAgainAt: number;
}

/** Creates them. */
export function createKnownProviders(
  config: Config,
  now: () => number,
  tell: (error: Error) => void,
): KnownProviders {
  const { providers, findProvider, hasSeveralProviders } = config;
  const [first] = providers.values();
  const only = hasSeveralProviders ? undefined : first;
  const found = new BoundedMap<Found>(MAX_FOUND);
  const finding = new Map<string, Promise<ProviderConfig | undefined>>();

  const find = async (
    name: string,
    before: Found | undefined,
    ask: NonNullable<typeof findProvider>,
  ): Promise<ProviderConfig | undefined> => {
    try {
      const answer = await withinDeadline(
        ask(name),
        config.storeTimeoutSeconds * 1000,
        () => new Error("it did not answer within storeTimeoutSeconds"),
      );
      // A copy: what the application does to its own object changes nothing here.
      const options = answer && { ...answer };
      const provider =
        before !== undefined && isDeepStrictEqual(options, before.options)
          ? before.provider
          : options && providerFound(name, options, config);
      found.set(name, { provider, options, askAgainAt: now() + FOUND_FOR_MS });
      return provider;
    } catch (error) {
      const failure = failureOf(name, error);
      if (before === undefined) throw failure;
      // What it said before serves on: nobody is signed out by a database that is away.
      tell(failure);
      found.set(name, { ...before, askAgainAt: now() + RETRY_AFTER_MS });
      return before.provider;
    }
  };
  const named: KnownProviders["named"] = (name) => {
    const listed = providers.get(name);
    if (listed !== undefined) return listed;
    if (findProvider === undefined || !isProviderName(name)) {
      return undefined;
    }
    const before = found.get(name);
    if (before !== undefined && now() < before.askAgainAt) {
      return before.provider;
    }
    const underWay =
      finding.get(name) ??
      find(name, before, findProvider).finally(() => finding.delete(name));
    finding.set(name, underWay);
    return underWay;
  };
  const ifIssuing = (
    provider: ProviderConfig | undefined,
    issuer: string,
  ): ProviderConfig | undefined =>
    provider !== undefined && isIssuerOf(provider, issuer)
      ? provider
      : undefined;

  return {
    only,
    named,
    knownByNow: (name) => providers.get(name) ?? found.get(name)?.provider,
    of({ provider: name, issuer }) {
      const provider = named(name);
      return provider instanceof Promise
        ? provider.then((one) => ifIssuing(one, issuer))
        : ifIssuing(provider, issuer);
    },
    issuing: (issuer) =>
      [
        ...providers.values(),
        ...[...found.values()].flatMap(({ provider }) => provider ?? []),
      ].filter((provider) => isIssuerOf(provider, issuer)),
  };
}

function providerFound(
  name: string,
  options: unknown,
  { sharedByProviders, basePath }: Config,
): ProviderConfig {
  const { values, problems } = readNamedProvider(
    options,
    sharedByProviders.dangerouslyAllowInsecureRequests,
  );
  if (problems.length > 0) {
    throw new ConfigError(problems, `findProvider(${JSON.stringify(name)})`);
  }
  return namedProvider(
    name,
    values as Parameters<typeof namedProvider>[1],
    sharedByProviders,
    basePath,
  );
}

/** A function of the application that fails says nothing about a login. */
function failureOf(name: string, error: unknown): LoginKitError {
  if (error instanceof ConfigError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
    message: `findProvider failed for ${name}: ${printable(reason)}`,
    cause: error,
  });
}
