/** The recipe for Ory Hydra. */
import type { ProviderOptions } from "../config/provider-options.js";
import { checkedParameters, issuer, scope as scopeText } from "./parameters.js";

/** Parameters of {@link hydra}. */
export interface HydraParameters {
  /** The option `urls.self.issuer` of Hydra, letter by letter: with a slash at its end, where it has one. */
  readonly issuer: string;
  /** Default `openid offline_access`. */
  readonly scope?: string;
}

/** What {@link hydra} sets. */
export type HydraOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "backchannelLogout"
>;

const SHAPE = {
  issuer,
  scope: scopeText.default("openid offline_access"),
};

/**
 * Options for Ory Hydra: asks for `offline_access`, without which there is no
 * refresh token, and accepts Logout Tokens without `exp`.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/hydra.md
 */
export function hydra(parameters: HydraParameters): HydraOptions {
  return {
    ...checkedParameters("hydra", SHAPE, parameters),
    backchannelLogout: { requireExpiry: false },
  };
}
