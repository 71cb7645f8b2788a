/** What went wrong with a token request, in the kit's own codes. */
import { LoginKitError } from "../base/errors.js";
import type { LoginKitErrorCode } from "../base/failure-texts.js";
import type { Transaction } from "../stores/login-store.js";
import { factsOf, oauthErrorOf, providerError } from "./provider-errors.js";
import { TokenResponseFault } from "./token-response.js";

/** The error of any request to the token or revocation endpoint. */
export function requestError(
  error: unknown,
  doing: string,
  invalid: LoginKitErrorCode = "ERR_TOKEN_RESPONSE_INVALID",
): LoginKitError {
  return providerError(
    error,
    {
      unwell: "ERR_PROVIDER_UNAVAILABLE",
      refused: "ERR_TOKEN_REQUEST_REJECTED",
      invalid,
    },
    doing,
  );
}

/** What was wrong with the tokens that came, if that is what an error is about. */
export function tokenResponseFaultOf(
  error: unknown,
): TokenResponseFault | undefined {
  const { cause } = error as { cause?: unknown };
  return cause instanceof TokenResponseFault ? cause : undefined;
}

/** What a provider says about the request, not about the refresh token (RFC 8707 2, RFC 6749 5.2, RFC 9449 5, 8). */
const WRONG_REQUEST = new Set([
  "invalid_dpop_proof",
  "use_dpop_nonce",
  "invalid_target",
  "invalid_scope",
  "unsupported_grant_type",
]);

/** Statuses of an address where no token endpoint is: somebody is rebuilding something. */
const NO_ENDPOINT = new Set([404, 405, 410]);

/** Only a provider that speaks about the refresh token ends a login. A maintenance page does not. */
export function refreshError(error: unknown): LoginKitError {
  const { statuses } = factsOf(error);
  const oauthError = oauthErrorOf(error)?.error ?? "";
  const away = statuses.some((status) => NO_ENDPOINT.has(status));
  return providerError(
    error,
    {
      unwell: "ERR_PROVIDER_UNAVAILABLE",
      refused: WRONG_REQUEST.has(oauthError)
        ? "ERR_TOKEN_REQUEST_REJECTED"
        : away
          ? "ERR_PROVIDER_UNAVAILABLE"
          : "ERR_REFRESH_REJECTED",
      invalid:
        tokenResponseFaultOf(error)?.isTokenResponse === true
          ? "ERR_TOKEN_RESPONSE_INVALID"
          : "ERR_PROVIDER_UNAVAILABLE",
    },
    "the refresh token request failed",
  );
}

/** The error of a request that redeems a code, whose answer brings the ID Token. */
export function redemptionError(
  error: unknown,
  transaction: Transaction,
): LoginKitError {
  const mapped = requestError(
    error,
    "the token request failed",
    tokenResponseFaultOf(error) === undefined
      ? "ERR_ID_TOKEN_INVALID"
      : "ERR_TOKEN_RESPONSE_INVALID",
  );
  // openid-client compares max_age with auth_time; too old is not untrue.
  return transaction.maxAgeSeconds !== undefined &&
    mapped.code === "ERR_ID_TOKEN_INVALID" &&
    mapped.message.includes("auth_time")
    ? new LoginKitError("ERR_AUTHENTICATION_TOO_WEAK", {
        message: mapped.message,
        cause: mapped.cause,
      })
    : mapped;
}
