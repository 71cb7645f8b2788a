/** Reads the parameters of the addresses that start a login; all fail with `ERR_LOGIN_PARAMETER_INVALID` or `ERR_RETURN_TO_INVALID`. */
import { LoginKitError } from "../base/errors.js";
import { localPath } from "../base/return-to.js";
import type { Config, ProviderConfig } from "../config/config.js";
import type { ScopeOnDemand } from "./scope-on-demand.js";

/** Longest value that is passed on, in characters. */
const MAX_VALUE = 1024;

/** Where a login is to end: `return_to`, or the option `defaultReturnTo`. */
export function readReturnTo(query: URLSearchParams, config: Config): string {
  // localPath has a limit of its own: an address may be longer than a parameter.
  const value = singleParameter(query, "return_to", Infinity);
  if (value === undefined) return config.defaultReturnTo;
  const path = localPath(value);
  if (path === undefined) throw new LoginKitError("ERR_RETURN_TO_INVALID");
  return path;
}

/** The page that `target_link_uri` names; Core 4 wants it not to lead elsewhere. */
export function readTarget(
  parameters: URLSearchParams,
  baseUrl: string,
  config: Config,
): string {
  const value = singleParameter(parameters, "target_link_uri", Infinity);
  if (value === undefined) return config.defaultReturnTo;
  const path =
    value === baseUrl
      ? "/"
      : value.startsWith(baseUrl)
        ? localPath(value.slice(baseUrl.length))
        : undefined;
  if (path === undefined) throw new LoginKitError("ERR_RETURN_TO_INVALID");
  return path;
}

/** A parameter that is a list with spaces between. */
export function readList(query: URLSearchParams, name: string): string[] {
  return (singleParameter(query, name) ?? "").split(" ").filter(Boolean);
}

/** Nobody makes a user grant what no guard asks for. */
export function readScope(
  query: URLSearchParams,
  { unnamed }: ScopeOnDemand,
): string[] {
  const scope = readList(query, "scope");
  const unknown = unnamed(scope);
  if (unknown.length === 0) return scope;
  throw invalidParameter(`scope: no guard asks for ${unknown.join(" ")}`);
}

/** `max_age`, in seconds. */
export function readMaxAge(query: URLSearchParams): number | undefined {
  const value = singleParameter(query, "max_age");
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value))
    throw invalidParameter("max_age is not a whole number");
  return Number(value);
}

/** What goes to the provider as it is: the option `loginParameters`. */
export function readPassedOn(
  query: URLSearchParams,
  config: ProviderConfig,
): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const name of config.loginParameters) {
    const value = singleParameter(query, name);
    if (value !== undefined) parameters[name] = value;
  }
  const prompts = parameters["prompt"]?.split(" ") ?? [];
  // Core 3.1.2.1: none stands alone.
  if (prompts.includes("none") && prompts.length > 1) {
    throw invalidParameter("prompt=none cannot be combined");
  }
  return parameters;
}

/** A parameter that may be there once; empty, it is not there (RFC 6749 3.1). */
export function singleParameter(
  query: URLSearchParams,
  name: string,
  maxLength: number = MAX_VALUE,
): string | undefined {
  const [value, ...more] = query.getAll(name);
  if (more.length > 0) throw invalidParameter(`${name} comes more than once`);
  if (value !== undefined && value.length > maxLength) {
    throw invalidParameter(`${name} is too long`);
  }
  return value === "" ? undefined : value;
}

/** What is wrong with a parameter. */
export function invalidParameter(message: string): LoginKitError {
  return new LoginKitError("ERR_LOGIN_PARAMETER_INVALID", { message });
}
