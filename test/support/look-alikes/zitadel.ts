/** ZITADEL: the clients of a project and the project itself are the audience of its tokens. */
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://shop-a1b2c3.zitadel.cloud";
const PROJECT = "231009876543210987";
const AUDIENCE = ["231009999999999999", "231008888888888888", PROJECT];
const ROLES = { admin: { "231001234567890123": "shop.zitadel.example" } };

export const zitadel: LookAlike = {
  recipe: "zitadel",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${ISSUER}/oauth/v2/authorize`,
    token_endpoint: `${ISSUER}/oauth/v2/token`,
    jwks_uri: `${ISSUER}/oauth/v2/keys`,
    userinfo_endpoint: `${ISSUER}/oidc/v1/userinfo`,
    revocation_endpoint: `${ISSUER}/oauth/v2/revoke`,
    end_session_endpoint: `${ISSUER}/oidc/v1/end_session`,
  },
  issuesRefreshToken: (request) =>
    request.get("scope")?.split(" ").includes("offline_access") === true,
  idToken: (right) => ({
    ...right,
    aud: AUDIENCE,
    azp: "231008888888888888",
    amr: ["pwd"],
    "urn:zitadel:iam:org:project:roles": ROLES,
  }),
  logoutToken: {
    header: { typ: "logout+jwt" },
    claims: (right) => ({ ...right, aud: AUDIENCE }),
  },
  without: {
    rule: "the project in aud is nobody's that is trusted",
    options: { trustedAudiences: [] },
    fails: "sign-in",
  },
};
