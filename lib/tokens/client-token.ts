/** Hands out access tokens of the application itself. */
import { createHash } from "node:crypto";
import { checkName } from "../base/calls.js";
import type { Config, ResourceServer } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import type { Counters } from "../telling/counters.js";
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import type { AccessToken } from "../stores/login-store.js";
import type { RenewOnce } from "./renew-once.js";
import { renewalDue } from "./token-life.js";
import type { TokenRequests } from "../provider/token-requests.js";
import { resourceServerNamed } from "../resource/resource-servers.js";

/** How long a token without a lifetime is used, in seconds. */
const UNKNOWN_LIFETIME = 60;

/**
 * An access token of the application itself for a configured resource server
 * (client credentials, RFC 6749 4.4), shared by all processes.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED`, `ERR_TOKEN_REQUEST_REJECTED`, `ERR_CLIENT_AUTHENTICATION`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_CONFIG` for a name that is no text
 */
export type ClientToken = (resourceServer: string) => Promise<string>;

/** Creates `kit.clientToken`. */
export function createClientToken(
  { config, loginStore, now }: Ground,
  renewOnce: RenewOnce,
  tokenRequests: TokenRequests,
  counters: Counters,
): ClientToken {
  const read = async (kept: string): Promise<AccessToken | undefined> => {
    const token = await loginStore.readClientToken(kept);
    return token !== undefined && endOfUse(token, config) > now()
      ? token
      : undefined;
  };
  const renew = async (
    { resource, scope }: ResourceServer,
    kept: string,
  ): Promise<AccessToken> => {
    counters.tokenRequests += 1;
    const token = await tokenRequests.clientCredentials({ resource, scope });
    const seconds = (endOfUse(token, config) - now()) / 1000;
    if (seconds > 0) await loginStore.putClientToken(kept, token, seconds);
    return token;
  };

  return async function clientToken(name) {
    checkName("kit.clientToken", "resourceServer", name);
    const server = resourceServerNamed(config, name);
    const kept = keptAs(server);
    const token = await withinDeadline(
      renewOnce({
        id: `client-token:${kept}`,
        shared: `client-token:${kept}`,
        read: () => read(kept),
        renew: () => renew(server, kept),
        patient: true,
      }),
      config.providerTimeoutSeconds * 1000,
      () => new LoginKitError("ERR_PROVIDER_UNAVAILABLE"),
    );
    return token.value.reveal();
  };
}

/** What a token is kept under: one of another resource or scope is not this one, whatever the server is called. */
function keptAs({ name, resource, scope }: ResourceServer): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([resource ?? null, scope ?? null]))
    .digest("base64url");
  return `${name}.${hash.slice(0, 10)}`;
}

function endOfUse(token: AccessToken, config: Config): number {
  return (
    renewalDue(token, config) ?? token.receivedAt + UNKNOWN_LIFETIME * 1000
  );
}
