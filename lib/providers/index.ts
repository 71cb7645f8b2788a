/** Recipes: the options of providers by name. */
export { apple, type AppleOptions, type AppleParameters } from "./apple.js";
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
export { dex, type DexOptions, type DexParameters } from "./dex.js";
export { gitlab, type GitlabOptions, type GitlabParameters } from "./gitlab.js";
export { hydra, type HydraOptions, type HydraParameters } from "./hydra.js";
export {
  keycloak,
  type KeycloakOptions,
  type KeycloakParameters,
} from "./keycloak.js";
export { linkedIn } from "./linked-in.js";
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
