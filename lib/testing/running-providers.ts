/** The test providers that run in this process: what an application is sent to is found by its address. */
import type { IssuedAccessToken } from "./provider/grants.js";
import { endpoint, type ProviderState } from "./provider/state.js";

const running = new Set<ProviderState>();

/** From now on it is found. */
export function addProvider(provider: ProviderState): void {
  running.add(provider);
}

/** It has closed. */
export function removeProvider(provider: ProviderState): void {
  running.delete(provider);
}

/** The provider whose authorization endpoint this is. */
export function providerAt(url: URL): ProviderState | undefined {
  return [...running].find(
    (provider) =>
      endpoint(provider, "authorize") === `${url.origin}${url.pathname}`,
  );
}

/** What any of them knows of an access token. */
export function issuedAccessToken(
  token: string,
): IssuedAccessToken | undefined {
  for (const { grants } of running) {
    const issued = grants.accessToken(token);
    if (issued !== undefined) return issued;
  }
  return undefined;
}
