/** The recipe for OneLogin. */
import type { ProviderOptions } from "../config/provider-options.js";
import { checkedParameters, scope as scopeText, word } from "./parameters.js";

/** Parameters of {@link oneLogin}. */
export interface OneLoginParameters {
  /** The account's part of `https://<subdomain>.onelogin.com`. */
  readonly subdomain: string;
  /** Default `openid profile email`. */
  readonly scope?: string;
}

/** What {@link oneLogin} sets. */
export type OneLoginOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "tokensEndWithSession"
>;

const SHAPE = {
  subdomain: word,
  scope: scopeText.default("openid profile email"),
};

/**
 * Options for OneLogin: a sign-out that it confirms revokes no tokens, because
 * its logout has revoked them.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/oneLogin.md
 */
export function oneLogin(parameters: OneLoginParameters): OneLoginOptions {
  const { subdomain, scope } = checkedParameters("oneLogin", SHAPE, parameters);
  return {
    issuer: `https://${subdomain}.onelogin.com/oidc/2`,
    scope,
    tokensEndWithSession: true,
  };
}
