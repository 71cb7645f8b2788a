/** The public surface. */
export type { AccessToken } from "./base/access-token.js";
export type { AuthRule } from "./base/calls.js";
export type { CloseOptions } from "./kit/close.js";
export { logEvents, type EventLogger } from "./telling/event-log.js";
export type {
  ApplicationOptions,
  BackchannelLogoutOptions,
  ChooseProvider,
  FindProvider,
  LoginKitOptions,
  NamedProviderOptions,
  LogoutParameters,
  OutgoingFetch,
  OutgoingOptions,
  OutgoingRequest,
  OutgoingResponse,
  Paths,
  ProviderAddressOptions,
  ProviderLogout,
  ProviderOptions,
  ResourceServerOptions,
  SessionOptions,
  SeveralProvidersOptions,
  SharedOptions,
  StoreOptions,
  TokenOptions,
} from "./config/options.js";
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
export { loginOf } from "./express/login-of.js";
export type { RequireAuth } from "./flow/3-require-auth.js";
export type { ForwardOptions } from "./flow/4-forward.js";
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
export type { AccessTokenOptions, Login } from "./logins/current-login.js";
