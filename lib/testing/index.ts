/** `express-login-kit/testing`: logins for the tests of an application. */
export type {
  Agent,
  PlaywrightContext,
  SupertestAgent,
  SupertestRequest,
} from "./agents.js";
export { advance, resetClock } from "./clock.js";
export { cookieFetch, type CookieFetch } from "./cookie-fetch.js";
export {
  endLogin,
  expireAccessToken,
  loginAs,
  type LoginOptions,
  signIn,
  type TestLogin,
} from "./logins.js";
export type { Change, Json, WrongAnswers } from "./provider/misbehaviour.js";
export type { ProviderClient, Registered } from "./provider/parties.js";
export type { ReceivedRequest } from "./provider/received-requests.js";
export type {
  Claims,
  KeyChoice,
  TokenHeader,
  WrongToken,
} from "./provider/signed-token.js";
export { type ContractCase, storeContract } from "./store-contract.js";
export type { DriverUnderTest } from "./store-contract/rule.js";
export {
  testProvider,
  type TestProvider,
  type TestProviderOptions,
} from "./test-provider.js";
export {
  lastRequestTo,
  type ResourceRequest,
  testResourceServer,
  type TestResourceServer,
  type TestResourceServerOptions,
} from "./test-resource-server.js";
export type { RecordedRequest } from "./recording-server.js";
