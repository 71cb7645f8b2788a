/** The recipe for Salesforce. */
import type { ProviderOptions } from "../config/provider-options.js";
import {
  address,
  checkedParameters,
  scope as scopeText,
} from "./parameters.js";

/** Parameters of {@link salesforce}. */
export interface SalesforceParameters {
  /** The address of My Domain or of an Experience Cloud site, such as `https://shop.my.salesforce.com`. */
  readonly url: string;
  /** Default `openid profile email refresh_token`. The app must have each of them. */
  readonly scope?: string;
}

/** What {@link salesforce} sets. */
export type SalesforceOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "clientAuth"
>;

const SHAPE = {
  url: address,
  scope: scopeText.default("openid profile email refresh_token"),
};

/**
 * Options for Salesforce: asks for `refresh_token`, without which there is none,
 * and sends the client secret in the body, as Salesforce documents it.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/salesforce.md
 */
export function salesforce(
  parameters: SalesforceParameters,
): SalesforceOptions {
  const { url, scope } = checkedParameters("salesforce", SHAPE, parameters);
  return { issuer: url, scope, clientAuth: "client_secret_post" };
}
