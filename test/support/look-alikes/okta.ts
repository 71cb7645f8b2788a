/** Okta: a custom authorization server, and the organization's own with a key instead of a secret. */
import { KeyObject, webcrypto } from "node:crypto";

import { PrivateKeyJwt } from "../../../lib/index.js";
import type { Endpoints, LookAlike } from "./look-alike.js";

const ORIGIN = "https://shop.okta.com";

function endpointsAt(server: string): Endpoints {
  return {
    authorization_endpoint: `${server}/v1/authorize`,
    token_endpoint: `${server}/v1/token`,
    jwks_uri: `${server}/v1/keys`,
    userinfo_endpoint: `${server}/v1/userinfo`,
    revocation_endpoint: `${server}/v1/revoke`,
    end_session_endpoint: `${server}/v1/logout`,
    pushed_authorization_request_endpoint: `${server}/v1/par`,
  };
}

const usual = {
  recipe: "okta",
  rotatesRefreshTokens: false,
  issuesRefreshToken: (request: URLSearchParams) =>
    request.get("scope")?.includes("offline_access") === true,
} as const;

export const oktaCustomServer: LookAlike = {
  ...usual,
  issuer: `${ORIGIN}/oauth2/default`,
  endpoints: endpointsAt(`${ORIGIN}/oauth2/default`),
  without: {
    rule: "no refresh token comes without offline_access",
    options: { scope: "openid profile email" },
    fails: "refresh",
  },
};

const { publicKey, privateKey } = await webcrypto.subtle.generateKey(
  { name: "ECDSA", namedCurve: "P-256" },
  true,
  ["sign", "verify"],
);

export const oktaOrganization: LookAlike = {
  ...usual,
  block: 1,
  issuer: ORIGIN,
  endpoints: endpointsAt(`${ORIGIN}/oauth2`),
  modules: { "./client-key.js": { key: privateKey } },
  client: {
    tokenEndpointAuthMethod: "private_key_jwt",
    publicKey: KeyObject.from(publicKey).export({ format: "jwk" }),
    assertionAudience: `${ORIGIN}/oauth2/v1/token`,
  },
  without: {
    rule: "an assertion for the issuer is refused",
    options: { clientAuth: PrivateKeyJwt(privateKey) },
    fails: "sign-in",
  },
};
