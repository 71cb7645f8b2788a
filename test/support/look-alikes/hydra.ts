/** Ory Hydra: Logout Tokens without `exp`, and an issuer that ends in a slash. */
import { KeyObject, webcrypto } from "node:crypto";

import { PrivateKeyJwt } from "../../../lib/index.js";
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://hydra.example/";

export const hydra: LookAlike = {
  recipe: "hydra",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${ISSUER}oauth2/auth`,
    token_endpoint: `${ISSUER}oauth2/token`,
    jwks_uri: `${ISSUER}.well-known/jwks.json`,
    userinfo_endpoint: `${ISSUER}userinfo`,
    revocation_endpoint: `${ISSUER}oauth2/revoke`,
    end_session_endpoint: `${ISSUER}oauth2/sessions/logout`,
  },
  client: { tokenEndpointAuthMethod: "client_secret_basic" },
  issuesRefreshToken: (request) =>
    /\boffline(?:_access)?\b/.test(request.get("scope") ?? ""),
  idToken: (right) => ({ ...right, rat: right["auth_time"], jti: "5f1e" }),
  logoutToken: { claims: { exp: undefined, sub: undefined } },
  without: {
    rule: "its Logout Token is refused, for it has no exp",
    options: { backchannelLogout: undefined },
    fails: "back-channel-logout",
  },
};

const { publicKey, privateKey } = await webcrypto.subtle.generateKey(
  { name: "ECDSA", namedCurve: "P-256" },
  true,
  ["sign", "verify"],
);

export const hydraWithKey: LookAlike = {
  ...hydra,
  block: 1,
  modules: { "./client-key.js": { key: privateKey } },
  client: {
    tokenEndpointAuthMethod: "private_key_jwt",
    publicKey: KeyObject.from(publicKey).export({ format: "jwk" }),
    assertionAudience: "https://hydra.example/oauth2/token",
  },
  without: {
    rule: "an assertion for the issuer is refused",
    options: { clientAuth: PrivateKeyJwt(privateKey) },
    fails: "sign-in",
  },
};
