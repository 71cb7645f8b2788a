/** Recipes: the options of providers by name. */
export { auth0, type Auth0Options, type Auth0Parameters } from "./auth0.js";
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
export { entra, type EntraOptions, type EntraParameters } from "./entra.js";
export {
  entraExternalId,
  type EntraExternalIdOptions,
  type EntraExternalIdParameters,
} from "./entra-external-id.js";
export { google, type GoogleOptions, type GoogleParameters } from "./google.js";
export { okta, type OktaOptions, type OktaParameters } from "./okta.js";
export {
  zitadel,
  type ZitadelOptions,
  type ZitadelParameters,
} from "./zitadel.js";
