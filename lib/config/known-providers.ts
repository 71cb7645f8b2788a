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
import type { ProviderValues } from "./provider-options.js";
import { foundPathProblems } from "./redirect-paths.js";
import { profileServerProblems } from "./security-profile.js";
import {
  isProviderName,
  type FindProvider,
  type NameValues,
} from "./several-providers-options.js";

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
  readonly values: unknown;
  /** Milliseconds since 1970. */
  readonly answeredAt: number;
  /** From then on it is asked again. Milliseconds since 1970. */
  readonly askAgainAt: number;
  /** Whether it failed when it was asked again: then nobody waits for it. */
  readonly hasFailed: boolean;
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
  const search = createSearch(config, now, tell);

  const named: KnownProviders["named"] = (name) => {
    const listed = providers.get(name);
    if (listed !== undefined) return listed;
    if (findProvider === undefined || !isProviderName(name)) return undefined;
    const before = search.known(name);
    if (before !== undefined && now() < before.askAgainAt) {
      return before.provider;
    }
    const asked = search.ask(name, findProvider);
    if (before?.hasFailed === true) {
      asked.catch(() => undefined);
      return before.provider;
    }
    return asked.catch((failure: unknown) => {
      // What it said before serves on: nobody is signed out by a database that is away.
      if (before?.provider !== undefined) return before.provider;
      throw failure;
    });
  };
  /** Undefined only where it is sure: what was found may have changed since, or is what counted before a failure. */
  const ifIssuing = (
    provider: ProviderConfig | undefined,
    { provider: name, issuer }: LoginOwner,
  ): ProviderConfig | undefined | Promise<ProviderConfig | undefined> => {
    if (provider !== undefined && isIssuerOf(provider, issuer)) return provider;
    if (findProvider === undefined || providers.has(name)) return undefined;
    const { answeredAt = now() } = search.known(name) ?? {};
    if (now() - answeredAt < RETRY_AFTER_MS) return undefined;
    return search
      .ask(name, findProvider)
      .then((found) =>
        found && isIssuerOf(found, issuer) ? found : undefined,
      );
  };

  return {
    only,
    named,
    knownByNow: (name) => providers.get(name) ?? search.known(name)?.provider,
    of(owner) {
      const provider = named(owner.provider);
      return provider instanceof Promise
        ? provider.then((found) => ifIssuing(found, owner))
        : ifIssuing(provider, owner);
    },
    issuing: (issuer) =>
      [...providers.values(), ...search.providers()].filter((provider) =>
        isIssuerOf(provider, issuer),
      ),
  };
}

/** What `findProvider` has answered, and what asks it. */
interface Search {
  readonly known: (name: string) => Found | undefined;
  readonly providers: () => readonly ProviderConfig[];
  /** Asks once for all who want to know. Rejects where it fails, and keeps what it said before. */
  readonly ask: (
    name: string,
    findProvider: FindProvider,
  ) => Promise<ProviderConfig | undefined>;
}

function createSearch(
  config: Config,
  now: () => number,
  tell: (error: Error) => void,
): Search {
  const found = new BoundedMap<Found>(MAX_FOUND);
  // Apart: anybody can ask for names that no provider has.
  const missing = new BoundedMap<Found>(MAX_FOUND);
  const asking = new Map<string, Promise<ProviderConfig | undefined>>();
  const known: Search["known"] = (name) => found.get(name) ?? missing.get(name);

  const ask = async (
    name: string,
    findProvider: FindProvider,
  ): Promise<ProviderConfig | undefined> => {
    const before = found.get(name);
    try {
      const answer: unknown = await withinDeadline(
        // Whatever it gives, and however it fails.
        (async () => findProvider(name))(),
        config.storeTimeoutSeconds * 1000,
        () => new Error("it did not answer within storeTimeoutSeconds"),
      );
      const answeredAt = now();
      const since = {
        answeredAt,
        askAgainAt: answeredAt + FOUND_FOR_MS,
        hasFailed: false,
      };
      found.delete(name);
      missing.delete(name);
      // Null is what databases say for none.
      if (answer === undefined || answer === null) {
        missing.set(name, { provider: undefined, values: undefined, ...since });
        return undefined;
      }
      const values = valuesFound(name, answer, config);
      const provider =
        before !== undefined && isDeepStrictEqual(values, before.values)
          ? before.provider
          : namedProvider(
              name,
              values,
              config.sharedByProviders,
              config.basePath,
            );
      found.set(name, { provider, values, ...since });
      return provider;
    } catch (error) {
      const failure = failureOf(name, error);
      missing.delete(name);
      if (before !== undefined) {
        tell(failure);
        const askAgainAt = now() + RETRY_AFTER_MS;
        found.set(name, { ...before, askAgainAt, hasFailed: true });
      }
      throw failure;
    }
  };
  return {
    known,
    providers: () =>
      [...found.values()].flatMap(({ provider }) => provider ?? []),
    ask(name, findProvider) {
      const underWay =
        asking.get(name) ??
        ask(name, findProvider).finally(() => asking.delete(name));
      asking.set(name, underWay);
      return underWay;
    },
  };
}

/** What was found, read: nothing of it is the application's own object, which it may change. */
function valuesFound(
  name: string,
  answer: unknown,
  { sharedByProviders, providers }: Config,
): ProviderValues & NameValues {
  const { values, problems } = readNamedProvider(
    typeof answer === "object" ? { ...answer } : answer,
    sharedByProviders.dangerouslyAllowInsecureRequests,
  );
  const all = [
    ...problems,
    ...foundPathProblems(name, values, sharedByProviders.paths, [
      ...providers.values(),
    ]),
    ...profileServerProblems(
      Object.fromEntries(sharedByProviders.resourceServers),
      new Map([[name, values]]),
    ),
  ];
  if (all.length === 0) return values as ProviderValues & NameValues;
  throw new ConfigError(all, `findProvider(${JSON.stringify(name)})`);
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
