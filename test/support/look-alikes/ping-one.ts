/** PingOne: each environment has an issuer of its own, at an address of its region. */
import type { Endpoints, LookAlike } from "./look-alike.js";

const ENVIRONMENT = "0f5a2c1e-7d7c-4c55-9e0e-1d1b0c6f9a10";
const ISSUER = `https://auth.pingone.eu/${ENVIRONMENT}/as`;

export const pingOne: LookAlike = {
  recipe: "pingOne",
  issuer: ISSUER,
  endpoints: endpointsOf(ISSUER),
  client: { tokenEndpointAuthMethod: "client_secret_basic" },
  idToken: (right) => ({ ...right, acr: "Single_Factor", env: ENVIRONMENT }),
  without: {
    rule: "the address of the environment alone is no issuer",
    options: { issuer: ISSUER.replace("/as", "") },
    fails: "sign-in",
  },
};

const OWN = "https://login.example.com/as";

export const ownPingOne: LookAlike = {
  ...pingOne,
  block: 1,
  issuer: OWN,
  endpoints: endpointsOf(OWN),
  without: {
    rule: "the environment's own domain has another issuer",
    options: { issuer: ISSUER },
    fails: "sign-in",
  },
};

function endpointsOf(issuer: string): Endpoints {
  return {
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    userinfo_endpoint: `${issuer}/userinfo`,
    revocation_endpoint: `${issuer}/revoke`,
    end_session_endpoint: `${issuer}/signoff`,
    pushed_authorization_request_endpoint: `${issuer}/par`,
  };
}
