/** What a login can do with its tokens: `req.oidc` of a live login. */
import { ownerOf } from "../logins/login-owner.js";
import { GivenAccessToken } from "../base/access-token.js";
import {
  checkAuthorizeArguments,
  checkFetchArguments,
  checkTokenArguments,
} from "../base/calls.js";
import type { Ground } from "../config/ground.js";
import type { LiveLogins } from "../logins/live-logins.js";
import {
  createRequestLogins,
  type LoginActions,
  type RequestLogins,
} from "../logins/request-login.js";
import type { Providers } from "../provider/providers.js";
import {
  resourceServerNamed,
  resourceServerOf,
} from "../resource/resource-servers.js";
import type { AccessTokenFor } from "./access-token-for.js";
import { loginFetch } from "./login-fetch.js";
import type { Presentation } from "./presentation.js";
import type { AuthorizedFor } from "./send-authorized.js";

/** What gives out tokens, and puts them on requests. */
export interface TokensOfLogins {
  readonly accessTokenFor: AccessTokenFor;
  readonly authorizedFor: AuthorizedFor;
  readonly presentation: Presentation;
}

/** Creates what makes `req.oidc`. */
export function createLoginsOfRequests(
  { config, telemetry, now }: Ground,
  { accessTokenFor, authorizedFor, presentation }: TokensOfLogins,
  providers: Providers,
  liveLogins: LiveLogins,
): RequestLogins {
  const actions: LoginActions = {
    async accessToken(login, resourceServer, options) {
      checkTokenArguments(resourceServer, options);
      const rejected = options?.rejected?.value;
      const token = await accessTokenFor(login, resourceServer, rejected);
      if (resourceServer === undefined) return new GivenAccessToken(token);
      const { provider } = login;
      const server = resourceServerNamed(config, resourceServer);
      const type = presentation.typeFor(token, { server, provider });
      return new GivenAccessToken({ ...token, type });
    },
    async authorize(login, address, method, options) {
      checkAuthorizeArguments(address, method, options);
      const { server, url } = resourceServerOf(config, address);
      presentation.noteNonce(url, options?.nonce);
      const token = await accessTokenFor(login, server.name);
      const { provider } = login;
      return presentation.headersFor(token, { server, provider }, method, url);
    },
    async fetch(login, url, init) {
      checkFetchArguments(url, init);
      const sending = { config, telemetry, authorizedFor };
      return loginFetch(sending, login, url, init);
    },
    async userInfo(login) {
      const { identity } = login.record;
      const { userInfo } = await providers.of(ownerOf(identity));
      return userInfo.fetch(await accessTokenFor(login), identity.claims);
    },
    signal: liveLogins.signal,
  };
  return createRequestLogins(actions, now);
}
