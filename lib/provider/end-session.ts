/** The request that ends the login at the provider (RP-Initiated Logout 1.0). */
import * as client from "openid-client";
import type { Secret } from "../base/secret.js";
import type { Discover } from "./discovery.js";
import type { ProviderConfig } from "../config/provider-config.js";

/** A logout request, to be sent by the browser: as a URL, or as a form. */
export interface EndSessionRequest {
  readonly endpoint: URL;
  readonly parameters: URLSearchParams;
  /** What the browser brings back from there. */
  readonly state: string;
  /** Both in one. */
  readonly url: URL;
}

/**
 * Prepares the logout request, after which the browser comes back to this
 * origin. Undefined when the provider has no
 * `end_session_endpoint`. Rejects as {@link Discover} does.
 */
export type PrepareEndSession = (
  baseUrl: string,
  idToken?: Secret,
) => Promise<EndSessionRequest | undefined>;

/** Creates the function behind `logout`. */
export function createEndSession(
  config: ProviderConfig,
  discover: Discover,
): PrepareEndSession {
  return async function prepareEndSession(baseUrl, idToken) {
    const { configuration, metadata } = await discover();
    if (metadata.end_session_endpoint === undefined) return undefined;
    const endpoint = new URL(metadata.end_session_endpoint);
    const state = client.randomState();
    // openid-client adds client_id, which the provider needs without a hint.
    const url = client.buildEndSessionUrl(configuration, {
      post_logout_redirect_uri: baseUrl + config.paths.loggedOut,
      state,
      ...(idToken !== undefined && { id_token_hint: idToken.reveal() }),
    });
    const parameters = new URLSearchParams(url.searchParams);
    // The endpoint's own query stays where it is.
    for (const name of endpoint.searchParams.keys()) parameters.delete(name);
    return { endpoint, parameters, state, url };
  };
}
