/** Who the provider says has signed in, and how. */
import type { Config } from "../config/config.js";
import type { Identity } from "../stores/login-store.js";
import type { RedeemedCode } from "../provider/code-redemption.js";
import { keptClaims, refuseExcess } from "../provider/kept-claims.js";
import type { UserInfo } from "../provider/user-info.js";
import { unverifiedUser, USER_FIELD } from "./unverified-user.js";

/** Longest `session_state` that is kept, in characters: a hash and a salt. */
const MAX_SESSION_STATE = 512;

/**
 * What the ID Token says, and UserInfo where it is wanted.
 *
 * @param provider its name
 * @param response the authorization response
 * @throws {LoginKitError} `ERR_ID_TOKEN_INVALID`, `ERR_USERINFO_INVALID`, `ERR_PROVIDER_UNAVAILABLE`
 */
export async function identify(
  provider: string,
  { claims, tokens }: RedeemedCode,
  response: URLSearchParams,
  userInfo: UserInfo,
): Promise<Identity> {
  refuseExcess(claims, "ERR_ID_TOKEN_INVALID");
  const accessToken = tokens.accessTokens[""];
  const more =
    accessToken !== undefined && (await userInfo.wanted())
      ? await userInfo.fetch(accessToken, claims)
      : {};
  const { sid, acr, auth_time: authTime } = claims;
  return {
    provider,
    // What the ID Token says is signed: it wins over UserInfo.
    claims: keptClaims({ ...more, ...claims }),
    providerSessionId: typeof sid === "string" ? sid : undefined,
    authenticatedAt:
      // Without it the time is unknown: a silent sign-on may rest on a login of last week.
      typeof authTime === "number" && authTime > 0
        ? authTime * 1000
        : undefined,
    acr: typeof acr === "string" ? acr : undefined,
    sessionState: sessionStateOf(response),
    unverifiedUser: unverifiedUser(response.get(USER_FIELD) ?? ""),
  };
}

/** The end that the provider wants, if the application asks for it. Milliseconds since 1970. */
export function endClaimOf(
  { claims }: RedeemedCode,
  { session: { endClaim } }: Config,
): number | undefined {
  const end = endClaim === undefined ? undefined : claims[endClaim];
  return typeof end === "number" ? end * 1000 : undefined;
}

function sessionStateOf(response: URLSearchParams): string | undefined {
  const state = response.get("session_state") ?? "";
  return state !== "" && state.length <= MAX_SESSION_STATE ? state : undefined;
}
