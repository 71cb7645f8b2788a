/** The recipe for a user pool of Amazon Cognito. */
import type {
  LogoutParameters,
  ProviderLogout,
} from "../config/provider-address-options.js";
import type { ProviderOptions } from "../config/provider-options.js";
import {
  checkedParameters,
  host,
  label,
  scope as scopeText,
  text,
} from "./parameters.js";

/** Parameters of {@link cognito}. */
export interface CognitoParameters {
  /** Such as `eu-central-1`. */
  readonly region: string;
  /** Such as `eu-central-1_AbCdEf123`. */
  readonly userPoolId: string;
  /** The domain of the pool's pages, such as `shop.auth.eu-central-1.amazoncognito.com`, or one of your own. */
  readonly domain: string;
  /** Default `openid profile email`. Without `offline_access`, which is unknown there. */
  readonly scope?: string;
}

/** What {@link cognito} sets. */
export type CognitoOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "endSessionUrl" | "logoutParameters"
>;

const SHAPE = {
  region: label,
  userPoolId: text.regex(
    /^[\w-]+_[\dA-Za-z]+$/,
    "must be like eu-central-1_AbCdEf123",
  ),
  domain: host,
  scope: scopeText
    .refine(
      (value) => !value.split(" ").includes("offline_access"),
      "must not have offline_access, which is unknown there; refresh tokens come without it",
    )
    .default("openid profile email"),
};

/**
 * Options for a user pool of Amazon Cognito, whose logout has parameters of its
 * own.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/cognito.md
 */
export function cognito(parameters: CognitoParameters): CognitoOptions {
  const { region, userPoolId, domain, scope } = checkedParameters(
    "cognito",
    SHAPE,
    parameters,
  );
  return {
    issuer: `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`,
    scope,
    endSessionUrl: `https://${domain}/logout`,
    logoutParameters,
  };
}

function logoutParameters({
  postLogoutRedirectUri,
}: ProviderLogout): LogoutParameters {
  return {
    logout_uri: postLogoutRedirectUri,
    id_token_hint: undefined,
    post_logout_redirect_uri: undefined,
    state: undefined,
  };
}
