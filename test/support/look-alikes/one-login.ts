/** OneLogin: its logout revokes the tokens of the session, and wants the hint. */
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://shop.onelogin.com/oidc/2";

export const oneLogin: LookAlike = {
  recipe: "oneLogin",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${ISSUER}/auth`,
    token_endpoint: `${ISSUER}/token`,
    jwks_uri: `${ISSUER}/certs`,
    userinfo_endpoint: `${ISSUER}/me`,
    revocation_endpoint: `${ISSUER}/token/revocation`,
    end_session_endpoint: `${ISSUER}/logout`,
  },
  client: { tokenEndpointAuthMethod: "client_secret_basic" },
  idToken: (right) => ({ ...right, groups: ["shop"] }),
  endsTokens: true,
  without: {
    rule: "tokens are revoked that its logout has revoked",
    options: { tokensEndWithSession: undefined },
    fails: "revocation",
  },
};
