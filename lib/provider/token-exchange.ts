/** Exchanges an access token of a login for one of another kind (RFC 8693). */
import * as client from "openid-client";
import type { IssuedToken } from "../stores/login-store.js";
import type { Discover } from "./discovery.js";
import { requestError } from "./token-request-errors.js";
import { issuedToken, parametersOf, type TokenTarget } from "./token-target.js";

/** RFC 8693 2.1. */
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** RFC 8693 3. */
const ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token";

/** Asks with an access token of the login, the subject token. */
export type ExchangeToken = (
  subject: IssuedToken,
  target: TokenTarget,
) => Promise<IssuedToken>;

/** Creates the function. */
export function createTokenExchange(
  discover: Discover,
  now: () => number,
): ExchangeToken {
  return async function exchangeToken(subject, target) {
    const { configuration, proofs } = await discover();
    const { value, proofKey } = subject;
    const parameters = {
      ...parametersOf(target),
      subject_token: value.reveal(),
      subject_token_type: ACCESS_TOKEN_TYPE,
      requested_token_type: ACCESS_TOKEN_TYPE,
    };
    const proof = await proofs.by(configuration, proofKey);
    const tokens = await client
      .genericGrantRequest(configuration, GRANT_TYPE, parameters, proof)
      .catch((error: unknown) => {
        throw requestError(error, "the token exchange failed");
      });
    return issuedToken(tokens, now(), proofKey);
  };
}
