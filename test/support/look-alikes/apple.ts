/** Sign in with Apple: the client secret is a JWT, the answer is posted, and the user's name comes once. */
import { createPublicKey, verify } from "node:crypto";

import type { RequestHandler } from "express";

import { APPLE_KEY } from "./apple-key.js";
import type { LookAlike } from "./look-alike.js";

const ISSUER = "https://appleid.apple.com";

/** What Apple posts when the user agrees for the first time. */
export const APPLE_USER = {
  name: { firstName: "Alice", lastName: "Ørsted" },
  email: "alice@example.com",
};

/** Half a year. */
const LONGEST_SECONDS = 15_777_000;

export const apple: LookAlike = {
  recipe: "apple",
  issuer: ISSUER,
  endpoints: {
    authorization_endpoint: `${ISSUER}/auth/authorize`,
    token_endpoint: `${ISSUER}/auth/token`,
    jwks_uri: `${ISSUER}/auth/keys`,
    revocation_endpoint: `${ISSUER}/auth/revoke`,
  },
  metadata: { response_modes_supported: ["query", "fragment", "form_post"] },
  client: { tokenEndpointAuthMethod: "client_secret_post" },
  checksClient: signedSecret(),
  rotatesRefreshTokens: false,
  authorizationResponse: (right) => ({
    ...right,
    user: JSON.stringify(APPLE_USER),
  }),
  idToken: ({ sid: _sid, acr: _acr, ...right }) => ({
    ...right,
    email: "alice@example.com",
    email_verified: "true",
    is_private_email: "false",
    nonce_supported: true,
  }),
  without: {
    rule: "the client has no secret that is a text",
    options: {
      clientAuth: undefined,
      clientSecret: "the text of a secret",
    },
    fails: "sign-in",
  },
};

/** Takes a JWT of the team as the client's secret, which is then the registered one: none. */
function signedSecret(): RequestHandler {
  return (req, res, next) => {
    const form = req.body as Record<string, string>;
    if (!isOfTheTeam(form["client_secret"] ?? "", form["client_id"] ?? "")) {
      res.status(400).json({ error: "invalid_client" });
      return;
    }
    form["client_secret"] = "";
    next();
  };
}

function isOfTheTeam(secret: string, clientId: string): boolean {
  const [head = "", body = "", signature = ""] = secret.split(".");
  if (body === "") return false;
  const { alg, kid } = jsonOf(head);
  const { iss, sub, aud, iat, exp } = jsonOf(body);
  const now = Math.floor(Date.now() / 1000);
  return (
    alg === "ES256" &&
    kid === "ABC123DEFG" &&
    iss === "DEF123GHIJ" &&
    sub === clientId &&
    aud === ISSUER &&
    Number(iat) <= now &&
    Number(exp) > now &&
    Number(exp) <= now + LONGEST_SECONDS &&
    verify(
      "sha256",
      Buffer.from(`${head}.${body}`),
      { key: createPublicKey(APPLE_KEY), dsaEncoding: "ieee-p1363" },
      Buffer.from(signature, "base64url"),
    )
  );
}

function jsonOf(part: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(part, "base64url").toString()) as Readonly<
    Record<string, unknown>
  >;
}
