/** Which logins in the store are of a provider of this kit. */
import type { Config } from "../config/config.js";
import type { LoginRecord } from "../stores/login-store.js";

/** Another kit on the same Redis may have another provider: its users are not ours. */
export function belongsHere(
  { identity }: Pick<LoginRecord, "identity">,
  { issuer }: Pick<Config, "issuer">,
): boolean {
  return identity.claims.iss === issuer;
}
