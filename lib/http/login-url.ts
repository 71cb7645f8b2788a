/** The login address that leads back to where the user was. */
import type { Request } from "express";
import type { LoginKitError } from "../base/errors.js";
import type { Config, ProviderConfig } from "../config/config.js";
import { localPath } from "../base/return-to.js";
import { baseUrlOf } from "../config/base-url.js";

/** What the login is to bring beyond a user. */
export interface WantedLogin {
  /** What is asked for. */
  readonly acrValues?: readonly string[] | undefined;
  /** What is accepted; undefined: what is asked for. */
  readonly acr?: readonly string[] | undefined;
  readonly maxAgeSeconds?: number | undefined;
  /** Scope values beside the configured. */
  readonly scope?: readonly string[] | undefined;
  /** Whose user it has to be; undefined: that of any. */
  readonly provider?: string | undefined;
  /** What the provider is asked for (`prompt`); undefined: nothing. */
  readonly prompt?: string | undefined;
}

/** The login path with its parameters. */
export function loginUrl(
  { paths }: Config,
  returnTo: string | undefined,
  { acr = [], acrValues = acr, ...wanted }: WantedLogin = {},
): string {
  const { maxAgeSeconds, scope = [], provider, prompt } = wanted;
  const query = new URLSearchParams();
  if (returnTo !== undefined) query.set("return_to", returnTo);
  if (provider !== undefined) query.set("provider", provider);
  if (acrValues.length > 0) query.set("acr_values", acrValues.join(" "));
  const others = acr.filter((value) => !acrValues.includes(value));
  if (others.length > 0) query.set("acr", others.join(" "));
  if (maxAgeSeconds !== undefined) query.set("max_age", String(maxAgeSeconds));
  if (scope.length > 0) query.set("scope", scope.join(" "));
  if (prompt !== undefined) query.set("prompt", prompt);
  return paths.login + (query.size > 0 ? `?${query.toString()}` : "");
}

/** The page of ours that sent a fetch: the fetch's own address is nothing to come back to. */
export function pageBehind(req: Request, config: Config): string | undefined {
  const baseUrl = baseUrlOf(req, config);
  const referer = req.get("Referer");
  return referer?.startsWith(`${baseUrl}/`) === true
    ? localPath(referer.slice(baseUrl.length))
    : undefined;
}

/**
 * A failed sign-in that leads on: "Sign in again" goes to where the user wanted to
 * go, at the same provider. Who was refused may be somebody else, so the provider
 * has to ask, where the login address may say so.
 */
export function withWayBack(
  error: LoginKitError,
  returnTo: string | undefined,
  { name: provider, loginParameters }: ProviderConfig,
  config: Config,
): LoginKitError {
  if (returnTo === undefined) return error;
  return error.with({
    loginUrl: loginUrl(config, returnTo, {
      ...(config.hasSeveralProviders && { provider }),
      ...(error.code === "ERR_LOGIN_REFUSED" &&
        loginParameters.includes("prompt") && { prompt: "login" }),
    }),
  });
}
