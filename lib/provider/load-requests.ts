/** Loads what asks providers, with openid-client and jose, when it is first needed. */
import { LoginKitError } from "../base/errors.js";
import { loadOnce } from "../base/load-once.js";
import { printable } from "../base/printable.js";
import type * as requests from "./provider-requests.js";

/**
 * Gives the module.
 *
 * Not loaded it is like a provider that is away: tokens that are good serve on,
 * and `kit.health` tells.
 *
 * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE` where it cannot be loaded
 */
export const loadRequests: () => Promise<typeof requests> = loadOnce(
  async () => {
    try {
      return await import("./provider-requests.js");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
        // Node remembers some failures, such as of files that it could not open.
        message: `openid-client, jose or a file of this package could not be loaded: ${printable(reason)}; see that all packages are as they were installed, and start the process anew`,
        cause: error,
      });
    }
  },
);
