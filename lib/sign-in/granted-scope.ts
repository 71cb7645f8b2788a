/** What of the scope that was asked for a provider has granted. */
import type { ProviderConfig } from "../config/config.js";
import type { RedeemedCode } from "../provider/code-redemption.js";
import type { LoginRecord, Transaction } from "../stores/login-store.js";

/**
 * What a guard needs to know of the scope of a login (RFC 6749 3.3, 5.1).
 *
 * Where resource servers have a `resource`, their tokens have a scope of their
 * own (RFC 8707): then the answer does not say what was refused, and they will.
 */
export function grantedScope(
  { scope: asked }: Transaction,
  { scope: answered }: RedeemedCode,
  config: ProviderConfig,
): Pick<LoginRecord, "scope" | "refusedScope"> {
  const wanted = asked ?? config.scope;
  if (answered === undefined) return { scope: wanted };
  const granted = new Set(answered.split(" "));
  const missing = wanted.split(" ").filter((name) => !granted.has(name));
  const isOfOneToken = [...config.resourceServers.values()].some(
    ({ resource }) => resource !== undefined,
  );
  if (isOfOneToken) return { scope: [...granted, ...missing].join(" ") };
  return {
    scope: answered,
    ...(missing.length > 0 && { refusedScope: missing.join(" ") }),
  };
}
