/** The client's secret, which a function may give. */
import type { ProviderConfig } from "../config/provider-config.js";
import { neededInTime } from "./asked-in-time.js";

/**
 * The secret as it is now.
 *
 * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE` where the function fails, gives no text, or takes longer than `providerTimeoutSeconds`
 */
export async function clientSecretOf(
  config: Pick<ProviderConfig, "clientSecret" | "providerTimeoutSeconds">,
): Promise<string> {
  const { clientSecret = "" } = config;
  if (typeof clientSecret === "string") return clientSecret;
  return neededInTime("clientSecret", () => secretNow(clientSecret), config);
}

/** What a function gives for a secret. */
export async function secretNow(
  secret: () => string | Promise<string>,
): Promise<string> {
  const value: unknown = await secret();
  if (typeof value === "string" && value !== "") return value;
  throw new Error("the function for the client secret gave no text");
}
