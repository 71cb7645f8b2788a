/** How long an access token is good. */
import type { Config } from "../config/config.js";
import type { IssuedToken } from "../stores/login-store.js";

/**
 * From when on a token should be renewed, or undefined when the provider named
 * no lifetime. Milliseconds since 1970.
 *
 * A token that lives shorter than the leeway would be due at once, and every
 * request would renew it: half of its life has to be enough.
 */
export function renewalDue(
  { receivedAt, expiresAt }: IssuedToken,
  { refreshLeewaySeconds }: Pick<Config, "refreshLeewaySeconds">,
): number | undefined {
  if (expiresAt === undefined) return undefined;
  const lifetime = expiresAt - receivedAt;
  return expiresAt - Math.min(refreshLeewaySeconds * 1000, lifetime / 2);
}

/** Whether a token need not be renewed yet. */
export function isFresh(
  token: IssuedToken,
  config: Pick<Config, "refreshLeewaySeconds">,
  now: number,
): boolean {
  const due = renewalDue(token, config);
  return due === undefined || due > now;
}

/** A token without a lifetime counts as valid: only its resource server knows. */
export function isValid({ expiresAt }: IssuedToken, now: number): boolean {
  return expiresAt === undefined || expiresAt > now;
}
