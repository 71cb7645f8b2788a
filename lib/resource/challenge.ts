/** What a resource server's refusal says about the token (RFC 6750 3, RFC 9470 3). */
import type { IncomingHttpHeaders } from "node:http";
import { LoginKitError } from "../base/errors.js";

/** A refusal of an access token. */
export interface Challenge {
  readonly error: string;
  /** Scopes that would do, as far as the server says. */
  readonly scope: string | undefined;
  /** Authentication contexts that would do (RFC 9470). */
  readonly acrValues: readonly string[];
  /** How fresh the authentication has to be, in seconds (RFC 9470). */
  readonly maxAgeSeconds: number | undefined;
}

/** Longest challenge that is read, in characters. */
const MAX_LENGTH = 2048;

/** Most authentication contexts that are asked for, and the longest of them, in characters. */
const MAX_ACR_VALUES = 10;
const MAX_ACR = 100;

// A parameter with its value, quoted or not. Quoted text holds no quotes here:
// the values that matter are made of names and spaces.
const PARAMETER =
  /([a-z_]+)\s*=\s*(?:"([\x21\x23-\x5b\x5d-\x7e ]*)"|([^\s,"]+))/gi;

/** The challenge of an answer that refuses a bearer token; undefined when it does not. */
export function challengeOf(
  status: number,
  headers: IncomingHttpHeaders,
): Challenge | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const header = [headers["www-authenticate"] ?? []].flat().join(", ");
  if (header.length > MAX_LENGTH) return undefined;
  const start = header.search(/(?:^|,)\s*bearer\b/i);
  if (start === -1) return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = "", quoted, plain] of header
    .slice(start)
    .matchAll(PARAMETER)) {
    const known = name.toLowerCase();
    if (!parameters.has(known)) parameters.set(known, quoted ?? plain ?? "");
  }
  const error = parameters.get("error");
  if (error === undefined) return undefined;
  const maxAge = parameters.get("max_age");
  return {
    error,
    scope: parameters.get("scope"),
    acrValues: acrValuesOf(parameters.get("acr_values") ?? ""),
    maxAgeSeconds:
      maxAge !== undefined && /^\d{1,9}$/.test(maxAge)
        ? Number(maxAge)
        : undefined,
  };
}

/**
 * Whether another token may help: 401, and the challenge does not speak of the
 * user or of scopes. Many servers say no more than that (RFC 6750 3.1).
 */
export function refusesToken(
  status: number,
  challenge: Challenge | undefined,
): boolean {
  return (
    status === 401 &&
    challenge?.error !== "insufficient_user_authentication" &&
    challenge?.error !== "insufficient_scope"
  );
}

/** Whether there is no other token in place of one that was refused. */
export function isRejection(error: unknown): boolean {
  return (
    error instanceof LoginKitError && error.code === "ERR_ACCESS_TOKEN_REJECTED"
  );
}

function acrValuesOf(text: string): string[] {
  return text
    .split(" ")
    .filter((value) => value !== "" && value.length <= MAX_ACR)
    .slice(0, MAX_ACR_VALUES);
}

/**
 * A refusal in our words; undefined when a page can do nothing about it.
 *
 * @param loginUrl the login address that asks for what is missing (RFC 9470 4)
 */
export function refusalOf(
  challenge: Challenge,
  loginUrl: (wanted: Challenge) => string,
): LoginKitError | undefined {
  switch (challenge.error) {
    case "invalid_token":
      return new LoginKitError("ERR_ACCESS_TOKEN_REJECTED");
    case "insufficient_scope":
      return new LoginKitError("ERR_INSUFFICIENT_SCOPE", {
        members: { scope: challenge.scope },
      });
    case "insufficient_user_authentication":
      return new LoginKitError("ERR_STRONGER_LOGIN_REQUIRED", {
        loginUrl: loginUrl(challenge),
      });
    default:
      return undefined;
  }
}
