/** Hands out access tokens of the application itself. */
import { createHash } from "node:crypto";
import { GivenAccessToken, type AccessToken } from "../base/access-token.js";
import { checkName } from "../base/calls.js";
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import type { Config, ResourceServer } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import type { Providers } from "../provider/providers.js";
import { resourceServerNamed } from "../resource/resource-servers.js";
import type { IssuedToken } from "../stores/login-store.js";
import type { Counters } from "../telling/counters.js";
import type { RenewOnce } from "./renew-once.js";
import { renewalDue } from "./token-life.js";

/** How long a token without a lifetime is used. */
const UNKNOWN_LIFETIME_MS = 60_000;

/**
 * An access token of the application itself for a configured resource server
 * (client credentials, RFC 6749 4.4), shared by all processes.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED`, `ERR_TOKEN_REQUEST_REJECTED`, `ERR_CLIENT_AUTHENTICATION`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_CONFIG` for a name that is no text
 */
export type ClientToken = (resourceServer: string) => Promise<AccessToken>;

/** Creates `kit.clientToken`. */
export function createClientToken(
  { config, loginStore, now }: Ground,
  renewOnce: RenewOnce,
  providers: Providers,
  counters: Counters,
): ClientToken {
  const read = async (kept: string): Promise<IssuedToken | undefined> => {
    const token = await loginStore.readClientToken(kept);
    return token !== undefined && endOfUse(token, config) > now()
      ? token
      : undefined;
  };
  const renew = async (
    { resource, scope }: ResourceServer,
    kept: string,
  ): Promise<IssuedToken> => {
    counters.tokenRequests += 1;
    const provider = providers.named();
    const token = await provider.clientCredentials({ resource, scope });
    const seconds = (endOfUse(token, config) - now()) / 1000;
    if (seconds > 0) await loginStore.putClientToken(kept, token, seconds);
    return token;
  };
  const readOrRenew = async (server: ResourceServer): Promise<IssuedToken> => {
    const kept = keptAs(server);
    const known = await read(kept);
    if (known !== undefined) return known;
    return renewOnce({
      id: `client-token:${kept}`,
      shared: `client-token:${kept}`,
      look: async () => ({ ready: await read(kept), basis: undefined }),
      renew: () => renew(server, kept),
      isPatient: true,
    });
  };

  return async function clientToken(name) {
    checkName("kit.clientToken", "resourceServer", name);
    const server = resourceServerNamed(config, name);
    const token = await withinDeadline(
      readOrRenew(server),
      config.providerTimeoutSeconds * 1000,
      () => new LoginKitError("ERR_PROVIDER_UNAVAILABLE"),
    );
    return new GivenAccessToken(token);
  };
}

/** What a token is kept under: one of another resource or scope is not this one, whatever the server is called. */
function keptAs({ name, resource, scope }: ResourceServer): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([resource ?? null, scope ?? null]))
    .digest("base64url");
  return `${name}.${hash.slice(0, 10)}`;
}

function endOfUse(token: IssuedToken, config: Config): number {
  return renewalDue(token, config) ?? token.receivedAt + UNKNOWN_LIFETIME_MS;
}
