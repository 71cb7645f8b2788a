/** Which authorization responses are well formed and come from the provider that was asked. */
import { LoginKitError } from "../errors.js";
import { printable } from "../printable.js";
import { withoutSecrets } from "./sent-secrets.js";

/** An authorization response whose every parameter came once. */
export interface AuthorizationResponse {
  readonly state: string;
  readonly iss: string | undefined;
  readonly error: string | undefined;
  readonly errorDescription: string | undefined;
  /** All of it, as the token request's checks want it. */
  readonly parameters: URLSearchParams;
}

/**
 * Reads a response (RFC 6749 4.1.2).
 *
 * @throws {LoginKitError} `ERR_CALLBACK_MALFORMED`
 */
export function readAuthorizationResponse(
  parameters: URLSearchParams,
): AuthorizationResponse {
  // RFC 6749 3.1: parameters must not come more than once. Two readers that
  // pick different ones of a pair are how checks are bypassed.
  for (const name of new Set(parameters.keys())) {
    if (parameters.getAll(name).length > 1) {
      throw malformed(`${printable(name)} comes more than once`);
    }
  }
  const get = (name: string): string | undefined =>
    parameters.get(name) ?? undefined;
  const state = get("state");
  const error = get("error");
  if (state === undefined || state === "") throw malformed("state is missing");
  if (error === undefined && (get("code") ?? "") === "") {
    throw malformed("code is missing");
  }
  return {
    state,
    iss: get("iss"),
    error,
    errorDescription: get("error_description"),
    parameters,
  };
}

/**
 * A provider that supports RFC 9207 must send `iss`, and whatever is sent must
 * be the issuer that was asked: otherwise another provider's answer would get
 * through (section 2.4, mix-up). Errors are checked too.
 *
 * @throws {LoginKitError} `ERR_ISSUER_MISMATCH`
 */
export function checkResponseIssuer(
  { iss, state }: AuthorizationResponse,
  expected: string,
  issParameterSupported: boolean,
): void {
  if (iss === undefined ? issParameterSupported : iss !== expected) {
    throw new LoginKitError("ERR_ISSUER_MISMATCH", {
      message:
        iss === undefined
          ? "the authorization response has no iss, although the provider promises one"
          : `the authorization response names the issuer ${printable(withoutSecrets(iss, [state]))}, but ${expected} was asked`,
    });
  }
}

/** The provider's error answer as an error of the kit (Core 3.1.2.6). */
export function authorizationError({
  error = "",
  errorDescription,
  state,
  parameters,
}: AuthorizationResponse): LoginKitError {
  const secrets = [state, parameters.get("code") ?? ""];
  const oauthError = {
    error: printable(withoutSecrets(error, secrets)),
    ...(errorDescription !== undefined && {
      description: printable(withoutSecrets(errorDescription, secrets)),
    }),
  };
  const code =
    error === "access_denied"
      ? "ERR_ACCESS_DENIED"
      : error === "temporarily_unavailable" || error === "server_error"
        ? "ERR_PROVIDER_UNAVAILABLE"
        : "ERR_AUTHORIZATION_FAILED";
  return new LoginKitError(code, {
    message: `the provider answered ${oauthError.error}`,
    oauthError,
  });
}

function malformed(message: string): LoginKitError {
  return new LoginKitError("ERR_CALLBACK_MALFORMED", {
    message: `authorization response: ${message}`,
  });
}
