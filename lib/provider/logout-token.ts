/** Logout Token validation (Back-Channel Logout 1.0, section 2.6). */
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from "jose";
import { isPlainObject } from "../base/checked.js";
import { LoginKitError } from "../base/errors.js";
import { isIssuerOf } from "../config/issuers.js";
import { printable } from "../base/printable.js";
import { opened } from "./decryption.js";
import type { Discover } from "./discovery.js";
import { createLogoutTokenKeys } from "./logout-token-keys.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { providerError } from "./provider-errors.js";
import type { CheckName } from "../telling/checks.js";
import { witness } from "../telling/witness.js";
import { untrustedAudience, verifySigned } from "./signed-token.js";

/** The one event that a Logout Token tells of. */
const LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout";

/** How old a Logout Token may be; section 4 wants them to live two minutes at most. */
const MAX_AGE_SECONDS = 120;

/** Longest identifiers that are looked up. */
const MAX_IDENTIFIER_LENGTH = 255;

/** A logout that the provider tells of, validated. */
export interface LogoutToken {
  /** The name of the provider that sent it. */
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly providerSessionId: string | undefined;
  /** Names this token among all of its issuer's. */
  readonly jti: string;
  /** Milliseconds since 1970, by the provider's clock. */
  readonly issuedAt: number;
  /** From then on it would not be accepted any more. Milliseconds since 1970. */
  readonly usableUntil: number;
}

/**
 * Validates a Logout Token.
 *
 * @param loginsMeant names the live logins that a token would end if it were genuine; undefined: there are none
 * @throws {LoginKitError} `ERR_LOGOUT_TOKEN_INVALID`, `ERR_TOO_MANY_REQUESTS`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_DISCOVERY_INVALID`
 */
export type ReadLogoutToken = (
  token: string,
  loginsMeant: (claims: LogoutToken) => Promise<string | undefined>,
) => Promise<LogoutToken>;

/** Creates the function behind the back-channel endpoint. */
export function createLogoutTokens(
  config: ProviderConfig,
  discover: Discover,
  now: () => number,
): ReadLogoutToken {
  const logoutTokenKeys = createLogoutTokenKeys(now);
  const isMac = config.idTokenSigningAlg.startsWith("HS");

  return async function readLogoutToken(sent, loginsMeant) {
    const token = await opened(sent, undefined, config).catch(
      (error: unknown) => {
        if (error instanceof LoginKitError) throw error;
        const { message } = error as Error;
        throw invalid("alg", "it cannot be decrypted", message);
      },
    );
    // Everything that needs no key comes first: only a token that would be
    // good but for its signature makes us look for keys.
    checkHeader(token, config);
    const claims = readClaims(token, config, now);
    witness()?.passed(
      "typ",
      "alg",
      "iss",
      "aud",
      "azp",
      "iat",
      "exp",
      "events",
    );
    const { keys } = await discover();
    try {
      if (!isMac && !keys.fresh) await logoutTokenKeys.fetch(keys);
      await verifySigned(token, {
        config,
        keys,
        now,
        requiredClaims: ["iat", "jti"],
        reloadKeys: () =>
          logoutTokenKeys.fetchSometimes(keys, () => loginsMeant(claims)),
      });
    } catch (error) {
      witness()?.failed("signature");
      throw providerError(
        error,
        {
          unwell: "ERR_LOGOUT_TOKEN_INVALID",
          refused: "ERR_LOGOUT_TOKEN_INVALID",
          invalid: "ERR_LOGOUT_TOKEN_INVALID",
        },
        "the Logout Token was refused",
      );
    }
    witness()?.passed("signature");
    return claims;
  };
}

function checkHeader(token: string, config: ProviderConfig): void {
  const header = decoded(() => decodeProtectedHeader(token));
  const { alg, typ } = header as Record<string, unknown>;
  if (alg !== config.idTokenSigningAlg) {
    throw invalid(
      "alg",
      "its alg is not idTokenSigningAlg",
      `its alg is ${shown(alg)}, and idTokenSigningAlg is ${config.idTokenSigningAlg}`,
    );
  }
  if (header.crit !== undefined)
    throw invalid("alg", "its crit names extensions");
  // Section 4: requiring the type would break providers that send none.
  const isTyped =
    typeof typ === "string" && /^(?:application\/)?logout\+jwt$/i.test(typ);
  const isPlain =
    typ === undefined || (typeof typ === "string" && /^jwt$/i.test(typ));
  if (isTyped || (isPlain && !config.backchannelLogout.requireType)) return;
  throw invalid(
    "typ",
    "its typ is not logout+jwt",
    `its typ is ${shown(typ)}, not logout+jwt${isPlain ? "; backchannelLogout.requireType demands it" : ""}`,
  );
}

