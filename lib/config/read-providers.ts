/** Reads the options of several providers, and tells which two cannot stand beside each other. */
import type { Paths } from "./application-options.js";
import { readNamedProvider } from "./provider-config.js";
import { providerShape, type ProviderValues } from "./provider-options.js";
import { listedPathProblems } from "./redirect-paths.js";
import {
  nameShape,
  severalShape,
  type NameValues,
} from "./several-providers-options.js";

/** The options that each of several providers has for itself. */
export function thoseOfOne(options: object): ProviderValues {
  // The shape has checked each of them; entries have lost their types.
  return without(
    options,
    (name) => !Object.hasOwn(providerShape, name),
  ) as unknown as ProviderValues;
}

/** The options but for those that each of several providers has for itself. */
export function withoutThoseOfOne(options: object): object {
  return without(options, (name) => Object.hasOwn(providerShape, name));
}

/** What stands in the options of a kit, and belongs elsewhere. */
export function misplacedIn(
  options: unknown,
  hasSeveral: boolean,
): { readonly rest: unknown; readonly problems: readonly string[] } {
  const problemOf = (name: string): string | undefined => {
    const isOfEach =
      Object.hasOwn(nameShape, name) ||
      (hasSeveral && Object.hasOwn(providerShape, name));
    if (isOfEach) {
      return `${name}: is an option of each provider; write it in providers.<name>`;
    }
    return !hasSeveral && Object.hasOwn(severalShape, name)
      ? `${name}: needs several providers; set providers or findProvider`
      : undefined;
  };
  if (typeof options !== "object" || options === null) {
    return { rest: options, problems: [] };
  }
  const problems = Object.keys(options).flatMap(
    (name) => problemOf(name) ?? [],
  );
  return {
    rest: without(options, (name) => problemOf(name) !== undefined),
    problems,
  };
}

function without(options: object, isOut: (name: string) => boolean): object {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => !isOut(name)),
  );
}

/**
 * Reads the options of each of several providers.
 *
 * @param shared names of the options that all of them share
 */
export function readProviders(
  providers: Readonly<Record<string, unknown>>,
  allowsInsecure: boolean,
  paths: Partial<Paths>,
  shared: readonly string[],
): {
  readonly values: ReadonlyMap<string, ProviderValues & NameValues>;
  readonly problems: readonly string[];
} {
  const readings = Object.entries(providers).map(
    ([name, options]) =>
      [name, readNamedProvider(options, allowsInsecure, shared)] as const,
  );
  const values = new Map(
    readings.map(([name, reading]) => [
      name,
      reading.values as ProviderValues & NameValues,
    ]),
  );
  return {
    values,
    problems: [
      ...readings.flatMap(([name, { problems }]) =>
        problems.map((problem) =>
          `providers.${name}.${problem}`.replace(".options:", ":"),
        ),
      ),
      ...twiceProblems(values),
      ...listedPathProblems(values, paths),
    ],
  };
}

/** Two providers of one client could not be told apart. */
function twiceProblems(
  providers: ReadonlyMap<string, Partial<ProviderValues & NameValues>>,
): string[] {
  const problems: string[] = [];
  const clients = new Map<string, string>();
  for (const [name, { issuer, clientId }] of providers) {
    const client = JSON.stringify([issuer, clientId]);
    const other = clients.get(client);
    if (other !== undefined && issuer !== undefined) {
      problems.push(
        `providers.${name}: has issuer and clientId of providers.${other}`,
      );
    }
    clients.set(client, name);
  }
  return problems;
}
