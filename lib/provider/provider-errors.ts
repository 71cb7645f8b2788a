/** What went wrong at the provider, in the kit's own codes. */
import { LoginKitError, type OAuthErrorResponse } from "../base/errors.js";
import { failureTexts, type LoginKitErrorCode } from "../base/failure-texts.js";
import { printable } from "../base/printable.js";
import { CHECKS, type CheckName } from "../telling/checks.js";

/** How a request to the provider failed. */
export type ProviderFailure =
  /** No usable answer now; trying later can help. */
  | "unwell"
  /** The provider understood and refused. */
  | "refused"
  /** The answer failed a check. */
  | "invalid";

/** Statuses below 500 that say nothing about the request itself. */
const UNWELL_STATUSES = new Set([408, 425, 429]);

/** OAuth errors that say the same (RFC 6749 4.1.2.1, RFC 8628 3.5). */
const UNWELL_ERRORS = new Set([
  "temporarily_unavailable",
  "server_error",
  "slow_down",
]);

const NETWORK_NAMES = new Set([
  "TimeoutError",
  "AbortError",
  "OversizedResponseError",
  "NoKeysError",
  "OutgoingFetchError",
]);

const TIMEOUT_CODES = new Set(["OAUTH_TIMEOUT", "OAUTH_ABORT"]);

interface ErrorLike {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly error?: unknown;
  readonly error_description?: unknown;
  readonly claim?: unknown;
  /** Of a JWT that was refused. */
  readonly header?: { readonly alg?: unknown };
  readonly cause?: unknown;
  /** Of a response. */
  readonly headers?: HeadersLike;
  readonly response?: { readonly headers?: HeadersLike };
}

interface HeadersLike {
  readonly get?: (name: string) => string | null;
}

/**
 * Tells a refusal from an outage.
 *
 * Looks at names, codes and statuses and never at classes: errors of Node's
 * own fetch may come from another realm, where `instanceof` says no.
 */
export function classifyFailure(error: unknown): ProviderFailure {
  const links = causesOf(error);
  const [status] = factsOf(error).statuses;
  if (status !== undefined) {
    return status >= 500 ||
      UNWELL_STATUSES.has(status) ||
      UNWELL_ERRORS.has(oauthErrorOf(error)?.error ?? "")
      ? "unwell"
      : status >= 400
        ? "refused"
        : "invalid";
  }
  const unreachable = links.some(
    ({ name, code, message }) =>
      NETWORK_NAMES.has(String(name)) ||
      TIMEOUT_CODES.has(String(code)) ||
      (name === "TypeError" && message === "fetch failed"),
  );
  return unreachable ? "unwell" : "invalid";
}

/** The codes and HTTP statuses in an error and its causes. */
export function factsOf(error: unknown): {
  readonly codes: readonly string[];
  readonly statuses: readonly number[];
} {
  const links = causesOf(error);
  return {
    codes: links
      .map(({ code }) => code)
      .filter((code) => typeof code === "string"),
    statuses: links
      .map(({ status }) => status)
      .filter((status) => typeof status === "number"),
  };
}

/** Which check of a token an error is about. */
export function failedCheck(error: unknown): CheckName {
  const claim = causesOf(error).flatMap(claimsNamed)[0];
  if (claim !== undefined) return claim;
  const { codes } = factsOf(error);
  const isOfKey = codes.some((code) => /^ERR_JW[SK]|^OAUTH_KEY/.test(code));
  return isOfKey ? "signature" : "token_response";
}

/** jose names the claim in its error, openid-client in the cause of its. */
function claimsNamed({ claim }: ErrorLike): CheckName[] {
  return typeof claim === "string" && Object.hasOwn(CHECKS, claim)
    ? [claim as CheckName]
    : [];
}

/** The error response of the provider, if it sent one: in a body, or in a challenge (RFC 6750 3). */
export function oauthErrorOf(error: unknown): OAuthErrorResponse | undefined {
  for (const link of causesOf(error).flatMap(withChallenges)) {
    if (typeof link.error !== "string") continue;
    return {
      error: printable(link.error),
      ...(typeof link.error_description === "string" && {
        description: printable(link.error_description),
      }),
    };
  }
  return undefined;
}

/** openid-client tells the challenges of an answer as the cause of its error. */
function withChallenges(link: ErrorLike): ErrorLike[] {
  if (!Array.isArray(link)) return [link];
  return link.flatMap(({ parameters }: { parameters?: ErrorLike }) =>
    parameters === undefined ? [] : [parameters],
  );
}

