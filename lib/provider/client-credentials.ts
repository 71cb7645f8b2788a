/** Asks for a token of the application itself (RFC 6749 4.4). */
import * as client from "openid-client";
import type { IssuedToken } from "../stores/login-store.js";
import type { Discover } from "./discovery.js";
import { explaining } from "./explain.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { newProofKey } from "./proof-keys.js";
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
    const { configuration, proofs, senderConstraint } = provider;
    // Applications put this token on requests themselves; `auto` breaks none of them.
    const { algorithm } = senderConstraint;
    const proofKey =
      config.senderConstrained === "always" && algorithm !== undefined
        ? await newProofKey(algorithm)
        : undefined;
    const proof = await proofs.by(configuration, proofKey);
    const tokens = await explaining(
      provider,
      config,
      client
        .clientCredentialsGrant(configuration, parametersOf(target), proof)
        .catch((error: unknown) => {
          throw requestError(error, "the client credentials request failed");
        }),
    );
    return issuedToken(tokens, now(), proofKey);
  };
}
