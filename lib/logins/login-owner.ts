/** Whose a login is, by what it keeps: a store may hold logins of providers that this process does not know. */
import type { LoginOwner } from "../config/known-providers.js";
import type { Identity } from "../stores/login-store.js";

/** The provider and issuer that a user came from. */
export function ownerOf({ provider, claims }: Identity): LoginOwner {
  return { provider, issuer: claims.iss };
}
