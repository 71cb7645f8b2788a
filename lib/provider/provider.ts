/** One OpenID Provider as a value: everything that the kit asks of it. */
import type { ServerMetadata } from "openid-client";
import { loadOnce } from "../base/load-once.js";
import type { ProviderConfig } from "../config/provider-config.js";
import {
  checkResponseIssuer,
  type AuthorizationResponse,
} from "./authorization-response.js";
import { createContact, type LastContact } from "./contact.js";
import type { Discover, DiscoveryOptions } from "./discovery.js";
import { loadRequests } from "./load-requests.js";
import type { ProviderRequests } from "./provider-requests.js";

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
export interface Provider extends ProviderRequests {
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
  // openid-client and jose are a quarter of what it costs to load the kit, and
  // guarded requests of users who are signed in need neither.
  const requests = loadOnce(async () => {
    const { createProviderRequests } = await loadRequests();
    return createProviderRequests(config, now, {
      ...{ stop, telemetry, contact, onFound },
    });
  });
  const discover: Discover = async () => (await requests()).discover();
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
    async checkResponse(response) {
      const { metadata } = await discover();
      checkResponseIssuer(
        response,
        config,
        metadata.authorization_response_iss_parameter_supported === true,
      );
    },
    prepare: async (...given) => (await requests()).prepare(...given),
    preview: async (...given) => (await requests()).preview(...given),
    readResponse: async (sent) => (await requests()).readResponse(sent),
    verifyResponse: async (sent) => (await requests()).verifyResponse(sent),
    redeemCode: async (...given) => (await requests()).redeemCode(...given),
    refresh: async (...given) => (await requests()).refresh(...given),
    exchangeToken: async (...given) =>
      (await requests()).exchangeToken(...given),
    clientCredentials: async (target) =>
      (await requests()).clientCredentials(target),
    revoke: async (tokens) => (await requests()).revoke(tokens),
    readLogoutToken: async (...given) =>
      (await requests()).readLogoutToken(...given),
    userInfo: {
      wanted: async () => (await requests()).userInfo.wanted(),
      fetch: async (...given) => (await requests()).userInfo.fetch(...given),
    },
    endSession: async (...given) => (await requests()).endSession(...given),
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
