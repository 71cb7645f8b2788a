/** authentik: an issuer that ends in a slash, in global mode one that is not where the metadata are. */
import { CLIENT_SECRET } from "../world.js";
import type { LookAlike } from "./look-alike.js";
import { rawBasic } from "./raw-basic.js";

const URL = "https://sso.example";
const APPLICATION = `${URL}/application/o/shop/`;

export const authentik: LookAlike = {
  recipe: "authentik",
  issuer: APPLICATION,
  endpoints: {
    authorization_endpoint: `${URL}/application/o/authorize/`,
    token_endpoint: `${URL}/application/o/token/`,
    jwks_uri: `${APPLICATION}jwks/`,
    userinfo_endpoint: `${URL}/application/o/userinfo/`,
    revocation_endpoint: `${URL}/application/o/revoke/`,
    end_session_endpoint: `${APPLICATION}end-session/`,
  },
  checksClient: rawBasic(CLIENT_SECRET, "Basic"),
  issuesRefreshToken: (request) =>
    request.get("scope")?.split(" ").includes("offline_access") === true,
  idToken: (right) => ({
    ...right,
    acr: "goauthentik.io/providers/oauth2/default",
    amr: ["pwd"],
  }),
  logoutToken: { header: { typ: "logout+jwt" } },
  without: {
    rule: "the issuer without its slash is another one",
    options: { issuer: APPLICATION.slice(0, -1), metadataUrl: undefined },
    fails: "sign-in",
  },
};

export const globalAuthentik: LookAlike = {
  ...authentik,
  block: 1,
  issuer: `${URL}/`,
  metadataAddress: `${APPLICATION}.well-known/openid-configuration`,
  without: {
    rule: "the metadata are not where the issuer is",
    options: { metadataUrl: undefined },
    fails: "sign-in",
  },
};
