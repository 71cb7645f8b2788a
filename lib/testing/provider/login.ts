/** How users sign in at the test provider: authorization, token, UserInfo and revocation endpoint. */
import { createHash, randomUUID } from "node:crypto";

import escapeHtml from "escape-html";
import express, { type Request, type Response, type Router } from "express";

import { authenticatedClient } from "./client-authentication.js";
import { sessionOf, sessionStateOf, signIn } from "./op-session.js";
import {
  findClient,
  type ProviderClient,
  type ProviderState,
  nowSeconds,
  type OpSession,
  parametersOf,
  tokenFor,
} from "./state.js";
import { hashOf } from "./signed-token.js";
import type { GrantType, Json, Parameters } from "./misbehaviour.js";

/** What a user has granted to a client. */
interface Grant {
  readonly client: ProviderClient;
  readonly sub: string;
  readonly sid: string;
  readonly authTime: number;
  readonly scope: string;
  readonly acr: string | undefined;
}

/** A grant that waits for its token request. */
interface AuthorizationCode extends Grant {
  readonly redirectUri: string;
  readonly codeChallenge: string | undefined;
  readonly nonce: string | undefined;
}

/** The endpoints of a login. */
export function loginRoutes(state: ProviderState): Router {
  const codes = new Map<string, AuthorizationCode>();
  const refreshTokens = new Map<string, Grant>();
  const accessTokens = new Map<string, Grant & { expiresAt: number }>();

  const router = express.Router();
  router.all("/authorize", authorize);
  router.post("/token", token);
  router.all("/userinfo", userinfo);
  router.post("/revoke", revoke);
  return router;

  function authorize(req: Request, res: Response): void {
    const request = parametersOf(req);
    const { client_id: clientId, redirect_uri: redirectUri = "" } = request;
    const client = findClient(state, clientId);
    if (!client?.redirectUris.includes(redirectUri)) {
      res.status(400).send("client_id or redirect_uri is not registered");
      return;
    }
    const error = authorizationRequestError(request);
    const session = error ? undefined : sessionFor(req, res, request);
    if (!session) {
      const refusal = { error: error ?? "login_required" };
      sendAuthorizationResponse(res, request, refusal);
      return;
    }
    session.clients.add(client);
    const code = randomUUID();
    codes.set(code, {
      client,
      redirectUri,
      codeChallenge: request["code_challenge"],
      nonce: request["nonce"],
      sub: session.sub,
      sid: session.sid,
      authTime: session.authTime,
      scope: request["scope"] ?? "",
      acr: requestedAcr(request),
    });
    sendAuthorizationResponse(res, request, {
      code,
      session_state: sessionStateOf(session, client.clientId, redirectUri),
    });
  }

  /** The session to answer with; undefined if the user would have to be asked. */
  function sessionFor(
    req: Request,
    res: Response,
    request: Parameters,
  ): OpSession | undefined {
    const prompt = words(request["prompt"]);
    const current = sessionOf(state, req);
    const hinted = state.idTokens.get(request["id_token_hint"] ?? "")?.sub;
    const wanted = request["login_hint"] ?? hinted;
    const maxAge = Number(request["max_age"] ?? Infinity);
    if (
      current &&
      !prompt.includes("login") &&
      nowSeconds() - current.authTime < maxAge &&
      (wanted ?? current.sub) === current.sub
    ) {
      return current;
    }
    if (prompt.includes("none")) return undefined;
    const user = wanted ?? state.currentUser ?? current?.sub ?? "alice";
    return signIn(state, res, { user, current });
  }

  function sendAuthorizationResponse(
    res: Response,
    request: Parameters,
    outcome: Parameters,
  ): void {
    const right: Parameters = {
      ...outcome,
      ...(request["state"] !== undefined && { state: request["state"] }),
      iss: state.issuer,
    };
    const response = state.misbehave.authorizationResponse?.(right) ?? right;
    const redirectUri = new URL(request["redirect_uri"] ?? "");
    if (request["response_mode"] === "form_post") {
      res.send(selfSubmittingForm(redirectUri.href, response));
      return;
    }
    for (const [name, value] of Object.entries(response)) {
      redirectUri.searchParams.set(name, value);
    }
    res.redirect(303, redirectUri.href);
  }

  function token(req: Request, res: Response): void {
    const request = parametersOf(req);
    const client = authenticatedClient(state, req, res);
    if (!client) return;
    const grantType = request["grant_type"];
    if (grantType === "authorization_code") {
      const code = codes.get(request["code"] ?? "");
      codes.delete(request["code"] ?? "");
      if (code?.client !== client || !isRedeemedBy(code, request)) {
        res.status(400).json({ error: "invalid_grant" });
        return;
      }
      res.json(issueTokens(code, grantType, { nonce: code.nonce }));
    } else if (grantType === "refresh_token") {
      const grant = refreshTokens.get(request["refresh_token"] ?? "");
      if (grant?.client !== client) {
        res.status(400).json({ error: "invalid_grant" });
        return;
      }
      refreshTokens.delete(request["refresh_token"] ?? "");
      res.json(issueTokens(grant, grantType, {}));
    } else {
      res.status(400).json({ error: "unsupported_grant_type" });
    }
  }

  function issueTokens(
    grant: Grant,
    grantType: GrantType,
    claims: { nonce?: string | undefined },
  ): Json {
    const { client, sub, sid } = grant;
    const accessToken = randomUUID();
    const refreshToken = randomUUID();
    const expiresAt = nowSeconds() + state.accessTokenSeconds;
    accessTokens.set(accessToken, { ...grant, expiresAt });
    refreshTokens.set(refreshToken, grant);

    const { idToken: lie, tokenResponse } = state.misbehave;
    const isLie = lie?.grantType === undefined || lie.grantType === grantType;
    const idToken = tokenFor(
      state,
      client,
      {
        iss: state.issuer,
        sub,
        aud: client.clientId,
        iat: nowSeconds(),
        exp: nowSeconds() + 300,
        auth_time: grant.authTime,
        sid,
        acr: grant.acr,
        at_hash: leftHalfHash(client, accessToken),
        ...claims,
      },
      isLie ? lie : undefined,
    );
    state.idTokens.set(idToken, { client, sub, sid });
    const right: Json = {
      access_token: accessToken,
      token_type: "Bearer",
      expires_in: state.accessTokenSeconds,
      refresh_token: refreshToken,
      id_token: idToken,
      scope: grant.scope,
    };
    return tokenResponse?.(right, grantType) ?? right;
  }

  function userinfo(req: Request, res: Response): void {
    const [scheme = "", bearer = ""] = words(req.headers.authorization);
    const grant = accessTokens.get(bearer);
    if (
      scheme.toLowerCase() !== "bearer" ||
      !grant ||
      grant.expiresAt <= nowSeconds()
    ) {
      res.set("WWW-Authenticate", 'Bearer error="invalid_token"');
      res.status(401).json({ error: "invalid_token" });
      return;
    }
    const { sub } = grant;
    const scopes = words(grant.scope);
    const right: Json = {
      sub,
      ...(scopes.includes("profile") && { name: sub }),
      ...(scopes.includes("email") && { email: `${sub}@example.com` }),
      ...(scopes.includes("phone") && { phone_number: "+49 30 555 555" }),
      ...(scopes.includes("address") && { address: { country: "DE" } }),
    };
    const answer = state.misbehave.userinfo?.(right) ?? right;
    if (typeof answer === "string") res.type("application/jwt").send(answer);
    else res.json(answer);
  }

  function revoke(req: Request, res: Response): void {
    if (!authenticatedClient(state, req, res)) return;
    const { token: revoked = "" } = parametersOf(req);
    state.revoked.push(revoked);
    accessTokens.delete(revoked);
    refreshTokens.delete(revoked);
    res.status(200).end();
  }
}

