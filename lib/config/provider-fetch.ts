/** The option `providerFetch`: what sends requests to the provider. */

/** A request to the provider, as `fetch` takes it. */
export interface ProviderRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent where the request has none. */
  readonly body?: string;
  /** A redirect is an answer like any other: following it would send credentials along. */
  readonly redirect: "manual";
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** What of a `Response` is read; that of undici or another library will do. */
export interface ProviderResponse {
  readonly status: number;
  readonly headers: Iterable<readonly [string, string]>;
  /** A stream of bytes, or null. */
  readonly body: unknown;
}

/**
 * A function like `fetch`. It passes all of `request` on, and resolves when the
 * answer begins.
 */
export type ProviderFetch = (
  url: string,
  request: ProviderRequest,
) => Promise<ProviderResponse>;
