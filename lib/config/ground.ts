/** What every room of one kit stands on. */
import type { Finishing } from "../stores/finishing.js";
import type { LoginStore } from "../stores/login-store.js";
import type { LoginKitEmitter } from "../telling/events.js";
import type { Watched } from "../telling/witness.js";
import type { Telemetry } from "../telling/telemetry.js";
import type { Config } from "./config.js";
import type { KnownProviders } from "./known-providers.js";

/** The parts of a kit that need no other part. */
export interface Ground {
  readonly config: Config;
  readonly knownProviders: KnownProviders;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly events: LoginKitEmitter;
  /** Absent: nobody measures. */
  readonly telemetry?: Telemetry | undefined;
  readonly loginStore: LoginStore;
  readonly finishing: Finishing;
  readonly watched: Watched;
  /** Aborted when the kit gives up what is under way. */
  readonly stop: AbortSignal;
}
