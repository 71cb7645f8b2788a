/** What a resource server's refusal says about the token (RFC 6750 3, RFC 9449 7.1, RFC 9470 3). */
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

/** The challenge of an answer that refuses an access token; undefined when it does not. */
export function challengeOf(
  status: number,
  headers: IncomingHttpHeaders,
): Challenge | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const parameters = tokenChallengesOf(headers).find((challenge) =>
    challenge.parameters.has("error"),
  )?.parameters;
  const error = parameters?.get("error");
  if (parameters === undefined || error === undefined) return undefined;
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

/** A challenge of a scheme that access tokens are sent by. */
export interface TokenChallenge {
  readonly scheme: "bearer" | "dpop";
  /** By name in small letters. */
  readonly parameters: ReadonlyMap<string, string>;
}

// Schemes are matched in any case (RFC 9110 11.1).
const SCHEME = /(?<=^|,)\s*(bearer|dpop)(?=[\s,]|$)/gi;

const QUOTED = /"(?:[^"\\]|\\.)*"/g;

/** The challenges for access tokens; others are passed over. */
export function tokenChallengesOf(
  headers: IncomingHttpHeaders,
): readonly TokenChallenge[] {
  const header = [headers["www-authenticate"] ?? []].flat().join(", ");
  if (header.length > MAX_LENGTH) return [];
  // What is quoted names no scheme.
  const outside = header.replace(QUOTED, (text) => "_".repeat(text.length));
  const found = [...outside.matchAll(SCHEME)];
  return found.map(({ index, 1: scheme = "" }, place) => ({
    scheme: scheme.toLowerCase() as TokenChallenge["scheme"],
    parameters: parametersIn(header.slice(index, found[place + 1]?.index)),
  }));
}

function parametersIn(challenge: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [, name = "", quoted, plain] of challenge.matchAll(PARAMETER)) {
    const known = name.toLowerCase();
    if (!parameters.has(known)) parameters.set(known, quoted ?? plain ?? "");
  }
  return parameters;
}

/** What is wrong with the proof of possession, not with the token (RFC 9449 7.1, 9). */
const ABOUT_PROOF: ReadonlySet<string | undefined> = new Set([
  "use_dpop_nonce",
  "invalid_dpop_proof",
]);

/** Whether a refusal is about the proof alone. */
export function refusesProof(error: string | undefined): boolean {
  return ABOUT_PROOF.has(error);
}

/**
 * Whether another token may help: 401, and the challenge does not speak of the
 * user, of scopes or of the proof. Many servers say no more than that (RFC 6750 3.1).
 */
export function refusesToken(
  status: number,
  challenge: Challenge | undefined,
): boolean {
  return (
    status === 401 &&
    challenge?.error !== "insufficient_user_authentication" &&
    challenge?.error !== "insufficient_scope" &&
    !refusesProof(challenge?.error)
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
  loginUrl: (wanted: Pick<Challenge, "acrValues" | "maxAgeSeconds">) => string,
): LoginKitError | undefined {
  const { acrValues, maxAgeSeconds } = challenge;
  switch (challenge.error) {
    case "invalid_token":
      return new LoginKitError("ERR_ACCESS_TOKEN_REJECTED");
    case "insufficient_scope":
      return new LoginKitError("ERR_INSUFFICIENT_SCOPE", {
        members: { scope: challenge.scope },
      });
    case "insufficient_user_authentication":
      return new LoginKitError("ERR_STRONGER_LOGIN_REQUIRED", {
        loginUrl: loginUrl({ acrValues, maxAgeSeconds }),
      });
    case "use_dpop_nonce":
    case "invalid_dpop_proof":
      // The page can do nothing about it but ask again, and must not sign in anew.
      return new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
        message:
          "the resource server wants another proof (DPoP), and this request cannot be sent twice; the next one has what it wants",
      });
    default:
      return undefined;
  }
}
