/** The bundled provider, with what the demo's buttons do to it. */
import type { RequestListener } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { createProvider, createSigningKey, freshMemory } from "./provider.js";
import type { DemoProviderOptions } from "./provider.js";

/** How it answers: at once, late, or not at all. */
export type ProviderPace = "up" | "slow" | "down";

export interface BundledProvider {
  readonly app: RequestListener;
  readonly pace: () => ProviderPace;
  readonly setPace: (pace: ProviderPace) => void;
  /** How many refreshes it has granted: its own count, not the application's. */
  readonly refreshes: () => number;
  /** Signs with a new key from now on; the old ones stay published. Resolves with the new one's `kid`. */
  readonly rotateKeys: () => Promise<string>;
}

/** How long a slow provider lets each request wait. */
export const SLOW_MS = 2_000;

/** Creates it; nobody is signed in. */
export async function createBundledProvider(
  options: DemoProviderOptions,
): Promise<BundledProvider> {
  let memory = await freshMemory();
  let pace: ProviderPace = "up";
  let refreshes = 0;
  let { app } = await start();

  async function start() {
    const started = await createProvider({ ...options, memory });
    started.provider.on("grant.success", ({ oidc }) => {
      if (oidc.params?.["grant_type"] === "refresh_token") refreshes += 1;
    });
    started.provider.on("backchannel.error", (_ctx, error) => {
      console.error(`backchannel-logout failed: ${error.message}`);
    });
    return started;
  }

  return {
    app(req, res) {
      if (pace === "up") app(req, res);
      else if (pace === "down") req.socket.destroy();
      else
        void wait(SLOW_MS).then(() => {
          app(req, res);
        });
    },
    pace: () => pace,
    setPace(wanted) {
      pace = wanted;
    },
    refreshes: () => refreshes,
    async rotateKeys() {
      const key = await createSigningKey();
      memory = { ...memory, keys: [key, ...memory.keys] };
      ({ app } = await start());
      return String(key.kid);
    },
  };
}
