/** The recipe for Microsoft Entra External ID: customers of an external tenant. */
import type { ProviderOptions } from "../config/provider-options.js";
import { logoutHint, tenantId as tenantIdText } from "./microsoft.js";
import { checkedParameters, label, scope as scopeText } from "./parameters.js";

/** Parameters of {@link entraExternalId}. */
export interface EntraExternalIdParameters {
  /** The tenant's name in `<tenant>.ciamlogin.com`, such as `shop`. */
  readonly tenant: string;
  /** The tenant's id: its issuer has the id in the place of the name. */
  readonly tenantId: string;
  /** Default `openid profile email offline_access`. */
  readonly scope?: string;
}

/** What {@link entraExternalId} sets. */
export type EntraExternalIdOptions = Pick<
  ProviderOptions,
  | "issuer"
  | "metadataUrl"
  | "scope"
  | "clientAuth"
  | "userInfo"
  | "logoutParameters"
>;

const SHAPE = {
  tenant: label,
  tenantId: tenantIdText,
  scope: scopeText.default("openid profile email offline_access"),
};

/**
 * Options for Microsoft Entra External ID, whose metadata is at another host
 * than its issuer.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/entraExternalId.md
 */
export function entraExternalId(
  parameters: EntraExternalIdParameters,
): EntraExternalIdOptions {
  const { tenant, tenantId, scope } = checkedParameters(
    "entraExternalId",
    SHAPE,
    parameters,
  );
  return {
    issuer: `https://${tenantId}.ciamlogin.com/${tenantId}/v2.0`,
    metadataUrl: `https://${tenant}.ciamlogin.com/${tenantId}/v2.0/.well-known/openid-configuration`,
    scope,
    clientAuth: "client_secret_post",
    userInfo: false,
    logoutParameters: logoutHint,
  };
}
