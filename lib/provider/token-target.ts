/** What a token is asked for, and what is kept of one that came. */
import type {
  TokenEndpointResponse,
  TokenEndpointResponseHelpers,
} from "openid-client";
import { Secret } from "../base/secret.js";
import type { IssuedToken } from "../stores/login-store.js";

/** What a token is wanted for. */
export interface TokenTarget {
  /** Resource indicator (RFC 8707). */
  readonly resource: string | undefined;
  readonly scope: string | undefined;
}

/** The token endpoint's answer, as openid-client gives it. */
export type TokenResponse = TokenEndpointResponse &
  TokenEndpointResponseHelpers;

/** The target as parameters of a token request. */
export function parametersOf({
  resource,
  scope,
}: TokenTarget): Record<string, string> {
  return {
    ...(resource !== undefined && { resource }),
    ...(scope !== undefined && { scope }),
  };
}

/**
 * The access token of an answer.
 *
 * @param receivedAt milliseconds since 1970
 * @param proofKey what was proven in the request
 */
export function issuedToken(
  tokens: TokenResponse,
  receivedAt: number,
  proofKey?: Secret,
): IssuedToken {
  // openid-client writes it in small letters; others are refused where the answer is read.
  const isBound = proofKey !== undefined && tokens.token_type === "dpop";
  return {
    value: new Secret(tokens.access_token),
    type: isBound ? "DPoP" : "Bearer",
    ...(isBound && { proofKey }),
    receivedAt,
    expiresAt:
      tokens.expires_in === undefined
        ? undefined
        : receivedAt + tokens.expires_in * 1000,
    scope: tokens.scope,
  };
}

/** A token that may not have come. */
export function secretOf(value: string | undefined): Secret | undefined {
  return value === undefined ? undefined : new Secret(value);
}