function authorizationRequestError(request: Parameters): string | undefined {
  if (request["request"] !== undefined) return "request_not_supported";
  if (request["response_type"] !== "code") return "unsupported_response_type";
  if (!words(request["scope"]).includes("openid")) return "invalid_scope";
  const { code_challenge: challenge, code_challenge_method: method } = request;
  // RFC 9700 section 2.1.1: a provider may insist on PKCE. This one does, so that
  // a client that leaves it out is found out.
  if (challenge === undefined || method !== "S256") return "invalid_request";
  return undefined;
}

function requestedAcr(request: Parameters): string | undefined {
  const claims = JSON.parse(request["claims"] ?? "{}") as {
    id_token?: { acr?: { value?: string; values?: string[] } | null };
  };
  const acr = claims.id_token?.acr;
  return acr?.value ?? acr?.values?.[0] ?? words(request["acr_values"])[0];
}

function isRedeemedBy(code: AuthorizationCode, request: Parameters): boolean {
  const challenge = createHash("sha256")
    .update(request["code_verifier"] ?? "")
    .digest("base64url");
  return (
    request["redirect_uri"] === code.redirectUri &&
    challenge === code.codeChallenge
  );
}

/** OpenID Connect Core 1.0 section 3.1.3.6. */
function leftHalfHash(client: ProviderClient, token: string): string {
  const alg = client.idTokenSignedResponseAlg ?? "RS256";
  const hash = createHash(hashOf(alg)).update(token).digest();
  return hash.subarray(0, hash.length / 2).toString("base64url");
}

function selfSubmittingForm(action: string, parameters: Parameters): string {
  const inputs = Object.entries(parameters).map(
    ([name, value]) =>
      `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  return `<!doctype html><title>Back to the application</title>
<form method="post" action="${escapeHtml(action)}">${inputs.join("")}</form>
<script>document.forms[0].submit()</script>`;
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(" ").filter((word) => word !== "");
}
