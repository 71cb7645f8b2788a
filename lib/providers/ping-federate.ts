/** The recipe for PingFederate. */
import * as z from "zod";
import type {
  LogoutParameters,
  ProviderLogout,
} from "../config/provider-address-options.js";
import type { ProviderOptions } from "../config/provider-options.js";
import {
  address,
  checkedParameters,
  scope as scopeText,
} from "./parameters.js";

/** Parameters of {@link pingFederate}. */
export interface PingFederateParameters {
  /** The base URL of the server, such as `https://sso.example:9031`. */
  readonly url: string;
  /**
   * Where a sign-out goes: to the `end_session_endpoint` of the metadata, or to
   * `/idp/startSLO.ping`, where the version has no such endpoint. Default
   * `end_session_endpoint`.
   */
  readonly logout?: "end_session_endpoint" | "startSLO";
  /** Default `openid profile email`. */
  readonly scope?: string;
}

/** What {@link pingFederate} sets. */
export type PingFederateOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "endSessionUrl" | "logoutParameters"
>;

const SHAPE = {
  url: address,
  logout: z
    .enum(
      ["end_session_endpoint", "startSLO"],
      "must be end_session_endpoint or startSLO",
    )
    .default("end_session_endpoint"),
  scope: scopeText.default("openid profile email"),
};

/**
 * Options for PingFederate; with `logout: "startSLO"` its own single logout,
 * which has parameters of its own.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/pingFederate.md
 */
export function pingFederate(
  parameters: PingFederateParameters,
): PingFederateOptions {
  const { url, logout, scope } = checkedParameters(
    "pingFederate",
    SHAPE,
    parameters,
  );
  if (logout === "end_session_endpoint") return { issuer: url, scope };
  return {
    issuer: url,
    scope,
    endSessionUrl: `${url}/idp/startSLO.ping`,
    logoutParameters: startSloParameters,
  };
}

/** Always the same function: options of `findProvider` that do not change keep what is known of the provider. */
function startSloParameters({
  postLogoutRedirectUri,
}: ProviderLogout): LogoutParameters {
  return {
    TargetResource: postLogoutRedirectUri,
    id_token_hint: undefined,
    client_id: undefined,
    post_logout_redirect_uri: undefined,
    state: undefined,
  };
}
