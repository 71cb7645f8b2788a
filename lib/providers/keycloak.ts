/** The recipe for Keycloak. */
import type { ProviderOptions } from "../config/provider-options.js";
import {
  address,
  checkedParameters,
  scope as scopeText,
  word,
} from "./parameters.js";

/** Parameters of {@link keycloak}. */
export interface KeycloakParameters {
  /** The address that browsers use, such as `https://sso.example`; with its path, where it has one. */
  readonly url: string;
  /** The name of the realm. */
  readonly realm: string;
  /** Default `openid profile email`. Not `offline_access`, which ends the session there. */
  readonly scope?: string;
}

/** What {@link keycloak} sets. */
export type KeycloakOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "rolesClaim" | "tokensEndWithSession"
>;

const SHAPE = {
  url: address,
  realm: word,
  scope: scopeText.default("openid profile email"),
};

/**
 * Options for Keycloak: a sign-out that it confirms revokes no tokens, because
 * they ended with the session, and roles are those of the realm.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/keycloak.md
 */
export function keycloak(parameters: KeycloakParameters): KeycloakOptions {
  const { url, realm, scope } = checkedParameters(
    "keycloak",
    SHAPE,
    parameters,
  );
  return {
    issuer: `${url}/realms/${realm}`,
    scope,
    rolesClaim: ["realm_access", "roles"],
    tokensEndWithSession: true,
  };
}
