/** How the application proves to its provider which client it is (Core 9). */
import * as client from "openid-client";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
import { isCertificate } from "../config/client-problems.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { askedInTime } from "./asked-in-time.js";
import { checkAssertion } from "./check-profile.js";
import { byFunction } from "./client-authentication.js";
import { secretsSent, withoutSecrets } from "../outgoing/sent-secrets.js";

/** What the client's secret is sent by. */
const BY_SECRET = {
  client_secret_basic: client.ClientSecretBasic,
  client_secret_post: client.ClientSecretPost,
  client_secret_jwt: client.ClientSecretJwt,
};

/** The client authentication of the options, as openid-client takes it. */
export function clientAuthentication(
  config: ProviderConfig,
): client.ClientAuth {
  const { clientAuth, clientSecret } = config;
  if (typeof clientAuth === "function") return guarded(clientAuth, config);
  // The certificate is shown by the connection (RFC 8705 2).
  if (isCertificate(clientAuth)) return client.TlsClientAuth();
  const bySecret = BY_SECRET[clientAuth];
  return typeof clientSecret === "function"
    ? guarded(byFunction(clientSecret, bySecret), config, "clientSecret")
    : bySecret(clientSecret);
}

/** The application's own code: what it throws is about the client, and may hold what it was to send. */
function guarded(
  clientAuth: client.ClientAuth,
  config: ProviderConfig,
  option = "clientAuth",
): client.ClientAuth {
  const authenticate: (
    ...parameters: Parameters<client.ClientAuth>
  ) => unknown = clientAuth;
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- openid-client waits for it, which its type does not say
  return async (...parameters): Promise<void> => {
    const [, , body, headers] = parameters;
    const before = secretsSent(headers, body);
    try {
      await askedInTime(() => authenticate(...parameters), config);
      checkAssertion(body, config);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const secrets = [...before, ...secretsSent(headers, body)];
      throw new LoginKitError("ERR_CLIENT_AUTHENTICATION", {
        message: `the function ${option} failed: ${printable(withoutSecrets(text, secrets))}`,
      });
    }
  };
}