/** Shortest and longest time that a provider may hold off whoever asks it, in seconds. */
const MIN_RETRY_SECONDS = 1;
const MAX_RETRY_SECONDS = 600;

/** When the provider wants to be asked again, in seconds (RFC 9110 10.2.3); undefined where it does not say. */
function retryAfterOf(error: unknown): number | undefined {
  for (const link of causesOf(error)) {
    const headers = link.headers ?? link.response?.headers;
    const value = headers?.get?.("retry-after");
    if (value === undefined || value === null) continue;
    const seconds = secondsUntil(value, headers?.get?.("date") ?? "");
    if (Number.isNaN(seconds)) continue;
    return Math.min(
      Math.max(Math.ceil(seconds), MIN_RETRY_SECONDS),
      MAX_RETRY_SECONDS,
    );
  }
  return undefined;
}

/** A number of seconds, or a date that counts from that of the answer; NaN for anything else. */
function secondsUntil(value: string, sentAt: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  if (!value.endsWith(" GMT")) return NaN;
  return (Date.parse(value) - Date.parse(sentAt)) / 1000;
}

/** The failure as an error of the kit. */
export function providerError(
  error: unknown,
  codes: Readonly<Record<ProviderFailure, LoginKitErrorCode>>,
  doing: string,
): LoginKitError {
  // Also one that openid-client has wrapped.
  const own = causesOf(error).find((link) => link instanceof LoginKitError);
  if (own !== undefined) return own;
  const oauthError = oauthErrorOf(error);
  const failure = classifyFailure(error);
  const code =
    failure === "refused" &&
    (oauthError?.error === "invalid_client" ||
      oauthError?.error === "unauthorized_client" ||
      wantsClientSecret(error))
      ? "ERR_CLIENT_AUTHENTICATION"
      : codes[failure];
  const reason = describe(error);
  const retryAfter =
    failureTexts[code].status === 503 ? retryAfterOf(error) : undefined;
  return new LoginKitError(code, {
    message: `${doing}: ${reason}`,
    // Never the error itself: openid-client's causes hold whole responses,
    // tokens and codes included, and loggers print causes.
    cause: new Error(reason),
    oauthError,
    ...(retryAfter !== undefined && {
      headers: { "Retry-After": String(retryAfter) },
    }),
  });
}

/**
 * Whether the answer asks the client to prove itself (RFC 6749 5.2). Of an
 * answer with a challenge openid-client tells the challenges and no OAuth error.
 */
function wantsClientSecret(error: unknown): boolean {
  return causesOf(error).some(
    ({ code, cause }) =>
      code === "OAUTH_WWW_AUTHENTICATE_CHALLENGE" &&
      Array.isArray(cause) &&
      cause.some(({ scheme }: { scheme?: unknown }) => scheme === "basic"),
  );
}

/** The name of a signature algorithm; anything else in its place is not repeated. */
const ALGORITHM = /^(?:[A-Z]{2}\d{3}K?|Ed\w{3,5}|ML-DSA-\d\d|none)$/;

/** openid-client's words around an error that it does not know. */
const SAYS_NOTHING = "something went wrong";

function describe(error: unknown): string {
  const { error: name, description } = oauthErrorOf(error) ?? {};
  const parts = [
    ...causesOf(error)
      .filter((link) => link.name !== "SyntaxError")
      .flatMap(({ message, code, status, claim, header }) => [
        typeof message === "string" && message !== SAYS_NOTHING
          ? message
          : undefined,
        typeof code === "string" ? `(${code})` : undefined,
        typeof status === "number" ? `status ${String(status)}` : undefined,
        typeof claim === "string" ? `claim ${claim}` : undefined,
        ALGORITHM.test(String(header?.alg))
          ? `alg ${String(header?.alg)}`
          : undefined,
      ]),
    name,
    description && `(${description})`,
  ].filter((part) => part !== undefined && part !== "");
  return printable([...new Set(parts)].join(" "));
}

/** The error and its causes, outermost first, as far as they are objects. */
function causesOf(error: unknown): ErrorLike[] {
  const links: ErrorLike[] = [];
  let link: unknown = error;
  while (typeof link === "object" && link !== null && links.length < 6) {
    links.push(link);
    link = (link as ErrorLike).cause;
  }
  return links;
}
