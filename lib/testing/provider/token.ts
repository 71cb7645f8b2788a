/** Where clients get tokens at the test provider, and give them back: token and revocation endpoint. */
import { createHash } from "node:crypto";

import express, { type Request, type Response, type Router } from "express";

import { accessTokenFor, type Target } from "./access-token.js";
import { authenticatedClient } from "./client-authentication.js";
import type { Grant } from "./grants.js";
import type { GrantType, Json } from "./misbehaviour.js";
import { isRegistered, type ProviderClient } from "./parties.js";
import { readProof } from "./proof.js";
import { leftHalfHash } from "./signed-token.js";
import {
  encryptedFor,
  endpoint,
  nowSeconds,
  parametersOf,
  type ProviderState,
  resourcesOf,
  tokenFor,
  words,
} from "./state.js";
import { changed, takeNext } from "./wrong-answers.js";

/** How long an ID Token is valid, in seconds. */
const ID_TOKEN_SECONDS = 300;

/** The grant type of RFC 8693 section 2.1. */
export const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

/** A refusal, as RFC 6749 section 5.2 has it. */
class TokenError extends Error {}

/** The endpoints of tokens. */
export function tokenRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.post("/token", (req, res) => {
    token(state, req, res);
  });
  router.post("/revoke", (req, res) => {
    revoke(state, req, res);
  });
  return router;
}

function token(state: ProviderState, req: Request, res: Response): void {
  const client = authenticatedClient(state, req, res);
  if (!client) return;
  try {
    const jkt = provenKey(state, req, res);
    const right = tokenResponse(state, req, client, jkt);
    const wrong = takeNext(state, "tokenResponse");
    if (wrong === undefined) {
      res.json(right);
      return;
    }
    const answer = changed(right, wrong);
    res.status("error" in answer ? 400 : 200).json(answer);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    res.status(400).json({ error: error.message });
  }
}

function tokenResponse(
  state: ProviderState,
  req: Request,
  client: ProviderClient,
  jkt: string | undefined,
): Json {
  const { grant_type: grantType = "" } = parametersOf(req);
  switch (grantType) {
    case "authorization_code":
      return redeemed(state, req, client, jkt);
    case "refresh_token":
      return refreshed(state, req, client, jkt);
    case "client_credentials":
      return ofTheClientItself(state, req, client, jkt);
    case TOKEN_EXCHANGE:
      return exchanged(state, req, client, jkt);
    default:
      throw new TokenError("unsupported_grant_type");
  }
}

/** The thumbprint of the key that a request proves (RFC 9449 section 5); undefined: it proves none. */
function provenKey(
  state: ProviderState,
  req: Request,
  res: Response,
): string | undefined {
  const { dpop } = state;
  if (dpop === undefined || req.headers["dpop"] === undefined) return undefined;
  if (dpop.nonce !== undefined) res.set("DPoP-Nonce", dpop.nonce);
  const { error, ...proven } = {
    jkt: undefined,
    ...readProof({
      proof: req.headers["dpop"],
      method: "POST",
      url: endpoint(state, "token"),
      ...dpop,
    }),
  };
  if (error !== undefined) throw new TokenError(error);
  return proven.jkt;
}

/** RFC 9449 section 10: what was granted for a key is for nobody else. */
function refuseOtherKey(grant: Grant, jkt: string | undefined): void {
  if (grant.jkt === undefined || grant.jkt === jkt) return;
  throw new TokenError("invalid_dpop_proof");
}

function redeemed(
  state: ProviderState,
  req: Request,
  client: ProviderClient,
  jkt: string | undefined,
): Json {
  const request = parametersOf(req);
  const code = state.grants.takeCode(request["code"] ?? "");
  const challenge = createHash("sha256")
    .update(request["code_verifier"] ?? "")
    .digest("base64url");
  if (
    code?.grant.client !== client ||
    code.redirectUri !== request["redirect_uri"] ||
    code.codeChallenge !== challenge
  ) {
    throw new TokenError("invalid_grant");
  }
  const { grant, nonce } = code;
  refuseOtherKey(grant, jkt);
  return issueTokens(
    state,
    "authorization_code",
    grant,
    targetOf(state, req, grant, jkt),
    {
      refreshToken: state.grants.addRefreshToken(grant),
      nonce,
    },
  );
}

