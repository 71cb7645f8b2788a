/** Asks for a token of the application itself (RFC 6749 4.4). */
import * as client from "openid-client";
import type { IssuedToken } from "../stores/login-store.js";
import type { Discover } from "./discovery.js";
import { explaining } from "./explain.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { requestError } from "./token-request-errors.js";
import { issuedToken, parametersOf, type TokenTarget } from "./token-target.js";

/** Asks as the application itself. */
export type ClientCredentials = (target: TokenTarget) => Promise<IssuedToken>;

/** Creates the function. */
export function createClientCredentials(
  config: ProviderConfig,
  discover: Discover,
  now: () => number,
): ClientCredentials {
  return async function clientCredentials(target) {
    const provider = await discover();
    const tokens = await explaining(
      provider,
      config,
      client
        .clientCredentialsGrant(provider.configuration, parametersOf(target))
        .catch((error: unknown) => {
          throw requestError(error, "the client credentials request failed");
        }),
    );
    return issuedToken(tokens, now());
  };
}
