/** The recipe for Authelia. */
import type { ProviderOptions } from "../config/provider-options.js";
import {
  address,
  checkedParameters,
  scope as scopeText,
} from "./parameters.js";

/** Parameters of {@link authelia}. */
export interface AutheliaParameters {
  /** The address of Authelia, such as `https://auth.example.com`. */
  readonly url: string;
  /** Default `openid profile email offline_access`. The client's registration must have each of them. */
  readonly scope?: string;
}

/** What {@link authelia} sets. */
export type AutheliaOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "userInfo"
>;

const SHAPE = {
  url: address,
  scope: scopeText.default("openid profile email offline_access"),
};

/**
 * Options for Authelia: asks for `offline_access`, without which there is no
 * refresh token, and reads the claims from UserInfo, because its ID Tokens have
 * none about the user.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/authelia.md
 */
export function authelia(parameters: AutheliaParameters): AutheliaOptions {
  const { url, scope } = checkedParameters("authelia", SHAPE, parameters);
  return { issuer: url, scope, userInfo: true };
}
