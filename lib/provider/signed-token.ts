/** Verifies a token that the provider signed for this client. */
import { errors, jwtVerify, type JWTPayload } from "jose";
import type { Config } from "../config.js";
import type { ProviderKeys } from "./issuer.js";

/** What a token is verified with. */
export interface Verification {
  readonly config: Config;
  readonly keys: ProviderKeys;
  readonly now: () => number;
  readonly requiredClaims: readonly string[];
  /** Fetches the provider's keys anew, for a token that no known key fits to. */
  readonly reloadKeys: () => Promise<void>;
}

/**
 * The claims of a token, after its signature, algorithm, issuer, audience and
 * expiry. What the keys are looked up by comes from the token's header; keys
 * in the header itself, or addresses of keys, are never used.
 *
 * Rejects with an error of jose, or with what `reloadKeys` rejects with.
 */
export async function verifySigned(
  token: string,
  { config, keys, now, requiredClaims, reloadKeys }: Verification,
): Promise<JWTPayload> {
  const { idTokenSigningAlg, issuer, clientId, clientSecret } = config;
  const options = {
    algorithms: [idTokenSigningAlg],
    issuer,
    audience: clientId,
    clockTolerance: config.clockToleranceSeconds,
    currentDate: new Date(now()),
    requiredClaims: [...requiredClaims],
  };
  if (idTokenSigningAlg.startsWith("HS")) {
    // Core 3.1.3.7 (8): the key of a MAC is the client secret.
    const key = new TextEncoder().encode(clientSecret);
    return (await jwtVerify(token, key, options)).payload;
  }
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (!isUnknownKey(error)) throw error;
    // Core 10.1.1: the provider may have new keys.
    await reloadKeys();
    return (await jwtVerify(token, keys, options)).payload;
  }
}

/** Whether a token is meant for somebody beside this client. */
export function hasOtherAudience(
  { aud = [] }: JWTPayload,
  { clientId }: Config,
): boolean {
  return [aud].flat().some((audience) => audience !== clientId);
}

// By code, not by class: see classifyFailure.
function isUnknownKey(error: unknown): boolean {
  return (error as { code?: unknown }).code === errors.JWKSNoMatchingKey.code;
}
