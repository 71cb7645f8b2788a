/** How the application proves to its provider which client it is (Core 9). */
import * as client from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { secretsSent, withoutSecrets } from "../outgoing/sent-secrets.js";

/** The client authentication of the options, as openid-client takes it. */
export function clientAuthentication({
  clientAuth,
  clientSecret,
}: ProviderConfig): client.ClientAuth {
  if (typeof clientAuth === "function") return guarded(clientAuth);
  return clientAuth === "client_secret_post"
    ? client.ClientSecretPost(clientSecret)
    : client.ClientSecretBasic(clientSecret);
}

/** The application's own code: what it throws is about the client, and may hold what it was to send. */
function guarded(clientAuth: client.ClientAuth): client.ClientAuth {
  const authenticate: (
    ...parameters: Parameters<client.ClientAuth>
  ) => unknown = clientAuth;
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- openid-client waits for it, which its type does not say
  return async (...parameters): Promise<void> => {
    const [, , body, headers] = parameters;
    const before = secretsSent(headers, body);
    try {
      await authenticate(...parameters);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const secrets = [...before, ...secretsSent(headers, body)];
      throw new LoginKitError("ERR_CLIENT_AUTHENTICATION", {
        message: `the function clientAuth failed: ${printable(withoutSecrets(text, secrets))}`,
      });
    }
  };
}
