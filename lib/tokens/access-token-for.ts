/** Hands out an access token that is still good, and has it renewed when it is due. */
import type { Ground } from "../config/ground.js";
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import type { LiveLogin } from "../logins/current-login.js";
import { serverFor } from "../resource/resource-servers.js";
import type { IssuedToken, StoredTokenSet } from "../stores/login-store.js";
import {
  goodToken,
  nameOf,
  readTokens,
  type WantedToken,
} from "./login-tokens.js";
import type { Rejections } from "./rejections.js";
import type { RenewShared } from "./shared-renewal.js";
import { isFresh, isValid } from "./token-life.js";

/** How long a request waits for an early refresh while its token still serves. */
const EARLY_WAIT_MS = 1000;

/**
 * A valid access token of a login, renewed when it is about to expire.
 *
 * @param resourceServer name of a configured server; absent: the token issued without a resource indicator
 * @param rejected a token that the resource server refused: another one is given, or none
 * @throws {LoginKitError} `ERR_LOGIN_REQUIRED`, `ERR_NO_ACCESS_TOKEN`, `ERR_REFRESH_REJECTED`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_RESOURCE_NOT_ALLOWED`
 */
export type AccessTokenFor = (
  login: LiveLogin,
  resourceServer?: string,
  rejected?: string,
) => Promise<IssuedToken>;

/** Creates the one place that gives out tokens of logins. */
export function createAccessTokenFor(
  { config, loginStore, now }: Ground,
  renewShared: RenewShared,
  rejections: Rejections,
): AccessTokenFor {
  const freshToken = (
    stored: StoredTokenSet,
    wanted: WantedToken,
  ): IssuedToken | undefined =>
    goodToken(stored, wanted, (token) => isFresh(token, config, now()));

  /** @param stored what was read a moment ago: to use a token, not to replace it */
  const tokenFrom = async (
    stored: StoredTokenSet,
    wanted: WantedToken,
  ): Promise<IssuedToken> => {
    const fresh = freshToken(stored, wanted);
    if (fresh !== undefined) return fresh;
    const { login, server, rejected } = wanted;
    const current = goodToken(stored, wanted, (token) => isValid(token, now()));
    const isExchanged = server?.tokenExchange === true;
    if (stored.tokens.refreshToken === undefined && !isExchanged) {
      if (current !== undefined) return current;
      throw new LoginKitError(
        rejected === undefined
          ? "ERR_NO_ACCESS_TOKEN"
          : "ERR_ACCESS_TOKEN_REJECTED",
      );
    }
    if (rejected !== undefined) rejections.check(nameOf(wanted));
    const atLogin = { login, server: undefined, rejected: undefined };
    const subject = isExchanged ? await tokenFrom(stored, atLogin) : undefined;
    try {
      return await withinDeadline(
        renewShared(wanted, subject, current === undefined),
        current ? EARLY_WAIT_MS : login.provider.providerTimeoutSeconds * 1000,
        () =>
          new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
            message: "the refresh takes longer than a request can wait",
          }),
      );
    } catch (error) {
      // Renewed early, so that the old token bridges an outage, also one of
      // a store that can be read but not written. It may have run out meanwhile.
      if (current !== undefined && isValid(current, now()) && isOutage(error)) {
        return current;
      }
      throw error;
    }
  };

  return async function accessTokenFor(login, name, rejected) {
    const server =
      name === undefined ? undefined : serverFor(config, login.provider, name);
    const wanted = { login, server, rejected };
    // The guard of this request has just seen the login.
    const recent = loginStore.recentTokens(login.id);
    if (recent !== undefined) {
      // What was refused may have been replaced since.
      if (rejected === undefined) return tokenFrom(recent, wanted);
      const fresh = freshToken(recent, wanted);
      if (fresh !== undefined) return fresh;
    }
    return tokenFrom(await readTokens(loginStore, login), wanted);
  };
}

function isOutage(error: unknown): boolean {
  return (
    error instanceof LoginKitError &&
    (error.code === "ERR_PROVIDER_UNAVAILABLE" ||
      error.code === "ERR_TOKEN_RESPONSE_INVALID" ||
      error.code === "ERR_STORE_UNAVAILABLE")
  );
}
