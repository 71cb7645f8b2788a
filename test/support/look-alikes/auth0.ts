/** Auth0, with the logout of OpenID Connect and with its older one. */
import type { LookAlike } from "./look-alike.js";

const ORIGIN = "https://shop.eu.auth0.com";
const LANDING = "https://shop.example/logged-out";

const endpoints = {
  authorization_endpoint: `${ORIGIN}/authorize`,
  token_endpoint: `${ORIGIN}/oauth/token`,
  jwks_uri: `${ORIGIN}/.well-known/jwks.json`,
  userinfo_endpoint: `${ORIGIN}/userinfo`,
  revocation_endpoint: `${ORIGIN}/oauth/revoke`,
};

const usual = {
  recipe: "auth0",
  issuer: `${ORIGIN}/`,
  client: { tokenEndpointAuthMethod: "client_secret_post" },
  rotatesRefreshTokens: false,
  logoutToken: { header: { typ: "logout+jwt" } },
} as const;

export const auth0: LookAlike = {
  ...usual,
  endpoints: { ...endpoints, end_session_endpoint: `${ORIGIN}/oidc/logout` },
  // Offline access is of an API, and is allowed where one is asked for.
  issuesRefreshToken: (request) =>
    request.get("audience") === "https://orders.example" &&
    request.get("scope")?.includes("offline_access") === true,
  without: {
    rule: "the issuer without the slash at its end is another one",
    options: { issuer: ORIGIN },
    fails: "sign-in",
  },
};

export const auth0OlderLogout: LookAlike = {
  ...usual,
  block: 1,
  endpoints,
  unlisted: { end_session_endpoint: `${ORIGIN}/v2/logout` },
  logout: (parameters) =>
    parameters.get("client_id") === "shop" &&
    parameters.get("returnTo") === LANDING
      ? LANDING
      : undefined,
  without: {
    rule: "the older logout does not know where to go",
    options: { logoutParameters: undefined },
    fails: "sign-out",
  },
};
