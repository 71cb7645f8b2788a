/** Which authorization responses are well formed and come from the provider that was asked. */
import { LoginKitError, type OAuthErrorResponse } from "../base/errors.js";
import { isIssuerOf, type Issuers } from "../config/issuers.js";
import { printable } from "../base/printable.js";
import { check } from "../telling/witness.js";
import { CUT, withoutSecrets } from "../outgoing/sent-secrets.js";

/** An authorization response whose every parameter came once. */
export interface AuthorizationResponse {
  readonly state: string;
  readonly iss: string | undefined;
  readonly error: string | undefined;
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
  issuers: Issuers,
  issParameterSupported: boolean,
): void {
  check(
    "response_iss",
    iss === undefined ? !issParameterSupported : isIssuerOf(issuers, iss),
    () =>
      new LoginKitError("ERR_ISSUER_MISMATCH", {
        message:
          iss === undefined
            ? "the authorization response has no iss, although the provider promises one"
            : `the authorization response names the issuer ${printable(withoutSecrets(iss, [state]))}, but ${issuers.issuer} was asked`,
      }),
  );
}

/** The provider's error answer as an error of the kit (Core 3.1.2.6). */
export function authorizationError({
  error,
  parameters,
}: AuthorizationResponse): LoginKitError {
  const code =
    error === "access_denied"
      ? "ERR_ACCESS_DENIED"
      : error === "temporarily_unavailable" || error === "server_error"
        ? "ERR_PROVIDER_UNAVAILABLE"
        : "ERR_AUTHORIZATION_FAILED";
  const oauthError = errorIn(parameters);
  return new LoginKitError(code, {
    message:
      oauthError === undefined
        ? "the provider answered with an empty error"
        : inWords(oauthError),
    oauthError,
  });
}

/**
 * What the provider's answer itself says went wrong, where we fail for a reason
 * of our own: it has no state, or nobody knows it any more.
 *
 * It may come from anybody. It is for the developer, and not for the user.
 */
export function withErrorIn(
  parameters: URLSearchParams,
  failure: LoginKitError,
): {
  readonly failure: LoginKitError;
  readonly oauthError?: OAuthErrorResponse;
} {
  const oauthError = failure.oauthError ?? errorIn(parameters);
  if (oauthError === undefined) return { failure };
  if (failure.oauthError !== undefined) return { failure, oauthError };
  return {
    oauthError,
    failure: new LoginKitError(failure.code, {
      message: `${failure.message}; ${inWords(oauthError)}`,
      cause: failure.cause,
      headers: failure.headers,
      members: failure.members,
      ...(failure.loginUrl !== undefined && { loginUrl: failure.loginUrl }),
    }),
  };
}

/** As long as `state`, `nonce` and code verifier are, which a provider may repeat. Characters. */
const RANDOM = /[\w-]{43,}/g;

/** Printable, bounded, and without what was sent in confidence. */
function errorIn(parameters: URLSearchParams): OAuthErrorResponse | undefined {
  const secrets = ["state", "code"].flatMap((name) => parameters.getAll(name));
  const read = (name: string): string | undefined => {
    const [text] = parameters.getAll(name);
    return text === undefined || text === ""
      ? undefined
      : printable(withoutSecrets(text, secrets).replace(RANDOM, CUT));
  };
  const error = read("error");
  const description = read("error_description");
  if (error === undefined) return undefined;
  return { error, ...(description !== undefined && { description }) };
}

function inWords({ error, description }: OAuthErrorResponse): string {
  const more = description === undefined ? "" : ` (${description})`;
  return `the provider answered ${error}${more}`;
}

function malformed(message: string): LoginKitError {
  return new LoginKitError("ERR_CALLBACK_MALFORMED", {
    message: `authorization response: ${message}`,
  });
}
