/** Which provider an authorization response is from, by where it came to. */
import type { Request } from "express";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { baseUrlOf, askedPath } from "../config/base-url.js";
import type { Config } from "../config/config.js";
import { ONLY_PROVIDER } from "../config/provider-config.js";
import { providerNameIn } from "../http/provider-name.js";
import type { Provider } from "../provider/provider.js";
import type { Providers } from "../provider/providers.js";
import type { Transaction } from "../stores/login-store.js";
import { check } from "../telling/witness.js";

/**
 * The provider whose redirect URI a request came to.
 *
 * @throws {LoginKitError} `ERR_PROVIDER_UNKNOWN`
 */
export async function answeringProvider(
  req: Request,
  config: Config,
  providers: Providers,
): Promise<Provider> {
  const name = callbackOwner(req, config);
  if (name !== undefined) return providers.named(name);
  throw new LoginKitError("ERR_PROVIDER_UNKNOWN", {
    message: "this is the redirect URI of no provider",
  });
}

/**
 * Each provider has a redirect URI of its own, so an answer that came to
 * another one's is another one's answer (mix-up, RFC 9700 4.4.2.2). The same
 * for another host's.
 *
 * @throws {LoginKitError} `ERR_ISSUER_MISMATCH`, `ERR_CALLBACK_MALFORMED`
 */
export function refuseOtherProvider(
  req: Request,
  { config: asked }: Provider,
  transaction: Transaction,
  config: Config,
): void {
  const { provider, issuer, baseUrl } = transaction;
  check(
    "redirect_uri",
    provider === asked.name && issuer === asked.issuer,
    () =>
      new LoginKitError("ERR_ISSUER_MISMATCH", {
        message: `the authorization response came to the redirect URI of ${asked.name}, but ${printable(provider)} was asked`,
      }),
  );
  if (baseUrl !== baseUrlOf(req, config)) {
    throw new LoginKitError("ERR_CALLBACK_MALFORMED", {
      message: `the authorization response came to another host than ${baseUrl}, where the sign-in began`,
    });
  }
}

/** The name of the provider whose redirect URI a request came to; undefined: nobody's. */
function callbackOwner(req: Request, config: Config): string | undefined {
  if (!config.hasSeveralProviders) return ONLY_PROVIDER;
  const asked = askedPath(req, config);
  const owner = [...config.providers.values()].find(
    ({ callbackPath }) => callbackPath === asked,
  );
  if (owner !== undefined) return owner.name;
  const name = providerNameIn(req, config.paths.callback, config);
  // One that has a redirect URI of its own has no other.
  return name !== undefined && config.providers.has(name) ? undefined : name;
}
