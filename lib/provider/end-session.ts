/** The request that ends the login at the provider (RP-Initiated Logout 1.0). */
import * as client from "openid-client";
import { isPlainObject } from "../base/checked.js";
import { copyOfJson } from "../base/plain-json.js";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import type { Secret } from "../base/secret.js";
import type { LogoutParameters, ProviderLogout } from "../config/options.js";
import type { Claims } from "../stores/login-store.js";
import type { Discover } from "./discovery.js";
import type { ProviderConfig } from "../config/provider-config.js";

/** A logout request, to be sent by the browser: as a URL, or as a form. */
export interface EndSessionRequest {
  readonly endpoint: URL;
  readonly parameters: URLSearchParams;
  /** What the browser brings back from there, if it was sent and the provider does. */
  readonly state: string;
  /** Both in one. */
  readonly url: URL;
}

/** The login that ends. */
export interface EndingLogin {
  readonly claims: Claims;
  /** Undefined where it cannot be opened any more. */
  readonly idToken: Secret | undefined;
}

/**
 * Prepares the logout request, after which the browser comes back to this
 * origin. Undefined when the provider has no `end_session_endpoint`. Rejects as
 * {@link Discover} does, and with `ERR_LOGOUT_PARAMETERS_INVALID`.
 *
 * @param login undefined: it had run out before
 */
export type PrepareEndSession = (
  baseUrl: string,
  login?: EndingLogin,
) => Promise<EndSessionRequest | undefined>;

/** Creates the function behind `logout`. */
export function createEndSession(
  config: ProviderConfig,
  discover: Discover,
): PrepareEndSession {
  return async function prepareEndSession(baseUrl, login) {
    const postLogoutRedirectUri = baseUrl + config.paths.loggedOut;
    const { metadata } = await discover();
    if (metadata.end_session_endpoint === undefined) return undefined;
    const endpoint = new URL(metadata.end_session_endpoint);
    const { clientId } = config;
    const state = client.randomState();
    const wanted: LogoutParameters = {
      id_token_hint: login?.idToken?.reveal(),
      // Without a hint the provider needs it.
      client_id: clientId,
      post_logout_redirect_uri: postLogoutRedirectUri,
      state,
      ...chosenParameters(config.logoutParameters, {
        clientId,
        postLogoutRedirectUri,
        state,
        claims: copyOfJson(login?.claims),
      }),
    };
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(wanted)) {
      // The endpoint's own query stays as it is.
      if (value === undefined || endpoint.searchParams.has(name)) continue;
      parameters.set(name, value);
    }
    const url = new URL(endpoint);
    for (const [name, value] of parameters)
      url.searchParams.append(name, value);
    return { endpoint, parameters, state, url };
  };
}

/** What the option says. What its function does is told without what it was given. */
function chosenParameters(
  option: ProviderConfig["logoutParameters"],
  logout: ProviderLogout,
): LogoutParameters {
  if (typeof option !== "function") return option ?? {};
  let chosen: unknown;
  try {
    chosen = option(logout);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw invalid(`failed: ${printable(text)}`);
  }
  if (chosen instanceof Promise) {
    // What becomes of it is nobody's business any more.
    chosen.catch(() => undefined);
    throw invalid("returned a promise; it has to return the parameters");
  }
  if (!isPlainObject(chosen)) throw invalid("returned no plain object");
  for (const [name, value] of Object.entries(chosen)) {
    if (value !== undefined && typeof value !== "string") {
      throw invalid(`returned ${printable(name)}, which is no text`);
    }
  }
  return chosen as LogoutParameters;
}

function invalid(reason: string): LoginKitError {
  return new LoginKitError("ERR_LOGOUT_PARAMETERS_INVALID", {
    message: `the function logoutParameters ${reason}`,
  });
}
