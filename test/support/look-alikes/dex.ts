/** dex: other clients among the audience of its tokens, no `auth_time`, no logout and no revocation. */
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
