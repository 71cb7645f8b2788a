/** Whether the users of a tenant may sign in, as a function of the application says. */
import type { ProviderConfig } from "../config/config.js";
import { tenantIn } from "../config/issuers.js";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { askedInTime } from "./asked-in-time.js";

/**
 * Asks the application about the tenant of an issuer. Undefined: its users may
 * sign in. A list of tenants was compared with the token before.
 *
 * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE` where the function fails, or takes longer than `providerTimeoutSeconds`
 */
export async function tenantRefusal(
  issuer: string,
  config: Pick<ProviderConfig, "issuer" | "tenants" | "providerTimeoutSeconds">,
): Promise<LoginKitError | undefined> {
  const { tenants } = config;
  if (typeof tenants !== "function") return undefined;
  const tenant = tenantIn(config, issuer) ?? "";
  let isWelcome: unknown;
  try {
    isWelcome = await askedInTime(() => tenants(tenant), config);
  } catch (error) {
    throw new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
      message: "the function tenants failed",
      cause: error,
    });
  }
  if (isWelcome === true) return undefined;
  return new LoginKitError("ERR_ID_TOKEN_INVALID", {
    message: `the ID Token was refused: the function tenants does not accept the tenant ${printable(tenant)}`,
  });
}
