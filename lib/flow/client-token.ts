/** Hands out access tokens of the application itself. */
import { checkName } from "../base/calls.js";
import type { Config } from "../config.js";
import type { Counters } from "../counters.js";
import { withinDeadline } from "../deadline.js";
import { LoginKitError } from "../errors.js";
import type { AccessToken, LoginStore } from "../login-store/login-store.js";
import type { RenewOnce } from "../login-store/renew-once.js";
import { renewalDue } from "../login-store/token-life.js";
import type { TokenRequests } from "../provider/token-requests.js";
import { resourceServerNamed } from "../resource/resource-servers.js";

/** How long a token without a lifetime is used, in seconds. */
const UNKNOWN_LIFETIME = 60;

/** What `clientToken` works with. */
export interface ClientTokenDeps {
  readonly config: Config;
  readonly loginStore: LoginStore;
  readonly renewOnce: RenewOnce;
  readonly tokenRequests: TokenRequests;
  readonly counters: Counters;
  readonly now: () => number;
}

/**
 * An access token of the application itself for a configured resource server
 * (client credentials, RFC 6749 4.4), shared by all processes.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED`, `ERR_TOKEN_REQUEST_REJECTED`, `ERR_CLIENT_AUTHENTICATION`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_CONFIG` for a name that is no text
 */
export type ClientToken = (resourceServer: string) => Promise<string>;

/** Creates `kit.clientToken`. */
export function createClientToken({
  config,
  loginStore,
  renewOnce,
  tokenRequests,
  counters,
  now,
}: ClientTokenDeps): ClientToken {
  const read = async (name: string): Promise<AccessToken | undefined> => {
    const token = await loginStore.readClientToken(name);
    return token !== undefined && endOfUse(token, config) > now()
      ? token
      : undefined;
  };
  const renew = async (name: string): Promise<AccessToken> => {
    const { resource, scope } = resourceServerNamed(config, name);
    counters.tokenRequests += 1;
    const token = await tokenRequests.clientCredentials({ resource, scope });
    const seconds = (endOfUse(token, config) - now()) / 1000;
    if (seconds > 0) await loginStore.putClientToken(name, token, seconds);
    return token;
  };

  return async function clientToken(name) {
    checkName("kit.clientToken", "resourceServer", name);
    resourceServerNamed(config, name);
    const token = await withinDeadline(
      renewOnce({
        id: `client-token:${name}`,
        shared: `client-token:${name}`,
        read: () => read(name),
        renew: () => renew(name),
        patient: true,
      }),
      config.providerTimeoutSeconds * 1000,
      () => new LoginKitError("ERR_PROVIDER_UNAVAILABLE"),
    );
    return token.value.reveal();
  };
}

function endOfUse(token: AccessToken, config: Config): number {
  return (
    renewalDue(token, config) ?? token.receivedAt + UNKNOWN_LIFETIME * 1000
  );
}
