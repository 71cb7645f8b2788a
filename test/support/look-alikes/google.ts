/** Google: refresh tokens by parameters of its own, and no logout. */
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://accounts.google.com";

export const google: LookAlike = {
  recipe: "google",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${ISSUER}/o/oauth2/v2/auth`,
    token_endpoint: "https://oauth2.googleapis.com/token",
    jwks_uri: "https://www.googleapis.com/oauth2/v3/certs",
    userinfo_endpoint: "https://openidconnect.googleapis.com/v1/userinfo",
    revocation_endpoint: "https://oauth2.googleapis.com/revoke",
  },
  // The user agreed before: once more only where that is asked for.
  issuesRefreshToken: (request) =>
    request.get("access_type") === "offline" &&
    request.get("prompt") === "consent" &&
    request.get("scope")?.includes("offline_access") === false,
  rotatesRefreshTokens: false,
  idToken: ({ auth_time: _time, acr: _acr, sid: _sid, ...right }) => ({
    ...right,
    azp: right["aud"],
    hd: "shop.example",
    email_verified: true,
  }),
  without: {
    rule: "no refresh token comes",
    options: { authorizationParameters: undefined },
    fails: "refresh",
  },
};
