/** What of the configuration concerns one provider. */
import type { Config } from "../config/config.js";

/** What a provider is made of. Several providers differ in this and in nothing else. */
export type ProviderConfig = Pick<
  Config,
  | "issuer"
  | "clientId"
  | "clientSecret"
  | "clientAuth"
  | "baseUrl"
  | "paths"
  | "scope"
  | "resourceServers"
  | "authorizationParameters"
  | "responseMode"
  | "pushedAuthorizationRequests"
  | "acrOrder"
  | "userInfo"
  | "userInfoSigningAlg"
  | "idTokenSigningAlg"
  | "trustedAudiences"
  | "clockToleranceSeconds"
  | "backchannelLogout"
  | "providerTimeoutSeconds"
  | "fetch"
  | "allowInsecureRequests"
  | "dangerouslyAllowInsecureRequests"
>;
