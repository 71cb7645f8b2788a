/** The test kit's provider, as tests of the protocol use it: it lies on command, and asks nobody to sign in. */
export { LOGOUT_EVENT } from "../../lib/testing/provider/logout.js";
export type { LogoutTokenOptions } from "../../lib/testing/provider/logout.js";
export type {
  GrantType,
  Json,
  Misbehaviour,
  Parameters,
} from "../../lib/testing/provider/misbehaviour.js";
export type {
  OpSession,
  ProviderClient as LyingProviderClient,
} from "../../lib/testing/provider/parties.js";
export {
  startProvider as startLyingProvider,
  type Provider as LyingProvider,
  type ProviderOptions as LyingProviderOptions,
} from "../../lib/testing/provider/provider.js";
export type {
  Hold,
  HoldPoint,
} from "../../lib/testing/provider/request-holds.js";
export {
  type Claims,
  type KeyChoice,
  type WrongToken as TokenLie,
  withBrokenSignature,
} from "../../lib/testing/provider/signed-token.js";
export type {
  BackchannelAnswer,
  CheckSessionPoll,
  EndSessionRequest,
} from "../../lib/testing/provider/state.js";
export { LOGOUT_FAULTS, type LogoutFault } from "./logout-faults.js";
