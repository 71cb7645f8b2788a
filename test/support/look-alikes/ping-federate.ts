/** PingFederate: a logout as RP-Initiated Logout 1.0 has it, or one with parameters of its own. */
import type { Endpoints, LookAlike } from "./look-alike.js";

const ISSUER = "https://sso.example:9031";

/** Those of every version. */
const ENDPOINTS: Endpoints = {
  authorization_endpoint: `${ISSUER}/as/authorization.oauth2`,
  token_endpoint: `${ISSUER}/as/token.oauth2`,
  jwks_uri: `${ISSUER}/pf/JWKS`,
  userinfo_endpoint: `${ISSUER}/idp/userinfo.openid`,
  revocation_endpoint: `${ISSUER}/as/revoke_token.oauth2`,
  pushed_authorization_request_endpoint: `${ISSUER}/as/par.oauth2`,
};

export const pingFederate: LookAlike = {
  recipe: "pingFederate",
  issuer: ISSUER,
  endpoints: {
    ...ENDPOINTS,
    end_session_endpoint: `${ISSUER}/idp/init_logout.openid`,
  },
  metadata: { ping_end_session_endpoint: `${ISSUER}/idp/startSLO.ping` },
  idToken: ({ sid, ...right }) => ({ ...right, "pi.sri": sid }),
  logoutToken: { claims: { sid: undefined } },
  without: {
    rule: "the address with a slash at its end is another issuer",
    options: { issuer: `${ISSUER}/` },
    fails: "sign-in",
  },
};

export const pingFederateBefore: LookAlike = {
  ...pingFederate,
  block: 1,
  endpoints: ENDPOINTS,
  unlisted: { end_session_endpoint: `${ISSUER}/idp/startSLO.ping` },
  logout: (parameters) => parameters.get("TargetResource") ?? undefined,
  without: {
    rule: "startSLO.ping knows no post_logout_redirect_uri",
    options: { logoutParameters: undefined },
    fails: "sign-out",
  },
};
