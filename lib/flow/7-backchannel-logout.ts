/** Ends logins when the provider says so (Back-Channel Logout 1.0). */
import type { Config } from "../config.js";
import type { LoginKitEmitter } from "../events.js";
import type { LoginStore } from "../login-store/login-store.js";
import type { Issuer } from "../provider/issuer.js";
import type { Handler } from "../session/answer.js";

/** What the back-channel endpoint works with. */
export interface BackchannelLogoutDeps {
  readonly config: Config;
  readonly issuer: Issuer;
  readonly loginStore: LoginStore;
  readonly events: LoginKitEmitter;
  readonly now: () => number;
}

/**
 * The signature of this step. The kit neither mounts nor exports it yet: it
 * needs the index of logins by `sid` and `sub`, which the login store does not
 * keep so far.
 */
export type CreateBackchannelLogout = (deps: BackchannelLogoutDeps) => Handler;