function readClaims(
  token: string,
  config: ProviderConfig,
  now: () => number,
): LogoutToken {
  const claims = decoded(() => decodeJwt(token));
  const { iss } = claims;
  if (typeof iss !== "string" || !isIssuerOf(config, iss)) {
    throw invalid(
      "iss",
      "iss is another issuer",
      `iss is ${shown(iss)}, and the option issuer is ${config.issuer}`,
    );
  }
  if (!audienceOf(claims).includes(config.clientId)) {
    throw invalid(
      "aud",
      "aud is not this client",
      `aud is ${shown(claims.aud)}, and this client is ${config.clientId}`,
    );
  }
  const untrusted = untrustedAudience(claims, config);
  if (untrusted !== undefined) {
    throw invalid("aud", "it has an audience beside this client", untrusted);
  }
  const azp = claims["azp"];
  if (azp !== undefined && azp !== config.clientId) {
    throw invalid(
      "azp",
      "azp is another client",
      `azp is ${shown(azp)}, and this client is ${config.clientId}`,
    );
  }
  const times = readTimes(claims, config, now() / 1000);
  if (!isLogoutEvent(claims["events"])) {
    throw invalid(
      "events",
      "events does not tell of a logout",
      `events is ${shown(claims["events"])}, without the member ${LOGOUT_EVENT} that is an object`,
    );
  }
  // What has a nonce is an ID Token that somebody posts here.
  if (claims["nonce"] !== undefined) throw invalid("events", "it has a nonce");
  const subject = identifier(claims, "sub");
  const providerSessionId = identifier(claims, "sid");
  if (subject === undefined && providerSessionId === undefined) {
    throw invalid("sub", "it has neither sub nor sid");
  }
  const jti = identifier(claims, "jti");
  if (jti === undefined) throw invalid("jti", "jti is missing");
  return {
    provider: config.name,
    issuer: iss,
    subject,
    providerSessionId,
    jti,
    ...times,
  };
}

function readTimes(
  { iat, exp }: JWTPayload,
  { clockToleranceSeconds, backchannelLogout }: ProviderConfig,
  now: number,
): Pick<LogoutToken, "issuedAt" | "usableUntil"> {
  const tolerance = String(clockToleranceSeconds);
  if (typeof iat !== "number")
    throw invalid("iat", "iat is no time", `iat is ${shown(iat)}, no time`);
  if (iat > now + clockToleranceSeconds) {
    throw invalid(
      "iat",
      "it was issued in the future; compare the clocks",
      `it was issued ${secondsFrom(now, iat)} seconds in the future, and clockToleranceSeconds is ${tolerance}; compare the clocks`,
    );
  }
  const tooOld = iat + MAX_AGE_SECONDS + clockToleranceSeconds;
  if (tooOld < now) {
    throw invalid(
      "iat",
      "it was issued too long ago; compare the clocks",
      `it was issued ${secondsFrom(iat, now)} seconds ago, and ${String(MAX_AGE_SECONDS)} are accepted, give or take clockToleranceSeconds, ${tolerance}; compare the clocks`,
    );
  }
  if (exp === undefined) {
    if (backchannelLogout.requireExpiry) {
      throw invalid(
        "exp",
        "exp is missing; for a provider that sends none, set backchannelLogout: { requireExpiry: false }",
      );
    }
    return { issuedAt: iat * 1000, usableUntil: tooOld * 1000 };
  }
  if (typeof exp !== "number")
    throw invalid("exp", "exp is no time", `exp is ${shown(exp)}, no time`);
  if (exp + clockToleranceSeconds <= now) {
    throw invalid(
      "exp",
      "it has expired; compare the clocks",
      `it expired ${secondsFrom(exp, now)} seconds ago, and clockToleranceSeconds is ${tolerance}; compare the clocks`,
    );
  }
  return {
    issuedAt: iat * 1000,
    usableUntil: Math.min(tooOld, exp + clockToleranceSeconds) * 1000,
  };
}

function audienceOf({ aud = [] }: JWTPayload): string[] {
  return [aud].flat();
}

function isLogoutEvent(events: unknown): boolean {
  return isPlainObject(events) && isPlainObject(events[LOGOUT_EVENT]);
}

/** An identifier that is a text; undefined where there is none. */
function identifier(
  claims: JWTPayload,
  name: "sub" | "sid" | "jti",
): string | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "") {
    if (value.length <= MAX_IDENTIFIER_LENGTH) return value;
  }
  throw invalid(
    name === "jti" ? "jti" : "sub",
    `${name} is not a text of up to ${String(MAX_IDENTIFIER_LENGTH)} characters`,
  );
}

/** What came, for the developer. */
function shown(value: unknown): string {
  return value === undefined ? "missing" : printable(JSON.stringify(value));
}

function secondsFrom(earlier: number, later: number): string {
  return String(Math.round(later - earlier));
}

function decoded<Part>(decode: () => Part): Part {
  try {
    return decode();
  } catch {
    throw invalid("typ", "it is not a signed JWT");
  }
}

/**
 * @param failed the check that the token does not pass
 * @param reason what whoever sent the token is told; it repeats nothing of the token
 * @param diagnosis what we are told
 */
function invalid(
  failed: CheckName,
  reason: string,
  diagnosis: string = reason,
): LoginKitError {
  witness()?.failed(failed);
  const refused = "the Logout Token was refused";
  return new LoginKitError("ERR_LOGOUT_TOKEN_INVALID", {
    message: `${refused}: ${diagnosis}`,
    members: { error_description: `${refused}: ${reason}` },
  });
}
