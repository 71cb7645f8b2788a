/** Whether a provider answers, as far as this process has seen. */
import { LoginKitError } from "../base/errors.js";
import type { LoginKitErrorCode } from "../base/failure-texts.js";
import type { LimitedFetch } from "./limited-fetch.js";

/** How long the last answer counts before the provider is asked for its state. */
const COUNTS_FOR_MS = 15_000;

/** What came of the last request. */
export interface LastContact {
  /** Undefined: it answered. */
  readonly code: LoginKitErrorCode | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What is known of one provider. */
export interface ProviderContact {
  /** Undefined: it was never asked. */
  readonly last: () => LastContact | undefined;
  /** The fetch, each of whose answers and failures is noted. */
  readonly noting: (fetch: LimitedFetch) => LimitedFetch;
  /**
   * Asks where the last answer is long ago, once for all who want to know; resolves
   * when that is answered. Never rejects.
   */
  readonly renew: (ask: () => Promise<unknown>) => Promise<void>;
}

/**
 * Creates it.
 *
 * @param stop aborted when the process is closing: what fails then says nothing of the provider
 */
export function createContact(
  now: () => number,
  stop?: AbortSignal,
): ProviderContact {
  let last: LastContact | undefined;
  let asking: Promise<void> | undefined;
  const note = (code?: LoginKitErrorCode): void => {
    last = { code, at: now() };
  };
  return {
    last: () => last,
    noting: (fetch) => async (url, options) => {
      try {
        const answer = await fetch(url, options);
        note(answer.status < 500 ? undefined : "ERR_PROVIDER_UNAVAILABLE");
        return answer;
      } catch (error) {
        if (!isGivenUp(options.signal) && stop?.aborted !== true) {
          note("ERR_PROVIDER_UNAVAILABLE");
        }
        throw error;
      }
    },
    async renew(ask) {
      if (last !== undefined && now() - last.at < COUNTS_FOR_MS) return;
      asking ??= ask()
        .then(() => undefined)
        .catch((error: unknown) => {
          // An answer that is no good, too.
          if (error instanceof LoginKitError) note(error.code);
        })
        .finally(() => {
          asking = undefined;
        });
      await asking;
    },
  };
}

/** Whether nobody waited any longer, for another reason than that it took too long. */
function isGivenUp(signal: AbortSignal | undefined): boolean {
  return (
    signal?.aborted === true &&
    (signal.reason as Error | undefined)?.name !== "TimeoutError"
  );
}
