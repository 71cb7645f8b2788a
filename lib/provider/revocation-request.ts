/** Revokes the tokens of a login (RFC 7009). */
import * as client from "openid-client";
import type { LoginKitError } from "../base/errors.js";
import type { Secret } from "../base/secret.js";
import type { TokenSet } from "../stores/login-store.js";
import type { Discover } from "./discovery.js";
import { oauthErrorOf } from "./provider-errors.js";
import { requestError } from "./token-request-errors.js";

/** Revokes the refresh token first, then the access tokens (RFC 7009 2.1). Resolves where the provider cannot. */
export type Revoke = (tokens: TokenSet) => Promise<void>;

/**
 * Errors of a revocation after which the token is no good anyway: the provider
 * revokes none of its kind, which just run out (RFC 7009 2.2.1), or it is gone
 * already, for which some providers have an error although 2.2 wants 200.
 */
const NOTHING_TO_REVOKE = new Set([
  "unsupported_token_type",
  "invalid_token",
  "invalid_grant",
]);

/** Creates the function. */
export function createRevocationRequests(discover: Discover): Revoke {
  return async function revoke({ refreshToken, accessTokens }) {
    const { configuration, metadata } = await discover();
    if (metadata.revocation_endpoint === undefined) return;
    let failure: LoginKitError | undefined;
    const revokeOne = async (token: Secret, hint: string): Promise<void> => {
      try {
        await client.tokenRevocation(configuration, token.reveal(), {
          token_type_hint: hint,
        });
      } catch (error) {
        if (NOTHING_TO_REVOKE.has(oauthErrorOf(error)?.error ?? "")) return;
        failure ??= requestError(error, "the revocation failed");
      }
    };
    if (refreshToken !== undefined) {
      await revokeOne(refreshToken, "refresh_token");
    }
    for (const { value } of Object.values(accessTokens)) {
      await revokeOne(value, "access_token");
    }
    if (failure !== undefined) throw failure;
  };
}
