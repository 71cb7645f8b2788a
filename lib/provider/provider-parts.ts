/** The parts that ask the provider. */
import type { Ground } from "../config/ground.js";
import {
  createAuthorizationRequests,
  type PrepareAuthorizationRequest,
} from "./authorization-request.js";
import { createEndSession, type PrepareEndSession } from "./end-session.js";
import { createIssuer, type Issuer } from "./issuer.js";
import { createLogoutTokens, type ReadLogoutToken } from "./logout-token.js";
import { createTokenRequests, type TokenRequests } from "./token-requests.js";
import { createUserInfo, type UserInfo } from "./user-info.js";

/** What other rooms ask about the provider. */
export interface ProviderParts {
  readonly issuer: Issuer;
  readonly tokenRequests: TokenRequests;
  readonly userInfo: UserInfo;
  readonly prepareAuthorizationRequest: PrepareAuthorizationRequest;
  readonly prepareEndSession: PrepareEndSession;
  readonly readLogoutToken: ReadLogoutToken;
}

/** Creates them. */
export function createProviderParts({
  config,
  now,
  stop,
}: Ground): ProviderParts {
  const issuer = createIssuer(config, now, stop);
  return {
    issuer,
    tokenRequests: createTokenRequests(config, issuer, now),
    userInfo: createUserInfo(config, issuer),
    prepareAuthorizationRequest: createAuthorizationRequests(config, issuer),
    prepareEndSession: createEndSession(config, issuer),
    readLogoutToken: createLogoutTokens(config, issuer, now),
  };
}
