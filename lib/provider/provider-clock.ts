/** How far the provider's clock is from ours, by the Date header of its answers (RFC 9110 6.6.1). */

/** What the answers of a provider tell about its clock. */
export interface ProviderClock {
  /** Reads an answer's Date header. */
  readonly note: (headers: Headers) => void;
  /** Whole seconds; negative: behind. Undefined before the first answer with a date. */
  readonly aheadSeconds: () => number | undefined;
}

/** @param now our clock, in milliseconds since 1970 */
export function createProviderClock(now: () => number): ProviderClock {
  let ahead: number | undefined;
  return {
    note(headers) {
      const date = Date.parse(headers.get("date") ?? "");
      if (!Number.isNaN(date)) ahead = Math.round((date - now()) / 1000);
    },
    aheadSeconds: () => ahead,
  };
}
