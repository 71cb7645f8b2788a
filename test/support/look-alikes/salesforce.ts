/** Salesforce: tokens that do not say when they expire, and a logout from which nobody comes back. */
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://shop.my.salesforce.com";
const OAUTH = `${ISSUER}/services/oauth2`;

export const salesforce: LookAlike = {
  recipe: "salesforce",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${OAUTH}/authorize`,
    token_endpoint: `${OAUTH}/token`,
    jwks_uri: `${ISSUER}/id/keys`,
    userinfo_endpoint: `${OAUTH}/userinfo`,
    revocation_endpoint: `${OAUTH}/revoke`,
    end_session_endpoint: `${ISSUER}/services/auth/idp/oidc/logout`,
  },
  client: { tokenEndpointAuthMethod: "client_secret_post" },
  issuesRefreshToken: (request) =>
    /\b(?:refresh_token|offline_access)\b/.test(request.get("scope") ?? ""),
  rotatesRefreshTokens: false,
  idToken: ({ sid: _sid, acr: _acr, auth_time: _time, ...right }) => right,
  tokenResponse: ({ expires_in: _seconds, ...right }) => ({
    ...right,
    instance_url: ISSUER,
    issued_at: "1764440000000",
    signature: "c2lnbmF0dXJl",
  }),
  api: `${ISSUER}/services/data/v66.0/limits`,
  logout: () => `${ISSUER}/secur/logout.jsp`,
  logoutEndsAt: `${ISSUER}/secur/logout.jsp`,
  without: {
    rule: "there is no refresh token",
    options: { scope: "openid profile email" },
    fails: "refresh",
  },
};
