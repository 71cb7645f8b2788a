/** GitLab: compares Basic credentials without decoding, and has neither logout nor Logout Tokens. */
import { CLIENT_SECRET } from "../world.js";
import type { LookAlike } from "./look-alike.js";
import { rawBasic } from "./raw-basic.js";

const ISSUER = "https://gitlab.com";

export const gitlab: LookAlike = {
  recipe: "gitlab",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${ISSUER}/oauth/authorize`,
    token_endpoint: `${ISSUER}/oauth/token`,
    jwks_uri: `${ISSUER}/oauth/discovery/keys`,
    userinfo_endpoint: `${ISSUER}/oauth/userinfo`,
    revocation_endpoint: `${ISSUER}/oauth/revoke`,
  },
  checksClient: rawBasic(
    CLIENT_SECRET,
    'Bearer realm="Doorkeeper", error="invalid_client", error_description="Client authentication failed"',
  ),
  idToken: ({ sid: _sid, acr: _acr, ...right }) => ({
    ...right,
    sub_legacy: "b1a2",
    groups_direct: ["shop"],
  }),
  userInfo: (right) => ({ ...right, nickname: "alice", groups: ["shop"] }),
  without: {
    rule: "the encoded secret is not the registered one",
    options: { clientAuth: "client_secret_basic" },
    fails: "sign-in",
  },
};
