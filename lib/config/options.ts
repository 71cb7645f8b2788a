/** What an application can tell the kit. */
import type { ApplicationOptions } from "./application-options.js";
import type { HookOptions } from "./hook-options.js";
import type { LookOptions } from "./page-options.js";
import type { OutgoingOptions } from "./outgoing-options.js";
import type { ProviderOptions } from "./provider-options.js";
import type { TokenOptions } from "./resource-server-options.js";
import type { StoreOptions } from "./session-options.js";
import type { SeveralProvidersOptions } from "./several-providers-options.js";
import type { TelemetryOptions } from "./telemetry-options.js";

export type {
  ApplicationOptions,
  Limits,
  Paths,
} from "./application-options.js";
export type {
  FormerLogin,
  HookOptions,
  IncomingLogin,
  LoginDecision,
  OnLogin,
  OnLogout,
} from "./hook-options.js";
export type {
  OutgoingFetch,
  OutgoingOptions,
  OutgoingRequest,
  OutgoingResponse,
} from "./outgoing-options.js";
export type { FailureWords, PageOptions, PageTexts } from "./page-options.js";
export type {
  LogoutParameters,
  ProviderAddressOptions,
  ProviderLogout,
} from "./provider-address-options.js";
export type {
  BackchannelLogoutOptions,
  ProviderOptions,
} from "./provider-options.js";
export type {
  ProviderSecurityOptions,
  EncryptedAnswer,
  ResponseMode,
  SecurityProfile,
} from "./provider-security-options.js";
export type {
  ResourceServerOptions,
  TokenOptions,
} from "./resource-server-options.js";
export type { SessionOptions, StoreOptions } from "./session-options.js";
export type {
  ChooseProvider,
  FindProvider,
  NamedProviderOptions,
  SeveralProvidersOptions,
} from "./several-providers-options.js";
export type { TelemetryOptions } from "./telemetry-options.js";

// Each option has one place: its type, what it may be and its default are in the
// file of its group. `npm run docs` makes docs/options.md of their comments:
// write for its readers. A default stands as "default 30" or "Default `x`"; a
// test compares it with the one that holds.

/** Options that are the same for one provider and for several. */
export interface SharedOptions
  extends
    ApplicationOptions,
    HookOptions,
    LookOptions,
    StoreOptions,
    TokenOptions,
    OutgoingOptions,
    TelemetryOptions {}

/** Options of `createLoginKit`: for one provider, or for several by name. */
export type LoginKitOptions = SharedOptions &
  (ProviderOptions | SeveralProvidersOptions);
