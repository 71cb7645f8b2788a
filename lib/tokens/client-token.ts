/** Hands out access tokens of the application itself. */
import { createHash } from "node:crypto";
import { GivenAccessToken, type AccessToken } from "../base/access-token.js";
import { checkedProviderName, checkName } from "../base/calls.js";
import { withinDeadline } from "../base/deadline.js";
import { ConfigError, LoginKitError } from "../base/errors.js";
import type {
  Config,
  ProviderConfig,
  ResourceServer,
} from "../config/config.js";
import type { Ground } from "../config/ground.js";
import type { Provider } from "../provider/provider.js";
import type { Providers } from "../provider/providers.js";
import { serverFor } from "../resource/resource-servers.js";
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
export type ClientToken = (
  resourceServer: string,
  options?: ClientTokenOptions,
) => Promise<AccessToken>;

/** The same as the kit itself puts it on requests. */
export type IssuedClientToken = (
  resourceServer: string,
  options?: ClientTokenOptions,
) => Promise<IssuedToken>;

/** Whose token it is to be. */
export interface ClientTokenOptions {
  /** The name of the provider that gives it. Needed where there are several. */
  readonly provider?: string;
}

/** Creates what is behind `kit.clientToken`. */
export function createIssuedClientToken(
  { config, knownProviders, loginStore, now }: Ground,
  renewOnce: RenewOnce,
  providers: Providers,
  counters: Counters,
): IssuedClientToken {
  const read = async (kept: string): Promise<IssuedToken | undefined> => {
    const token = await loginStore.readClientToken(kept);
    return token !== undefined && endOfUse(token, config) > now()
      ? token
      : undefined;
  };
  const renew = async (
    provider: Provider,
    { resource, scope }: ResourceServer,
    kept: string,
  ): Promise<IssuedToken> => {
    counters.tokenRequests += 1;
    const token = await provider.clientCredentials({ resource, scope });
    const seconds = (endOfUse(token, config) - now()) / 1000;
    if (seconds > 0) await loginStore.putClientToken(kept, token, seconds);
    return token;
  };
  const readOrRenew = async (
    provider: Provider,
    server: ResourceServer,
  ): Promise<IssuedToken> => {
    const kept = keptAs(provider.config, server);
    const known = await read(kept);
    if (known !== undefined) return known;
    return renewOnce({
      id: `client-token:${kept}`,
      shared: `client-token:${kept}`,
      look: async () => ({ ready: await read(kept), basis: undefined }),
      renew: () => renew(provider, server, kept),
      waitSeconds: provider.config.providerTimeoutSeconds,
    });
  };

  return async function clientToken(name, options) {
    checkName("kit.clientToken", "resourceServer", name);
    const wanted = checkedProviderName(
      "kit.clientToken",
      options,
      knownProviders.only?.name,
    );
    if ((await knownProviders.named(wanted)) === undefined) {
      throw new ConfigError(
        [`provider: there is none with the name ${wanted}`],
        "kit.clientToken",
      );
    }
    const provider = await providers.named(wanted);
    const server = serverFor(config, provider.config, name);
    return withinDeadline(
      readOrRenew(provider, server),
      provider.config.providerTimeoutSeconds * 1000,
      () => new LoginKitError("ERR_PROVIDER_UNAVAILABLE"),
    );
  };
}

/** Creates `kit.clientToken`. */
export function createClientToken(
  issuedClientToken: IssuedClientToken,
): ClientToken {
  return async function clientToken(...given) {
    return new GivenAccessToken(await issuedClientToken(...given));
  };
}

/** What a token is kept under: one of another resource or scope is not this one, whatever the server is called. */
function keptAs(
  { name: provider, issuer, clientId }: ProviderConfig,
  { name, resource, scope }: ResourceServer,
): string {
  const hash = createHash("sha256")
    .update(
      JSON.stringify([
        provider,
        issuer,
        clientId,
        resource ?? null,
        scope ?? null,
      ]),
    )
    .digest("base64url");
  return `${name}.${hash.slice(0, 10)}`;
}

function endOfUse(token: IssuedToken, config: Config): number {
  return renewalDue(token, config) ?? token.receivedAt + UNKNOWN_LIFETIME_MS;
}
