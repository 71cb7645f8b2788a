/** The UserInfo request (Core 5.3). */
import * as client from "openid-client";
import type { Config } from "../config.js";
import type { Claims } from "../login-store/login-store.js";
import type { Secret } from "../secret.js";
import type { Issuer } from "./issuer.js";
import { providerError } from "./provider-errors.js";

/** UserInfo as the flow uses it. */
export interface UserInfo {
  /** Whether a login fetches it. */
  wanted: () => Promise<boolean>;
  /**
   * @param subject the ID Token's `sub`, which the response must repeat (Core 5.3.2).
   * @throws {LoginKitError} `ERR_USERINFO_INVALID`, `ERR_PROVIDER_UNAVAILABLE`
   */
  fetch: (accessToken: Secret, subject: string) => Promise<Claims>;
}

/** Creates the UserInfo requests. */
export function createUserInfo(config: Config, issuer: Issuer): UserInfo {
  // These two scopes alone bring no claims beyond the ID Token's.
  const asksForClaims = config.scope
    .split(" ")
    .some((scope) => scope !== "openid" && scope !== "offline_access");
  return {
    async wanted() {
      if (config.userInfo !== undefined) return config.userInfo;
      const { metadata } = await issuer();
      return asksForClaims && metadata.userinfo_endpoint !== undefined;
    },
    async fetch(accessToken, subject) {
      const { userInfoConfiguration } = await issuer();
      const claims = await client
        .fetchUserInfo(userInfoConfiguration, accessToken.reveal(), subject)
        .catch((error: unknown) => {
          throw providerError(
            error,
            {
              unwell: "ERR_PROVIDER_UNAVAILABLE",
              refused: "ERR_USERINFO_INVALID",
              invalid: "ERR_USERINFO_INVALID",
            },
            "the UserInfo request failed",
          );
        });
      return { ...claims, iss: config.issuer };
    },
  };
}
