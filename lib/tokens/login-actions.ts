/** What a login can do with its tokens: `req.oidc` of a live login. */
import { ownerOf } from "../logins/login-owner.js";
import { GivenAccessToken } from "../base/access-token.js";
import { checkFetchArguments, checkTokenArguments } from "../base/calls.js";
import type { Config } from "../config/config.js";
import type { LiveLogins } from "../logins/live-logins.js";
import {
  createRequestLogins,
  type RequestLogins,
} from "../logins/request-login.js";
import type { Providers } from "../provider/providers.js";
import type { AccessTokenFor } from "./access-token-for.js";
import { loginFetch } from "./login-fetch.js";
import type { AuthorizedFor } from "./send-authorized.js";

/** Creates what makes `req.oidc`. */
export function createLoginsOfRequests(
  config: Config,
  accessTokenFor: AccessTokenFor,
  authorizedFor: AuthorizedFor,
  providers: Providers,
  liveLogins: LiveLogins,
): RequestLogins {
  return createRequestLogins({
    async accessToken(login, resourceServer, options) {
      checkTokenArguments(resourceServer, options);
      const rejected = options?.rejected?.value;
      return new GivenAccessToken(
        await accessTokenFor(login, resourceServer, rejected),
      );
    },
    async fetch(login, url, init) {
      checkFetchArguments(url, init);
      return loginFetch(config, authorizedFor, login, url, init);
    },
    async userInfo(login) {
      const { identity } = login.record;
      const { userInfo } = await providers.of(ownerOf(identity));
      return userInfo.fetch(await accessTokenFor(login), identity.claims);
    },
    signal: liveLogins.signal,
  });
}