function refreshed(
  state: ProviderState,
  req: Request,
  client: ProviderClient,
  jkt: string | undefined,
): Json {
  const { refresh_token: refreshToken = "" } = parametersOf(req);
  const grant = state.grants.takeRefreshToken(
    refreshToken,
    client,
    state.rotatesRefreshTokens,
  );
  if (!grant) throw new TokenError("invalid_grant");
  refuseOtherKey(grant, jkt);
  return issueTokens(
    state,
    "refresh_token",
    grant,
    targetOf(state, req, grant, jkt),
    {
      refreshToken: state.rotatesRefreshTokens
        ? state.grants.addRefreshToken(grant)
        : refreshToken,
    },
  );
}

/** RFC 6749 section 4.4. */
function ofTheClientItself(
  state: ProviderState,
  req: Request,
  client: ProviderClient,
  jkt: string | undefined,
): Json {
  const grant: Grant = {
    client,
    session: undefined,
    sub: client.clientId,
    authTime: nowSeconds(),
    scope: parametersOf(req)["scope"] ?? "",
    acr: undefined,
    resources: resourcesOf(req),
  };
  return accessTokenFor(state, grant, targetOf(state, req, grant, jkt))
    .response;
}

/** RFC 8693: only an access token for another one. */
function exchanged(
  state: ProviderState,
  req: Request,
  client: ProviderClient,
  jkt: string | undefined,
): Json {
  const { subject_token: subject = "" } = parametersOf(req);
  const issued = state.grants.accessToken(subject);
  if (issued?.grant.client !== client || issued.expiresAt <= nowSeconds()) {
    throw new TokenError("invalid_request");
  }
  const grant = { ...issued.grant, resources: resourcesOf(req) };
  return {
    ...accessTokenFor(state, grant, targetOf(state, req, grant, jkt)).response,
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
  };
}

/** RFC 8707 section 2.2: no more than was granted. */
function targetOf(
  state: ProviderState,
  req: Request,
  grant: Grant,
  jkt: string | undefined,
): Target {
  const [resource, ...more] = resourcesOf(req);
  const scope = parametersOf(req)["scope"] ?? grant.scope;
  const isGranted =
    more.length === 0 &&
    (resource === undefined ||
      (isRegistered(state.resources, resource) &&
        (grant.resources.length === 0 || grant.resources.includes(resource))));
  if (!isGranted) throw new TokenError("invalid_target");
  const granted = words(grant.scope);
  if (!words(scope).every((one) => granted.includes(one))) {
    throw new TokenError("invalid_scope");
  }
  return { resource, scope, jkt };
}

function issueTokens(
  state: ProviderState,

  grantType: GrantType,
  grant: Grant,
  target: Target,
  { refreshToken, nonce }: { refreshToken: string; nonce?: string | undefined },
): Json {
  const { accessToken, response } = accessTokenFor(state, grant, target);
  const right: Json = {
    ...response,
    refresh_token: refreshToken,
    id_token: idTokenFor(state, grantType, grant, accessToken, nonce),
  };
  return state.misbehave.tokenResponse?.(right, grantType) ?? right;
}

function idTokenFor(
  state: ProviderState,

  grantType: GrantType,
  { client, session, sub, authTime, acr }: Grant,
  accessToken: string,
  nonce: string | undefined,
): string {
  const { idToken: lie } = state.misbehave;
  const isLie = lie?.grantType === undefined || lie.grantType === grantType;
  const idToken = tokenFor(
    state,
    client,
    {
      auth_time: authTime,
      acr,
      ...session?.claims,
      iss: state.issuer,
      sub,
      aud: client.clientId,
      iat: nowSeconds(),
      exp: nowSeconds() + ID_TOKEN_SECONDS,
      sid: session?.sid,
      at_hash: leftHalfHash(
        client.idTokenSignedResponseAlg ?? "RS256",
        accessToken,
      ),
      nonce,
    },
    takeNext(state, "idToken") ?? (isLie ? lie : undefined),
  );
  // As a hint it comes back without the encryption (Core 3.1.2.1).
  state.idTokens.set(idToken, { client, sub, sid: session?.sid ?? "" });
  return encryptedFor(state, client, idToken);
}

function revoke(state: ProviderState, req: Request, res: Response): void {
  if (!authenticatedClient(state, req, res)) return;
  const { token: revoked = "" } = parametersOf(req);
  state.revoked.push(revoked);
  state.grants.revoke(revoked);
  res.status(200).end();
}
