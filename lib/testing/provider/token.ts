/** Where clients get tokens at the test provider, and give them back: token and revocation endpoint. */
import { createHash, randomUUID } from "node:crypto";

import express, { type Request, type Response, type Router } from "express";

import { authenticatedClient } from "./client-authentication.js";
import type { Grant } from "./grants.js";
import type { GrantType, Json } from "./misbehaviour.js";
import { isRegistered, type ProviderClient } from "./parties.js";
import { hashOf } from "./signed-token.js";
import {
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

/** What a token is asked for. */
interface Target {
  readonly scope: string;
  readonly resource: string | undefined;
}

/** A refusal, as RFC 6749 section 5.2 has it. */
class TokenError extends Error {}

/** The endpoints of tokens. */
export function tokenRoutes(state: ProviderState): Router {
  const { grants } = state;
  const router = express.Router();
  router.post("/token", token);
  router.post("/revoke", revoke);
  return router;

  function token(req: Request, res: Response): void {
    const client = authenticatedClient(state, req, res);
    if (!client) return;
    try {
      const right = tokenResponse(req, client);
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

  function tokenResponse(req: Request, client: ProviderClient): Json {
    const { grant_type: grantType = "" } = parametersOf(req);
    switch (grantType) {
      case "authorization_code":
        return redeemed(req, client);
      case "refresh_token":
        return refreshed(req, client);
      case "client_credentials":
        return ofTheClientItself(req, client);
      case TOKEN_EXCHANGE:
        return exchanged(req, client);
      default:
        throw new TokenError("unsupported_grant_type");
    }
  }

  function redeemed(req: Request, client: ProviderClient): Json {
    const request = parametersOf(req);
    const code = grants.takeCode(request["code"] ?? "");
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
    return issueTokens("authorization_code", grant, targetOf(req, grant), {
      refreshToken: grants.addRefreshToken(grant),
      nonce,
    });
  }

  function refreshed(req: Request, client: ProviderClient): Json {
    const { refresh_token: refreshToken = "" } = parametersOf(req);
    const grant = grants.takeRefreshToken(
      refreshToken,
      client,
      state.rotatesRefreshTokens,
    );
    if (!grant) throw new TokenError("invalid_grant");
    return issueTokens("refresh_token", grant, targetOf(req, grant), {
      refreshToken: state.rotatesRefreshTokens
        ? grants.addRefreshToken(grant)
        : refreshToken,
    });
  }

  /** RFC 6749 section 4.4. */
  function ofTheClientItself(req: Request, client: ProviderClient): Json {
    const grant: Grant = {
      client,
      session: undefined,
      sub: client.clientId,
      authTime: nowSeconds(),
      scope: parametersOf(req)["scope"] ?? "",
      acr: undefined,
      resources: resourcesOf(req),
    };
    return accessTokenFor(grant, targetOf(req, grant)).response;
  }

  /** RFC 8693: only an access token for another one. */
  function exchanged(req: Request, client: ProviderClient): Json {
    const { subject_token: subject = "" } = parametersOf(req);
    const issued = grants.accessToken(subject);
    if (issued?.grant.client !== client || issued.expiresAt <= nowSeconds()) {
      throw new TokenError("invalid_request");
    }
    const grant = { ...issued.grant, resources: resourcesOf(req) };
    return {
      ...accessTokenFor(grant, targetOf(req, grant)).response,
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    };
  }

  /** RFC 8707 section 2.2: no more than was granted. */
  function targetOf(req: Request, grant: Grant): Target {
    const [resource, ...more] = resourcesOf(req);
    const scope = parametersOf(req)["scope"] ?? grant.scope;
    const isGranted =
      more.length === 0 &&
      (resource === undefined ||
        (isRegistered(state.resources, resource) &&
          (grant.resources.length === 0 ||
            grant.resources.includes(resource))));
    if (!isGranted) throw new TokenError("invalid_target");
    const granted = words(grant.scope);
    if (!words(scope).every((one) => granted.includes(one))) {
      throw new TokenError("invalid_scope");
    }
    return { resource, scope };
  }

  function accessTokenFor(
    grant: Grant,
    { scope, resource }: Target,
  ): { readonly accessToken: string; readonly response: Json } {
    const { client, sub } = grant;
    const seconds = state.accessTokenSeconds;
    const expiresAt = nowSeconds() + seconds;
    // RFC 9068; a token for nobody but the provider needs no form.
    const accessToken =
      resource === undefined
        ? randomUUID()
        : tokenFor(
            state,
            client,
            {
              iss: state.issuer,
              sub,
              aud: resource,
              client_id: client.clientId,
              scope,
              jti: randomUUID(),
              iat: nowSeconds(),
              exp: expiresAt,
            },
            { header: { typ: "at+jwt" } },
          );
    grants.addAccessToken(accessToken, {
      grant,
      scope,
      audience: resource,
      expiresAt,
    });
    return {
      accessToken,
      response: {
        access_token: accessToken,
        token_type: "Bearer",
        expires_in: seconds,
        scope,
      },
    };
  }

  function issueTokens(
    grantType: GrantType,
    grant: Grant,
    target: Target,
    {
      refreshToken,
      nonce,
    }: { refreshToken: string; nonce?: string | undefined },
  ): Json {
    const { accessToken, response } = accessTokenFor(grant, target);
    const right: Json = {
      ...response,
      refresh_token: refreshToken,
      id_token: idTokenFor(grantType, grant, accessToken, nonce),
    };
    return state.misbehave.tokenResponse?.(right, grantType) ?? right;
  }

  function idTokenFor(
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
        at_hash: leftHalfHash(client, accessToken),
        nonce,
      },
      takeNext(state, "idToken") ?? (isLie ? lie : undefined),
    );
    state.idTokens.set(idToken, { client, sub, sid: session?.sid ?? "" });
    return idToken;
  }

  function revoke(req: Request, res: Response): void {
    if (!authenticatedClient(state, req, res)) return;
    const { token: revoked = "" } = parametersOf(req);
    state.revoked.push(revoked);
    grants.revoke(revoked);
    res.status(200).end();
  }
}

/** OpenID Connect Core 1.0 section 3.1.3.6. */
function leftHalfHash(client: ProviderClient, token: string): string {
  const alg = client.idTokenSignedResponseAlg ?? "RS256";
  const hash = createHash(hashOf(alg)).update(token).digest();
  return hash.subarray(0, hash.length / 2).toString("base64url");
}
