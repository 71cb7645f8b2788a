/** Fetches the provider's keys for Logout Tokens, which anybody may post: not as often as they like. */
import { LoginKitError } from "../base/errors.js";
import { createKeyFetches, RETRY_KEYS_SECONDS } from "./key-fetches.js";
import { providerError } from "./provider-errors.js";
import type { ProviderKeys } from "./provider-keys.js";

/** How long nobody asks again after keys could not be loaded. */
const RETRY_AFTER_MS = 5000;

/** What fetches them. */
export interface LogoutTokenKeys {
  /** Fetches the keys; after a failure not at once again. */
  readonly fetch: (keys: ProviderKeys) => Promise<void>;
  /**
   * The same for a token whose key is not known, if that is allowed now.
   *
   * @param loginsMeant names the live logins that the token would end; undefined: there are none
   * @throws {LoginKitError} `ERR_TOO_MANY_REQUESTS`
   */
  readonly fetchSometimes: (
    keys: ProviderKeys,
    loginsMeant: () => Promise<string | undefined>,
  ) => Promise<void>;
}

/** Creates it with full allowances. */
export function createLogoutTokenKeys(now: () => number): LogoutTokenKeys {
  const keyFetches = createKeyFetches(now);
  let failedAt = -Infinity;

  const fetch = async (keys: ProviderKeys): Promise<void> => {
    if (now() - failedAt < RETRY_AFTER_MS) {
      throw new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
        message: "the provider's keys were not to be had a moment ago",
      });
    }
    try {
      await keys.reload();
    } catch (error) {
      failedAt = now();
      // Whatever came instead of keys: the token was not judged.
      throw providerError(
        error,
        {
          unwell: "ERR_PROVIDER_UNAVAILABLE",
          refused: "ERR_PROVIDER_UNAVAILABLE",
          invalid: "ERR_PROVIDER_UNAVAILABLE",
        },
        "the provider's keys are not to be had",
      );
    }
  };
  return {
    fetch,
    async fetchSometimes(keys, loginsMeant) {
      // Joining a fetch that is on its way costs the provider nothing.
      const isAllowed =
        keys.reloading ||
        keyFetches.takeForAnybody() ||
        keyFetches.takeFor(await loginsMeant()) ||
        keys.reloading;
      if (!isAllowed) {
        // Whether the token is good is not known, so it is not called invalid.
        throw new LoginKitError("ERR_TOO_MANY_REQUESTS", {
          message:
            "too many Logout Tokens named keys that the provider does not have; it is not asked again yet",
          headers: { "Retry-After": String(RETRY_KEYS_SECONDS) },
        });
      }
      await fetch(keys);
    },
  };
}
