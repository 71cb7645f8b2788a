/** A user pool of Amazon Cognito: a logout of its own, and refresh tokens without offline_access. */
import type { LookAlike } from "./look-alike.js";

const ISSUER =
  "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123";
const PAGES = "https://shop.auth.eu-central-1.amazoncognito.com";
const LANDING = "https://shop.example/logged-out";

export const cognito: LookAlike = {
  recipe: "cognito",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${PAGES}/oauth2/authorize`,
    token_endpoint: `${PAGES}/oauth2/token`,
    jwks_uri: `${ISSUER}/.well-known/jwks.json`,
    userinfo_endpoint: `${PAGES}/oauth2/userInfo`,
    revocation_endpoint: `${PAGES}/oauth2/revoke`,
  },
  unlisted: { end_session_endpoint: `${PAGES}/logout` },
  issuesRefreshToken: (request) =>
    request.get("scope")?.includes("offline_access") === false,
  rotatesRefreshTokens: false,
  idToken: ({ sid: _sid, acr: _acr, ...right }) => ({
    ...right,
    token_use: "id",
    "cognito:username": "alice",
    origin_jti: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
  }),
  tokenResponse: ({ scope: _scope, ...right }) => right,
  userInfo: (right) => ({ ...right, email_verified: "true" }),
  logout: (parameters) =>
    parameters.get("client_id") === "1example23456789" &&
    parameters.get("logout_uri") === LANDING
      ? LANDING
      : undefined,
  without: {
    rule: "its logout wants a logout_uri",
    options: { logoutParameters: undefined },
    fails: "sign-out",
  },
};
