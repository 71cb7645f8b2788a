/** The address that ends the login at the provider (RP-Initiated Logout 1.0). */
import * as client from "openid-client";
import type { Config } from "../config.js";
import type { Secret } from "../secret.js";
import type { Issuer } from "./issuer.js";

/**
 * The URL to send the browser to, or undefined when the provider has no
 * `end_session_endpoint`. Rejects as {@link Issuer} does.
 */
export type EndSessionUrl = (
  idToken: Secret | undefined,
) => Promise<URL | undefined>;

/** Creates the function behind `logout`. */
export function createEndSession(
  config: Config,
  issuer: Issuer,
): EndSessionUrl {
  return async function endSessionUrl(idToken) {
    const { configuration, metadata } = await issuer();
    if (metadata.end_session_endpoint === undefined) return undefined;
    // openid-client adds client_id, which the provider needs without a hint.
    return client.buildEndSessionUrl(configuration, {
      post_logout_redirect_uri: config.baseUrl + config.paths.loggedOut,
      state: client.randomState(),
      ...(idToken !== undefined && { id_token_hint: idToken.reveal() }),
    });
  };
}
