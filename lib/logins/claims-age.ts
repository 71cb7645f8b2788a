/** When the claims of a login are to be renewed. */
import type { ProviderConfig } from "../config/config.js";
import type { LoginRecord } from "../stores/login-store.js";

/** What says how old the claims of a login are, and may be. */
interface AgingLogin {
  readonly record: LoginRecord;
  readonly provider: ProviderConfig;
}

/** From when on they count as old; infinity: never. Milliseconds since 1970. */
export function claimsDueAt({ record, provider }: AgingLogin): number {
  const { claimsRefreshSeconds } = provider;
  if (claimsRefreshSeconds === undefined) return Infinity;
  return (record.claimsAt ?? record.createdAt) + claimsRefreshSeconds * 1000;
}

/** Until when they still count although they could not be renewed: as long again. */
export function claimsEndAt(login: AgingLogin): number {
  const { claimsRefreshSeconds = Infinity } = login.provider;
  return claimsDueAt(login) + claimsRefreshSeconds * 1000;
}
