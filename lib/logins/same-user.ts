/** Compares a user who signs in with the one who is signed in. */
import type { Identity } from "../stores/login-store.js";
import type { LiveLogin } from "./current-login.js";

/**
 * A login that another site may have begun, and of which the user has seen
 * nothing, is not weaker than the one it replaces: it rests on the same
 * authentication.
 */
export function notWeaker(
  identity: Identity,
  replaced: readonly LiveLogin[],
): Identity {
  const before = replaced
    .map(({ record }) => record.identity)
    .find((one) => isSameUser(one, identity));
  if (before === undefined || isAuthenticatedAnew(identity, before)) {
    return identity;
  }
  return {
    ...identity,
    acr: before.acr ?? identity.acr,
    authenticatedAt: before.authenticatedAt ?? identity.authenticatedAt,
  };
}

function isAuthenticatedAnew(identity: Identity, before: Identity): boolean {
  const { providerSessionId, authenticatedAt = 0 } = identity;
  return (
    authenticatedAt > (before.authenticatedAt ?? 0) ||
    providerSessionId !== before.providerSessionId
  );
}

/** `iss` and `sub` together name a user of a provider (Core 5.7). */
export function isSameUser(
  { provider, claims }: Identity,
  other: Identity,
): boolean {
  return (
    provider === other.provider &&
    claims.iss === other.claims.iss &&
    claims.sub === other.claims.sub
  );
}
