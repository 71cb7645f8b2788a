/** One OpenID Provider as a value: everything that the kit asks of it. */
import type { ServerMetadata } from "openid-client";
import {
  createAuthorizationRequests,
  type AuthorizationRequests,
} from "./authorization-request.js";
import {
  checkResponseIssuer,
  type AuthorizationResponse,
} from "./authorization-response.js";
import {
  createClientCredentials,
  type ClientCredentials,
} from "./client-credentials.js";
import { createCodeRedemption, type RedeemCode } from "./code-redemption.js";
import { createContact, type LastContact } from "./contact.js";
import {
  createDiscovery,
  type Discover,
  type DiscoveryOptions,
} from "./discovery.js";
import { createEndSession, type PrepareEndSession } from "./end-session.js";
import { createLogoutTokens, type ReadLogoutToken } from "./logout-token.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { createRefreshRequests, type Refresh } from "./refresh-request.js";
import { createRevocationRequests, type Revoke } from "./revocation-request.js";
import {
  createSignedResponses,
  type SignedResponses,
} from "./signed-response.js";
import { createTokenExchange, type ExchangeToken } from "./token-exchange.js";
import { createUserInfo, type UserInfo } from "./user-info.js";

/** Where the provider's pages are, as far as it says. */
export interface ProviderPages {
  readonly endSession: string | undefined;
  readonly checkSession: string | undefined;
}

/**
 * A provider. Nothing is fetched before the first request, which finds its
 * metadata and keys.
 *
 * What asks it rejects with `ERR_PROVIDER_UNAVAILABLE` or
 * `ERR_DISCOVERY_INVALID` where it cannot be asked.
 */
export interface Provider extends AuthorizationRequests, SignedResponses {
  readonly config: ProviderConfig;
  /** What it calls this application. */
  readonly clientId: string;
  /** Resolves when it can be asked. */
  readonly ready: () => Promise<void>;
  /** What came of the last request to it. */
  readonly lastContact: () => LastContact | undefined;
  /** Asks it where that is long ago. Never rejects. */
  readonly renewContact: () => Promise<void>;
  readonly pages: () => Promise<ProviderPages>;
  /** What it says of itself. */
  readonly metadata: () => Promise<Readonly<ServerMetadata>>;
  /** Rejects with `ERR_ISSUER_MISMATCH` unless the response comes from this provider (RFC 9207). */
  readonly checkResponse: (response: AuthorizationResponse) => Promise<void>;
  readonly redeemCode: RedeemCode;
  readonly refresh: Refresh;
  readonly exchangeToken: ExchangeToken;
  readonly clientCredentials: ClientCredentials;
  readonly revoke: Revoke;
  readonly readLogoutToken: ReadLogoutToken;
  readonly userInfo: UserInfo;
  readonly endSession: PrepareEndSession;
}

/**
 * Creates a provider.
 *
 * @param now milliseconds since 1970
 * @param stop ends every request to it
 */
export function createProvider(
  config: ProviderConfig,
  now: () => number,
  stop?: AbortSignal,
  { telemetry, onFound }: Pick<DiscoveryOptions, "telemetry" | "onFound"> = {},
): Provider {
  const contact = createContact(now, stop);
  const discover = createDiscovery(config, now, {
    ...{ stop, telemetry, contact, onFound },
  });
  return {
    config,
    clientId: config.clientId,
    ready: async () => {
      await discover();
    },
    lastContact: contact.last,
    renewContact: () =>
      contact.renew(async () => {
        const isFirst = contact.last() === undefined;
        const { probe } = await discover();
        if (!isFirst) await probe();
      }),
    pages: () => pagesOf(discover),
    metadata: async () => (await discover()).metadata,
    ...createAuthorizationRequests(config, discover),
    ...createSignedResponses(config, discover, now),
    async checkResponse(response) {
      const { metadata } = await discover();
      checkResponseIssuer(
        response,
        config,
        metadata.authorization_response_iss_parameter_supported === true,
      );
    },
    redeemCode: createCodeRedemption(config, discover, now),
    refresh: createRefreshRequests(config, discover, now),
    exchangeToken: createTokenExchange(discover, now),
    clientCredentials: createClientCredentials(config, discover, now),
    revoke: createRevocationRequests(discover),
    readLogoutToken: createLogoutTokens(config, discover, now),
    userInfo: createUserInfo(config, discover),
    endSession: createEndSession(config, discover),
  };
}

async function pagesOf(discover: Discover): Promise<ProviderPages> {
  const { metadata } = await discover();
  const { check_session_iframe: checkSession } = metadata;
  return {
    endSession: metadata.end_session_endpoint,
    checkSession: typeof checkSession === "string" ? checkSession : undefined,
  };
}
