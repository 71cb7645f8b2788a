/** Verifies a token that the provider signed for this client. */
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyOptions,
} from "jose";
import { isIssuerOf, issuerFor } from "../config/issuers.js";
import { printable } from "../base/printable.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { clientSecretOf } from "./client-secret.js";
import type { ProviderKeys } from "./provider-keys.js";

/** What a token is verified with. */
export interface Verification {
  readonly config: ProviderConfig;
  readonly keys: ProviderKeys;
  readonly now: () => number;
  readonly requiredClaims: readonly string[];
  /** The one that is accepted, and the option that says so. Default: that of ID Tokens. */
  readonly algorithm?: { readonly option: string; readonly name: string };
  /** Fetches the provider's keys anew, for a token that no known key fits to. */
  readonly reloadKeys: () => Promise<void>;
}

/** The year 9999, in seconds since 1970: later, and before 1970, there are no dates. */
const LAST_SECOND = 253_402_300_799;

/**
 * The claims of a token, after its signature, algorithm, issuer, audience and
 * expiry. What the keys are looked up by comes from the token's header; keys
 * in the header itself, or addresses of keys, are never used.
 *
 * Rejects with an error of jose, or with what `reloadKeys` rejects with, or
 * {@link clientSecretOf}.
 */
export async function verifySigned(
  token: string,
  {
    config,
    keys,
    now,
    requiredClaims,
    reloadKeys,
    algorithm = { option: "idTokenSigningAlg", name: config.idTokenSigningAlg },
  }: Verification,
): Promise<JWTPayload> {
  const { clientId } = config;
  const options = {
    algorithms: [algorithm.name],
    issuer: issuerIn(token, config),
    audience: clientId,
    clockTolerance: config.clockToleranceSeconds,
    currentDate: new Date(now()),
    requiredClaims: [...requiredClaims],
  };
  const header = decodeProtectedHeader(token) as JWTHeaderParameters;
  if (header.alg !== algorithm.name) {
    throw new Error(
      `it is signed with another algorithm than ${algorithm.option}, ${algorithm.name}`,
    );
  }
  if (algorithm.name.startsWith("HS")) {
    // Core 3.1.3.7 (8): the key of a MAC is the client secret.
    const key = new TextEncoder().encode(await clientSecretOf(config));
    return withRealTimes((await jwtVerify(token, key, options)).payload);
  }
  const outcome = await verifyWith(keys, header, token, options);
  if ("claims" in outcome) return withRealTimes(outcome.claims);
  if (!outcome.keysMayHaveChanged) throw outcome.failure;
  // Core 10.1.1: the provider may have new keys.
  await reloadKeys();
  const second = await verifyWith(keys, header, token, options);
  if ("claims" in second) return withRealTimes(second.claims);
  throw second.failure;
}

/** The issuer that a token has to name: where the provider has tenants, that of its own. */
function issuerIn(token: string, config: ProviderConfig): string {
  if (config.tenants === undefined) return config.issuer;
  const { iss, tid } = decodeJwt(token) as Record<string, unknown>;
  // A Logout Token may name the tenant by its issuer alone.
  const isOfTenant = tid === undefined || iss === issuerFor(config, tid);
  if (typeof iss === "string" && isOfTenant && isIssuerOf(config, iss)) {
    return iss;
  }
  throw new Error(
    `its iss is ${printable(String(iss))}, and its tid ${printable(String(tid))}: no tenant of the option tenants`,
  );
}

/** Whether a token is meant for others beside this client. */
export function hasOtherAudiences(
  claims: JWTPayload,
  config: ProviderConfig,
): boolean {
  return otherAudiences(claims, config).length > 0;
}

function otherAudiences(
  { aud = [] }: JWTPayload,
  { clientId }: ProviderConfig,
): readonly string[] {
  return [aud].flat().filter((audience) => audience !== clientId);
}

/** Of them, who is not trusted: what to tell, with the option that trusts them; undefined: nobody. */
export function untrustedAudience(
  claims: JWTPayload,
  config: ProviderConfig,
): string | undefined {
  const untrusted = otherAudiences(claims, config).filter(
    (audience) => !config.trustedAudiences.includes(audience),
  );
  return untrusted.length === 0
    ? undefined
    : `it has an audience beside this client, ${printable(untrusted.join(", "))}; if the provider puts it there for you, name it in trustedAudiences`;
}

type Outcome =
  | { readonly claims: JWTPayload }
  | { readonly failure: unknown; readonly keysMayHaveChanged: boolean };

async function verifyWith(
  keys: ProviderKeys,
  header: JWTHeaderParameters,
  token: string,
  options: JWTVerifyOptions,
): Promise<Outcome> {
  const candidates = await keys.candidatesFor(header);
  let failure: unknown;
  for (const key of candidates.keys) {
    try {
      return { claims: (await jwtVerify(token, key, options)).payload };
    } catch (error) {
      // It was the key, or the key was unusable, and another one may be it.
      if (isAboutClaims(error)) throw error;
      failure = error;
    }
  }
  return {
    failure: failure ?? new errors.JWKSNoMatchingKey(),
    keysMayHaveChanged: candidates.keys.length === 0 || !candidates.named,
  };
}

/** Whether the signature was right. By code, not by class: see classifyFailure. */
function isAboutClaims(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith("ERR_JWT_");
}

/** A time that is no date would break every calculation with it. */
function withRealTimes(claims: JWTPayload): JWTPayload {
  for (const name of ["exp", "iat", "nbf", "auth_time"]) {
    const time = claims[name];
    if (time === undefined || (typeof time === "number" && isDate(time)))
      continue;
    throw new Error(`its ${name} is not a time`);
  }
  return claims;
}

function isDate(seconds: number): boolean {
  return seconds >= 0 && seconds <= LAST_SECOND;
}
