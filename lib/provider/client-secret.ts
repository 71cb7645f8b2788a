/** The client's secret, which a function may give. */
import type { ProviderConfig } from "../config/provider-config.js";

/** The secret as it is now. Rejects where the function fails, or gives no text. */
export async function clientSecretOf({
  clientSecret = "",
}: Pick<ProviderConfig, "clientSecret">): Promise<string> {
  return typeof clientSecret === "string"
    ? clientSecret
    : secretNow(clientSecret);
}

/** What a function gives for a secret. */
export async function secretNow(
  secret: () => string | Promise<string>,
): Promise<string> {
  const value: unknown = await secret();
  if (typeof value === "string" && value !== "") return value;
  throw new Error("the function for the client secret gave no text");
}
