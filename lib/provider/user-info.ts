/** The UserInfo request (Core 5.3). */
import * as client from "openid-client";
import type { Claims, IssuedToken } from "../stores/login-store.js";
import type { Discover } from "./discovery.js";
import { explaining } from "./explain.js";
import type { ProviderConfig } from "../config/provider-config.js";
import { witness } from "../telling/witness.js";
import { classifyFailure, factsOf, providerError } from "./provider-errors.js";

/** openid-client's word for a signature whose key it does not know. */
const NO_KEY = "OAUTH_KEY_SELECTION_FAILED";

/** The UserInfo endpoint. */
export interface UserInfo {
  /** Whether a login fetches it. */
  wanted: () => Promise<boolean>;
  /**
   * @param user whose `sub` the response must repeat (Core 5.3.2), by the ID Token
   * @throws {LoginKitError} `ERR_USERINFO_INVALID`, `ERR_PROVIDER_UNAVAILABLE`
   */
  fetch: (
    accessToken: IssuedToken,
    user: Pick<Claims, "iss" | "sub">,
  ) => Promise<Claims>;
}

/** Creates the UserInfo requests. */
export function createUserInfo(
  config: ProviderConfig,
  discover: Discover,
): UserInfo {
  // These two scopes alone bring no claims beyond the ID Token's.
  const asksForClaims = config.scope
    .split(" ")
    .some((scope) => scope !== "openid" && scope !== "offline_access");
  return {
    async wanted() {
      if (config.userInfo !== undefined) return config.userInfo;
      const { metadata } = await discover();
      return asksForClaims && metadata.userinfo_endpoint !== undefined;
    },
    async fetch({ value, proofKey }, { iss, sub }) {
      const provider = await discover();
      const { userInfoConfiguration, proofs } = provider;
      const ask = async (
        configuration: client.Configuration,
      ): Promise<client.UserInfoResponse> => {
        const proof = await proofs.by(configuration, proofKey);
        return client.fetchUserInfo(configuration, value.reveal(), sub, proof);
      };
      const claims = await explaining(
        provider,
        config,
        userInfoConfiguration()
          .then(ask)
          .catch(async (error: unknown) => {
            // Core 10.1.1: the provider may have new keys. openid-client does not
            // look for them when its own are less than a minute old.
            if (!factsOf(error).codes.includes(NO_KEY)) throw error;
            return ask(await userInfoConfiguration({ withNewKeys: true }));
          })
          .catch((error: unknown) => {
            throw userInfoError(error);
          }),
      );
      witness()?.passed("userinfo_sub");
      return { ...claims, iss };
    },
  };
}

function userInfoError(error: unknown): Error {
  if (classifyFailure(error) === "invalid") witness()?.failed("userinfo_sub");
  return providerError(
    error,
    {
      unwell: "ERR_PROVIDER_UNAVAILABLE",
      refused: "ERR_USERINFO_INVALID",
      invalid: "ERR_USERINFO_INVALID",
    },
    "the UserInfo request failed",
  );
}
