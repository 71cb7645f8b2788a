/** The public surface. */
export type { AuthRule } from "./base/calls.js";
export type { CloseOptions } from "./base/close.js";
export { logEvents, type EventLogger } from "./event-log.js";
export type {
  BackchannelLogoutOptions,
  LoginKitOptions,
  Paths,
  ResourceServerOptions,
  SessionOptions,
} from "./options.js";
export type { Counters } from "./counters.js";
export {
  ConfigError,
  failureTexts,
  LoginKitError,
  type FailureText,
  type LoginKitErrorCode,
  type LoginKitErrorDetails,
  type OAuthErrorResponse,
} from "./errors.js";
export type { LoginEndReason, LoginKitEvents, LoginSubject } from "./events.js";
export { loginOf } from "./express.js";
export type { RequireAuth } from "./flow/3-require-auth.js";
export type { ForwardOptions } from "./flow/4-forward.js";
export type { AuthenticateUpgrade } from "./flow/authenticate-upgrade.js";
export type {
  ForwardUpgrade,
  ForwardUpgradeOptions,
} from "./flow/forward-upgrade.js";
export type { SessionStatus } from "./flow/session-status.js";
export type { LoginSummary, Sessions } from "./flow/sessions.js";
export { createLoginKit, type LoginKit } from "./kit.js";
export type { Claims } from "./login-store/login-store.js";
export type { RedisClient } from "./login-store/redis-command.js";
export {
  ClientSecretJwt,
  None,
  PrivateKeyJwt,
} from "./provider/client-authentication.js";
export type { AccessTokenOptions, Login } from "./session/current-login.js";
