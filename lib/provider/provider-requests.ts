/** Every request to one provider, with the libraries that they need: the part of it that is loaded at first use. */
import {
  createAuthorizationRequests,
  type AuthorizationRequests,
} from "./authorization-request.js";
import {
  createClientCredentials,
  type ClientCredentials,
} from "./client-credentials.js";
import { createCodeRedemption, type RedeemCode } from "./code-redemption.js";
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

// What else needs the libraries, so that they are in one file of the package.
export { claimsIn } from "./decryption.js";
export { proofOf } from "./resource-proof.js";

/** What is asked of a provider. */
export interface ProviderRequests
  extends AuthorizationRequests, SignedResponses {
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
 * Creates the requests, and the discovery that they share.
 *
 * @param now milliseconds since 1970
 */
export function createProviderRequests(
  config: ProviderConfig,
  now: () => number,
  options: DiscoveryOptions,
): ProviderRequests & { readonly discover: Discover } {
  const discover = createDiscovery(config, now, options);
  return {
    discover,
    ...createAuthorizationRequests(config, discover),
    ...createSignedResponses(config, discover, now),
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
