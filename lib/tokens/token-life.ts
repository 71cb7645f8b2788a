/** When an access token is due for renewal. */
import type { Config } from "../config/config.js";
import type { AccessToken } from "../stores/login-store.js";

/**
 * From when on a token should be renewed, or undefined when the provider named
 * no lifetime. Milliseconds since 1970.
 *
 * A token that lives shorter than the leeway would be due at once, and every
 * request would renew it: half of its life has to be enough.
 */
export function renewalDue(
  { receivedAt, expiresAt }: AccessToken,
  { refreshLeewaySeconds }: Config,
): number | undefined {
  if (expiresAt === undefined) return undefined;
  const lifetime = expiresAt - receivedAt;
  return expiresAt - Math.min(refreshLeewaySeconds * 1000, lifetime / 2);
}
