/** The recipe for Okta: the authorization server of the organization, or a custom one. */
import type { ProviderOptions } from "../config/provider-options.js";
import {
  checkedParameters,
  host,
  scope as scopeText,
  word,
} from "./parameters.js";

/** Parameters of {@link okta}. */
export interface OktaParameters {
  /** The organization's domain, or one of your own, such as `shop.okta.com`. */
  readonly domain: string;
  /** The id of a custom authorization server, such as `default`. Default: that of the organization. */
  readonly authorizationServer?: string;
  /** Default `openid profile email offline_access`. */
  readonly scope?: string;
}

/** What {@link okta} sets. */
export type OktaOptions = Pick<ProviderOptions, "issuer" | "scope">;

const SHAPE = {
  domain: host,
  authorizationServer: word.optional(),
  scope: scopeText.default("openid profile email offline_access"),
};

/**
 * Options for Okta.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/okta.md
 */
export function okta(parameters: OktaParameters): OktaOptions {
  const { domain, authorizationServer, scope } = checkedParameters(
    "okta",
    SHAPE,
    parameters,
  );
  return {
    issuer:
      authorizationServer === undefined
        ? `https://${domain}`
        : `https://${domain}/oauth2/${authorizationServer}`,
    scope,
  };
}
