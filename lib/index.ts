/** The public surface. */
export type { AccessToken } from "./base/access-token.js";
export type { ClaimRule, ClaimValue } from "./logins/claim-rule.js";
export type { AuthRule, UpgradeRule } from "./logins/auth-rule.js";
export type { CloseOptions } from "./kit/close.js";
export type { DependencyHealth, Health } from "./kit/health.js";
export { logEvents, type EventLogger } from "./telling/event-log.js";
export type { OpenTelemetry } from "./telling/opentelemetry.js";
export type {
  ApplicationOptions,
  BackchannelLogoutOptions,
  ChooseProvider,
  FailureWords,
  FindProvider,
  EncryptedAnswer,
  FormerLogin,
  HookOptions,
  IncomingLogin,
  LoginDecision,
  LoginKitOptions,
  NamedProviderOptions,
  Limits,
  LogoutParameters,
  OnLogin,
  OnLogout,
  OutgoingFetch,
  OutgoingOptions,
  OutgoingRequest,
  OutgoingResponse,
  PageOptions,
  PageTexts,
  Paths,
  ProviderAddressOptions,
  ProviderLogout,
  ProviderOptions,
  ProviderSecurityOptions,
  ResourceServerOptions,
  ResponseMode,
  SecurityProfile,
  SessionOptions,
  SeveralProvidersOptions,
  SharedOptions,
  StoreOptions,
  TelemetryOptions,
  TokenOptions,
} from "./config/options.js";
// By a star: an application adds members to what is exported so, and to no other.
export type * from "./config/login-data.js";
export type { Counters } from "./telling/counters.js";
export {
  ConfigError,
  LoginKitError,
  type LoginKitErrorDetails,
  type OAuthErrorResponse,
} from "./base/errors.js";
export {
  failureTexts,
  type FailureText,
  type LoginKitErrorCode,
} from "./base/failure-texts.js";
export type {
  LoginEndReason,
  LoginKitEvents,
  LoginSubject,
} from "./telling/events.js";
export type { SecurityChoice } from "./telling/security-choice.js";
export { pageTexts, type PageTextKey } from "./base/page-texts.js";
export { loginOf } from "./express/login-of.js";
export {
  serverOptions,
  type ExpressServerOptions,
} from "./express/server-options.js";
export type { RequireAuth } from "./flow/3-require-auth.js";
export type { ForwardOptions, TokenOwner } from "./base/calls.js";
export type { StartLogin } from "./flow/1-login.js";
export type {
  AuthorizationDetail,
  ClaimRequest,
  ClaimsRequest,
  StartLoginOptions,
} from "./sign-in/login-options.js";
export type { RolesClaim } from "./config/provider-options.js";
export type { SilentLogin } from "./pages/silent-login.js";
export type { SilentLoginOptions } from "./base/silent-login-options.js";
export type { AuthenticateUpgrade } from "./sockets/authenticate-upgrade.js";
export type {
  ForwardUpgrade,
  ForwardUpgradeOptions,
} from "./sockets/forward-upgrade.js";
export type { SessionStatus } from "./pages/session-status.js";
export type {
  LoginSummary,
  NamedUser,
  Sessions,
  User,
} from "./logins/sessions.js";
export { createLoginKit } from "./kit.js";
export type { ClientTokenOptions } from "./tokens/client-token.js";
export type { LoginKit } from "./kit/login-kit.js";
export type { Claims } from "./stores/login-store.js";
export type { StoreDriver } from "./stores/driver.js";
export type { RedisClient } from "./stores/redis/redis-command.js";
export {
  ClientSecretJwt,
  None,
  PrivateKeyJwt,
  type ClientAssertionOptions,
} from "./provider/client-authentication.js";
export { publicKeys, type PublicKeysOptions } from "./provider/public-keys.js";
export type {
  ClientKey,
  ClientKeys,
  HeldKey,
  PemKey,
  RemoteKey,
} from "./config/client-keys.js";
export type {
  DecryptionKey,
  DecryptionKeys,
} from "./config/decryption-keys.js";
export type {
  AccessTokenOptions,
  AuthorizeOptions,
  Login,
  RequestAuthorization,
} from "./logins/current-login.js";
