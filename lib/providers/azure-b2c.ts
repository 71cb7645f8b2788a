/** The recipe for Azure AD B2C. */
import type { ProviderOptions } from "../config/provider-options.js";
import { tenantId as tenantIdText } from "./microsoft.js";
import {
  checkedParameters,
  host,
  label,
  scope as scopeText,
  word,
} from "./parameters.js";

/** Parameters of {@link azureB2c}. */
export interface AzureB2cParameters {
  /** The tenant's name in `<tenant>.b2clogin.com` and `<tenant>.onmicrosoft.com`, such as `shop`. */
  readonly tenant: string;
  /** The tenant's id: its issuer has the id. */
  readonly tenantId: string;
  /** The user flow or custom policy that signs users in, such as `B2C_1_signin`. */
  readonly policy: string;
  /** The application (client) id. It is also the scope that makes an access token come. */
  readonly clientId: string;
  /** A domain of your own in the place of `<tenant>.b2clogin.com`; the issuer then has it too. Default none. */
  readonly domain?: string;
  /** With an API's scope, in the place of the client id. Default `openid offline_access` and the client id. */
  readonly scope?: string;
}

/** What {@link azureB2c} sets. */
export type AzureB2cOptions = Pick<
  ProviderOptions,
  "issuer" | "metadataUrl" | "clientId" | "scope" | "clientAuth"
>;

const SHAPE = {
  tenant: label,
  tenantId: tenantIdText,
  policy: word,
  clientId: word,
  domain: host.optional(),
  scope: scopeText.optional(),
};

/**
 * Options for Azure AD B2C: metadata of a policy at another address than the
 * issuer's, and a scope without which no access token comes.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/azureB2c.md
 */
export function azureB2c(parameters: AzureB2cParameters): AzureB2cOptions {
  const { tenant, tenantId, policy, clientId, domain, scope } =
    checkedParameters("azureB2c", SHAPE, parameters);
  const origin = `https://${domain ?? `${tenant}.b2clogin.com`}`;
  return {
    issuer: `${origin}/${tenantId}/v2.0/`,
    metadataUrl: `${origin}/${tenant}.onmicrosoft.com/${policy}/v2.0/.well-known/openid-configuration`,
    clientId,
    scope: scope ?? `openid offline_access ${clientId}`,
    clientAuth: "client_secret_post",
  };
}
