/** The ID Token rules that openid-client leaves to its caller. */
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from "jose";
import { isAcceptedAcr } from "../base/acr.js";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { leftHalfOfHash } from "../base/signature-algorithms.js";
import type { DiscoveredProvider } from "./discovery.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { check, witness } from "../telling/witness.js";
import { failedCheck, providerError } from "./provider-errors.js";
import {
  hasOtherAudiences,
  untrustedAudience,
  verifySigned,
} from "./signed-token.js";

/** What an ID Token must fit to. */
export interface IdTokenExpectation {
  readonly idToken: string;
  /** The access token it came with. */
  readonly accessToken: string;
  /** What its `acr` may be; none: anything. */
  readonly acrValues: readonly string[];
}

/**
 * Checks signature, algorithm, times, audience and `at_hash` of an ID Token
 * whose nonce and `max_age` openid-client has compared (Core 3.1.3.7, 3.1.3.8).
 *
 * openid-client can check the signature too, but does not fetch new keys when
 * its own are less than a minute old, so a login right after a key rotation
 * would fail.
 *
 * @throws {LoginKitError} `ERR_ID_TOKEN_INVALID`, `ERR_AUTHENTICATION_TOO_WEAK`, `ERR_PROVIDER_UNAVAILABLE`
 */
export async function checkIdToken(
  expectation: IdTokenExpectation,
  provider: DiscoveredProvider,
  config: ProviderConfig,
  now: () => number,
): Promise<void> {
  const { idToken, accessToken, acrValues } = expectation;
  const claims = await verifySignature(idToken, provider, config, now);
  const latest = now() / 1000 + config.clockToleranceSeconds;
  check("iat", claims.iat !== undefined && claims.iat <= latest, () =>
    invalid("it was issued in the future; compare the clocks"),
  );
  const authTime = claims["auth_time"];
  check("auth_time", authTime === undefined || Number(authTime) <= latest, () =>
    invalid("its auth_time is in the future; compare the clocks"),
  );
  // Core 3.1.3.7 (3): audiences that we do not know are not trusted.
  const untrusted = untrustedAudience(claims, config);
  check("aud", untrusted === undefined, () => invalid(untrusted ?? ""));
  const azp = claims["azp"];
  // Core 3.1.3.7 (4): among several audiences it has to say whom it was made for.
  const namesOne = azp !== undefined || !hasOtherAudiences(claims, config);
  check("azp", namesOne && (azp ?? config.clientId) === config.clientId, () =>
    invalid(
      namesOne
        ? "azp names another client"
        : "it has several audiences and no azp",
    ),
  );
  const { sub } = claims;
  check("sub", typeof sub === "string" && sub !== "" && sub.length <= 255, () =>
    invalid("sub is missing or longer than 255 characters"),
  );
  const hash = claims["at_hash"];
  check(
    "at_hash",
    hash === undefined ||
      hash === leftHalfOfHash(accessToken, config.idTokenSigningAlg),
    () => invalid("at_hash does not fit to the access token"),
  );
  const acr = claims["acr"];
  check(
    "acr",
    acrValues.length === 0 || isAcceptedAcr(acr, acrValues, config.acrOrder),
    () => tooWeak(acr, acrValues, config),
  );
}

/**
 * Whether a refreshed ID Token names another issuer, subject or audience than
 * the first: then it speaks of somebody else (Core 12.2). One that names none
 * is wrong, but nobody else's.
 */
export function isOfAnotherLogin(refreshed: string, first: string): boolean {
  const now = claimsIn(refreshed);
  const before = decodeJwt(first);
  return (["iss", "sub", "aud"] as const).some(
    (name) =>
      now[name] !== undefined &&
      now[name] !== null &&
      inOrder(now[name]) !== inOrder(before[name]),
  );
}

/**
 * A refreshed ID Token must fit to the first (Core 12.2). Its `auth_time` may
 * be newer: the user may have authenticated again in another application.
 *
 * @throws {LoginKitError} `ERR_ID_TOKEN_INVALID`
 */
export function compareWithFirst(refreshed: string, first: string): void {
  const now = decodeJwt(refreshed);
  const before = decodeJwt(first);
  // Its iat is the time at which it was made, and so is the first's.
  if (now.iat === undefined || now.iat < (before.iat ?? 0)) {
    throw invalid("after a refresh it is older than the first");
  }
  if (now["azp"] !== before["azp"]) {
    throw invalid("after a refresh its azp changed");
  }
  if (now["nonce"] !== undefined && now["nonce"] !== before["nonce"]) {
    throw invalid("after a refresh its nonce changed");
  }
}

/** None where it is not a JWT. */
function claimsIn(token: string): Readonly<Record<string, unknown>> {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
}

/** A claim for comparison; the order and the form of audiences do not count. */
function inOrder(claim: unknown): string {
  return JSON.stringify([claim].flat().sort());
}

async function verifySignature(
  idToken: string,
  provider: DiscoveredProvider,
  config: ProviderConfig,
  now: () => number,
): Promise<JWTPayload> {
  try {
    refuseOtherTokenTypes(idToken);
    const claims = await verifySigned(idToken, {
      config,
      keys: provider.keys,
      now,
      requiredClaims: ["exp", "iat", "sub"],
      // ID Tokens come straight from the token endpoint, so nobody else can
      // make us ask.
      reloadKeys: () => provider.keys.reload(),
    });
    witness()?.passed("typ", "alg", "signature", "iss", "exp");
    return claims;
  } catch (error) {
    witness()?.failed(failedCheck(error));
    throw providerError(
      error,
      {
        unwell: "ERR_PROVIDER_UNAVAILABLE",
        refused: "ERR_ID_TOKEN_INVALID",
        invalid: "ERR_ID_TOKEN_INVALID",
      },
      "the ID Token was refused",
    );
  }
}

/** An access token or Logout Token is signed by the same keys but is no ID Token (RFC 8725 3.11). */
function refuseOtherTokenTypes(idToken: string): void {
  const { typ } = decodeProtectedHeader(idToken);
  if (typ !== undefined && typ.toUpperCase() !== "JWT") {
    throw new Error("its typ says that it is another kind of token");
  }
}

function tooWeak(
  acr: unknown,
  accepted: readonly string[],
  { acrOrder }: ProviderConfig,
): LoginKitError {
  const came = acr === undefined ? "has no acr" : `has the acr ${shown(acr)}`;
  const more =
    acrOrder.length > 0
      ? ` or stronger ones in acrOrder, ${acrOrder.join(", ")}`
      : "; if it is a stronger one, say so by the option acrOrder";
  return new LoginKitError("ERR_AUTHENTICATION_TOO_WEAK", {
    message: `the ID Token ${came}, and accepted are ${printable(accepted.join(", "))}${more}`,
  });
}

function shown(claim: unknown): string {
  return printable(JSON.stringify(claim));
}

function invalid(reason: string): LoginKitError {
  return new LoginKitError("ERR_ID_TOKEN_INVALID", {
    message: `the ID Token was refused: ${reason}`,
  });
}
