/** Recipes: the options of providers by name. */
export { apple, type AppleOptions, type AppleParameters } from "./apple.js";
export { auth0, type Auth0Options, type Auth0Parameters } from "./auth0.js";
export {
  authelia,
  type AutheliaOptions,
  type AutheliaParameters,
} from "./authelia.js";
export {
  authentik,
  type AuthentikOptions,
  type AuthentikParameters,
} from "./authentik.js";
export {
  azureB2c,
  type AzureB2cOptions,
  type AzureB2cParameters,
} from "./azure-b2c.js";
export {
  cognito,
  type CognitoOptions,
  type CognitoParameters,
} from "./cognito.js";
export { dex, type DexOptions, type DexParameters } from "./dex.js";
export { entra, type EntraOptions, type EntraParameters } from "./entra.js";
export {
  entraExternalId,
  type EntraExternalIdOptions,
  type EntraExternalIdParameters,
} from "./entra-external-id.js";
export { gitlab, type GitlabOptions, type GitlabParameters } from "./gitlab.js";
export { google, type GoogleOptions, type GoogleParameters } from "./google.js";
export { hydra, type HydraOptions, type HydraParameters } from "./hydra.js";
export {
  keycloak,
  type KeycloakOptions,
  type KeycloakParameters,
} from "./keycloak.js";
export { linkedIn } from "./linked-in.js";
export { okta, type OktaOptions, type OktaParameters } from "./okta.js";
export {
  oneLogin,
  type OneLoginOptions,
  type OneLoginParameters,
} from "./one-login.js";
export {
  pingFederate,
  type PingFederateOptions,
  type PingFederateParameters,
} from "./ping-federate.js";
export {
  pingOne,
  type PingOneOptions,
  type PingOneParameters,
} from "./ping-one.js";
export {
  salesforce,
  type SalesforceOptions,
  type SalesforceParameters,
} from "./salesforce.js";
export {
  zitadel,
  type ZitadelOptions,
  type ZitadelParameters,
} from "./zitadel.js";
