/** dex: other clients among the audience of its tokens, no `auth_time` and no revocation; with sessions a logout, and Logout Tokens. */
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://sso.example/dex";

export const dex: LookAlike = {
  recipe: "dex",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${ISSUER}/auth`,
    token_endpoint: `${ISSUER}/token`,
    jwks_uri: `${ISSUER}/keys`,
    userinfo_endpoint: `${ISSUER}/userinfo`,
  },
  issuesRefreshToken: (request) =>
    request.get("scope")?.split(" ").includes("offline_access") === true,
  idToken: ({ sid: _sid, auth_time: _time, ...right }) => ({
    ...right,
    aud: ["orders", "shop"],
    azp: "shop",
  }),
  without: {
    rule: "the other client in aud is nobody's that is trusted",
    options: { trustedAudiences: undefined },
    fails: "sign-in",
  },
};

const { idToken } = dex;

export const dexWithSessions: LookAlike = {
  ...dex,
  endpoints: { ...dex.endpoints, end_session_endpoint: `${ISSUER}/logout` },
  idToken: (right) => ({ ...idToken?.(right), sid: right["sid"] }),
  logoutToken: { header: { typ: "logout+jwt" } },
  without: {
    rule: "there is no refresh token",
    options: { scope: "openid profile email audience:server:client_id:orders" },
    fails: "refresh",
  },
};
