/** Authelia: refresh tokens for `offline_access` alone, claims in UserInfo alone, and no logout. */
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://auth.example.com";
const API = `${ISSUER}/api/oidc`;

export const authelia: LookAlike = {
  recipe: "authelia",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${API}/authorization`,
    token_endpoint: `${API}/token`,
    jwks_uri: `${ISSUER}/jwks.json`,
    userinfo_endpoint: `${API}/userinfo`,
    revocation_endpoint: `${API}/revocation`,
    pushed_authorization_request_endpoint: `${API}/pushed-authorization-request`,
  },
  metadata: { authorization_response_iss_parameter_supported: true },
  // A client may use the method that it is registered with, and no other.
  client: { tokenEndpointAuthMethod: "client_secret_basic" },
  issuesRefreshToken: (request) =>
    request.get("scope")?.split(" ").includes("offline_access") === true,
  idToken: ({ sid: _sid, ...right }) => ({
    ...right,
    azp: right["aud"],
    amr: ["pwd"],
  }),
  without: {
    rule: "there is no refresh token",
    options: { scope: "openid profile email" },
    fails: "refresh",
  },
};
