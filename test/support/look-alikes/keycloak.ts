/** Keycloak: the tokens of a session end with it, and authorization requests may be pushed. */
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://sso.example/realms/shop";
const PROTOCOL = `${ISSUER}/protocol/openid-connect`;

export const keycloak: LookAlike = {
  recipe: "keycloak",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${PROTOCOL}/auth`,
    token_endpoint: `${PROTOCOL}/token`,
    jwks_uri: `${PROTOCOL}/certs`,
    userinfo_endpoint: `${PROTOCOL}/userinfo`,
    revocation_endpoint: `${PROTOCOL}/revoke`,
    end_session_endpoint: `${PROTOCOL}/logout`,
    pushed_authorization_request_endpoint: `${PROTOCOL}/ext/par/request`,
  },
  metadata: { authorization_response_iss_parameter_supported: true },
  idToken: (right) => ({
    ...right,
    azp: right["aud"],
    typ: "ID",
    acr: "1",
    jti: "onrtac:5f1e",
  }),
  endsTokens: true,
  logoutToken: { header: { typ: "logout+jwt" } },
  without: {
    rule: "tokens are revoked that ended with the session",
    options: { tokensEndWithSession: undefined },
    fails: "revocation",
  },
};
