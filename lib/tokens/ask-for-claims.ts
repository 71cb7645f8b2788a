/** Asks a provider for the claims of a login again: by a refresh, and by UserInfo. */
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import type { LiveLogin } from "../logins/current-login.js";
import type { LoginEnding } from "../logins/login-ending.js";
import { ownerOf } from "../logins/login-owner.js";
import { renewedClaims } from "../provider/kept-claims.js";
import type { Provider } from "../provider/provider.js";
import type { Providers } from "../provider/providers.js";
import type {
  Claims,
  IssuedToken,
  StoredTokenSet,
} from "../stores/login-store.js";
import { readTokens, tokenOf } from "./login-tokens.js";
import type { RenewShared } from "./shared-renewal.js";
import { isValid } from "./token-life.js";

/**
 * The claims of a login as they are now.
 *
 * Ends the login where the provider says that the user is gone: it refuses the
 * refresh token, or at UserInfo the access token that it has just given.
 *
 * @throws {LoginKitError} `ERR_NO_ACCESS_TOKEN` where there is nothing to ask by, and as a refresh and UserInfo
 */
export type AskForClaims = (login: LiveLogin) => Promise<Claims>;

/** Creates the function. */
export function createAskForClaims(
  { loginStore, now }: Ground,
  providers: Providers,
  loginEnding: LoginEnding,
  renewShared: RenewShared,
): AskForClaims {
  const userInfoOf = async (
    { id, record: { identity }, browserPart }: LiveLogin,
    { userInfo }: Provider,
    accessToken: IssuedToken,
    isJustGiven: boolean,
  ): Promise<Claims | undefined> => {
    if (!(await userInfo.wanted())) return undefined;
    try {
      return await userInfo.fetch(accessToken, identity.claims);
    } catch (error) {
      if (isJustGiven && isTokenRefused(error)) {
        await loginEnding.end(id, "refresh_rejected", { browserPart });
      }
      throw error;
    }
  };

  return async function askForClaims(login) {
    const { record } = login;
    const provider = await providers.of(ownerOf(record.identity));
    const before = await readTokens(loginStore, login);
    const isRefreshed = before.tokens.refreshToken !== undefined;
    const accessToken = isRefreshed
      ? await renewShared(anotherThan(before, login), undefined, true)
      : tokenOf(before, undefined);
    const { tokens } = isRefreshed
      ? await readTokens(loginStore, login)
      : before;
    const isIdTokenNew =
      tokens.newestIdToken?.reveal() !== before.tokens.newestIdToken?.reveal();
    const userInfo =
      accessToken !== undefined && isValid(accessToken, now())
        ? await userInfoOf(login, provider, accessToken, isRefreshed)
        : undefined;
    if (!isIdTokenNew && userInfo === undefined) {
      throw nothingCame(isRefreshed);
    }
    return renewedClaims(record.identity.claims, {
      idToken: tokens.newestIdToken ?? tokens.idToken,
      isIdTokenNew,
      userInfo,
    });
  };
}

/** The token of the login, but not the one that it has. */
function anotherThan(
  stored: StoredTokenSet,
  login: LiveLogin,
): Parameters<RenewShared>[0] {
  const rejected = tokenOf(stored, undefined)?.value.reveal();
  return { login, server: undefined, rejected };
}

/** Whether UserInfo says that the access token is good for nothing (RFC 6750 3.1). */
function isTokenRefused(error: unknown): boolean {
  return (
    error instanceof LoginKitError &&
    error.oauthError?.error === "invalid_token"
  );
}

function nothingCame(isRefreshed: boolean): LoginKitError {
  return new LoginKitError("ERR_NO_ACCESS_TOKEN", {
    message: isRefreshed
      ? "claimsRefreshSeconds: the refresh brought no ID Token that counts, and UserInfo is not fetched; set userInfo: true where the provider has it"
      : "claimsRefreshSeconds: this login has no refresh token, and no access token that UserInfo would take; add offline_access to scope where the provider wants that",
  });
}
