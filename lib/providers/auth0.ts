/** The recipe for Auth0. */
import * as z from "zod";
import type { ProviderLogout } from "../config/provider-address-options.js";
import type { ProviderOptions } from "../config/provider-options.js";
import {
  checkedParameters,
  host,
  scope as scopeText,
  text,
} from "./parameters.js";

/** Parameters of {@link auth0}. */
export interface Auth0Parameters {
  /** The tenant's domain, or one of your own, such as `shop.eu.auth0.com`. */
  readonly domain: string;
  /** The identifier of the API that access tokens are for. Default none: they are for UserInfo alone. */
  readonly audience?: string;
  /** Which logout to use: `oidc` for the one that the metadata names, `v2` for `/v2/logout`. Default `oidc`. */
  readonly logout?: "oidc" | "v2";
  /** Default `openid profile email offline_access`. */
  readonly scope?: string;
}

/** What {@link auth0} sets. */
export type Auth0Options = Pick<
  ProviderOptions,
  | "issuer"
  | "scope"
  | "clientAuth"
  | "authorizationParameters"
  | "endSessionUrl"
  | "logoutParameters"
>;

const SHAPE = {
  domain: host,
  audience: text.optional(),
  logout: z.enum(["oidc", "v2"]).default("oidc"),
  scope: scopeText.default("openid profile email offline_access"),
};

/**
 * Options for Auth0: an issuer that ends in a slash, the audience of access
 * tokens, and either of its logouts.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/auth0.md
 */
export function auth0(parameters: Auth0Parameters): Auth0Options {
  const { domain, audience, logout, scope } = checkedParameters(
    "auth0",
    SHAPE,
    parameters,
  );
  return {
    issuer: `https://${domain}/`,
    scope,
    clientAuth: "client_secret_post",
    ...(audience !== undefined && { authorizationParameters: { audience } }),
    ...(logout === "v2" && {
      endSessionUrl: `https://${domain}/v2/logout`,
      logoutParameters: ({ postLogoutRedirectUri }: ProviderLogout) => ({
        returnTo: postLogoutRedirectUri,
        id_token_hint: undefined,
        post_logout_redirect_uri: undefined,
        state: undefined,
      }),
    }),
  };
}
