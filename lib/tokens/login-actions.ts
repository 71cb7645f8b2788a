/** What a login can do with its tokens: `req.oidc` of a live login. */
import { checkFetchArguments, checkTokenArguments } from "../base/calls.js";
import type { Config } from "../config/config.js";
import type { LiveLogins } from "../logins/live-logins.js";
import {
  createRequestLogins,
  type RequestLogins,
} from "../logins/request-login.js";
import type { UserInfo } from "../provider/user-info.js";
import { loginFetch } from "./login-fetch.js";
import type { AccessTokenFor } from "./refresh.js";

/** Creates what makes `req.oidc`. */
export function createLoginsOfRequests(
  config: Config,
  accessTokenFor: AccessTokenFor,
  userInfo: UserInfo,
  liveLogins: LiveLogins,
): RequestLogins {
  return createRequestLogins({
    async accessToken(login, resourceServer, options) {
      checkTokenArguments(resourceServer, options);
      const { rejected } = options ?? {};
      return (await accessTokenFor(login, resourceServer, rejected)).reveal();
    },
    async fetch(login, url, init) {
      checkFetchArguments(url, init);
      return loginFetch(
        config,
        async (name, rejected) =>
          (await accessTokenFor(login, name, rejected)).reveal(),
        url,
        init,
      );
    },
    userInfo: async (login) =>
      userInfo.fetch(
        await accessTokenFor(login),
        login.record.identity.claims.sub,
      ),
    signal: liveLogins.signal,
  });
}
