/** Options about several providers: which there are, and which one a sign-in uses. */
import type { Request } from "express";
import * as z from "zod";
import { localPath } from "../base/return-to.js";
import { functionValue, path, text } from "./option-values.js";
import type { ProviderOptions } from "./provider-options.js";
import type { Filled, Shape } from "./read-options.js";

/** One of several providers. */
export interface NamedProviderOptions extends ProviderOptions {
  /** What the page of choice calls it, up to 100 characters. Default: its name. */
  readonly label?: string;
  /**
   * Path of its redirect URI. Default `paths.callback` and its name, such as
   * `/callback/staff`. No other provider may have the same: what one provider
   * answers is then never taken for another's (RFC 9700 4.4.2.2).
   */
  readonly callbackPath?: string;
}

/**
 * Finds a provider by its name, for example that of a tenant in a database.
 *
 * Undefined or null: there is none. A rejection means that nobody knows: 503.
 */
export type FindProvider = (
  name: string,
) =>
  | NamedProviderOptions
  | null
  | undefined
  | Promise<NamedProviderOptions | null | undefined>;

/**
 * Names the provider that a request to `/login` signs in with; undefined: the
 * user is asked.
 */
export type ChooseProvider = (
  req: Request,
) => string | undefined | Promise<string | undefined>;

/** Options that stand in place of those of one provider. */
export interface SeveralProvidersOptions {
  /**
   * Providers by a name of yours (letters, digits, `-`, `_`, up to 64
   * characters), such as `{ staff: {...}, customers: {...} }`. Default none.
   *
   * The names are in redirect URIs and in stored logins: a renamed provider is
   * another one.
   *
   * @see docs/several-providers.md
   */
  readonly providers?: Readonly<Record<string, NamedProviderOptions>>;
  /**
   * Finds providers that `providers` does not name, when one is needed. Default
   * none.
   *
   * An answer serves for a minute, up to 1000 are kept. A provider that is no
   * longer found ends its logins at their next request. Where the function fails,
   * what it answered before serves on.
   *
   * @see docs/several-providers.md#tenants-from-a-database
   */
  readonly findProvider?: FindProvider;
  /**
   * Chooses the provider of a sign-in whose address does not name one
   * (`/login?provider=staff`): by host, by path, by the domain of a `login_hint`.
   * Default none: the user is asked.
   */
  readonly chooseProvider?: ChooseProvider;
  /**
   * A page of the application that asks the user, in place of the kit's plain
   * one. It gets the query of `/login`, and leads to `/login` with the same query
   * and `provider`. Default none.
   */
  readonly providerChoicePath?: string;
}

/** {@link NamedProviderOptions} beyond those of every provider, whose shape is right. */
export interface NameValues {
  readonly label?: string | undefined;
  readonly callbackPath?: string | undefined;
}

/** {@link SeveralProvidersOptions} whose shape is right; the providers are read one by one. */
export type SeveralValues = Omit<
  Filled<
    SeveralProvidersOptions,
    "findProvider" | "chooseProvider" | "providerChoicePath"
  >,
  "providers"
> & { readonly providers: Readonly<Record<string, unknown>> };

/** Whether a provider may be called so. */
export function isProviderName(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

/** What a provider may have when it has a name. */
export const nameShape: Shape<NameValues> = {
  label: text.max(100).optional(),
  callbackPath: path.optional(),
};

/** What they may be. */
export const severalShape: Shape<SeveralValues> = {
  providers: z.record(z.string(), z.unknown()).default({}),
  findProvider: functionValue<FindProvider>(
    "must be a function that gives options for a name",
  ).optional(),
  chooseProvider: functionValue<ChooseProvider>(
    "must be a function that gives a name for a request",
  ).optional(),
  providerChoicePath: text.optional(),
};

/** What they must fulfil beyond that, as lines for people; some may be missing because their shape was wrong. */
export function severalProblems(
  { providers, findProvider, providerChoicePath }: Partial<SeveralValues>,
  loginPath: string | undefined,
): string[] {
  const problems = Object.keys(providers ?? {})
    .filter((name) => !isProviderName(name))
    .map(
      (name) =>
        `providers.${name}: names may hold letters, digits, - and _, up to 64 characters`,
    );
  if (providerChoicePath?.split("?", 1)[0] === loginPath) {
    problems.push("providerChoicePath: is that of paths.login");
  }
  if (
    providers !== undefined &&
    Object.keys(providers).length === 0 &&
    findProvider === undefined
  ) {
    problems.push("providers: is empty; name one, or set findProvider");
  }
  if (
    providerChoicePath !== undefined &&
    localPath(providerChoicePath) === undefined
  ) {
    problems.push("providerChoicePath: must be a path on this application");
  }
  return problems;
}
