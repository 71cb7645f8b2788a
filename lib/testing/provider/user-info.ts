/** What the test provider tells about a user: the UserInfo endpoint. */
import express, { type Request, type Response, type Router } from "express";

import type { Json } from "./misbehaviour.js";
import type { IssuedAccessToken } from "./grants.js";
import { readProof } from "./proof.js";
import type { ProviderClient } from "./parties.js";
import {
  encryptedFor,
  endpoint,
  nowSeconds,
  type ProviderState,
  tokenFor,
  words,
} from "./state.js";
import { changed, takeNext } from "./wrong-answers.js";

/** OpenID Connect Core 1.0 section 5.3. */
export function userInfoRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.all("/userinfo", userInfo);
  return router;

  function userInfo(req: Request, res: Response): void {
    const [scheme = "", accessToken = ""] = words(req.headers.authorization);
    const issued = state.grants.accessToken(accessToken);
    const error = problemOf(req, scheme, accessToken, issued);
    if (error !== undefined || issued === undefined) {
      const wanted = issued?.jkt === undefined ? "Bearer" : "DPoP";
      res.set("WWW-Authenticate", `${wanted} error="${String(error)}"`);
      if (state.dpop?.nonce !== undefined) {
        res.set("DPoP-Nonce", state.dpop.nonce);
      }
      res.status(401).json({ error });
      return;
    }
    const { client, sub, session } = issued.grant;
    const scopes = words(issued.grant.scope);
    const right: Json = {
      ...(scopes.includes("profile") && { name: sub }),
      ...(scopes.includes("email") && { email: `${sub}@example.com` }),
      ...(scopes.includes("phone") && { phone_number: "+49 30 555 555" }),
      ...(scopes.includes("address") && { address: { country: "DE" } }),
      ...session?.claims,
      sub,
    };
    const wrong = takeNext(state, "userInfo");
    const answer =
      wrong === undefined
        ? (state.misbehave.userinfo?.(right) ?? asRegistered(right, client))
        : changed(right, wrong);
    if (typeof answer === "string") res.type("application/jwt").send(answer);
    else res.json(answer);
  }

  function asRegistered(claims: Json, client: ProviderClient): Json | string {
    if (client.encryptsUserInfo !== true) return claims;
    const { issuer: iss } = state;
    const signed = tokenFor(state, client, {
      ...claims,
      iss,
      aud: client.clientId,
    });
    return encryptedFor(state, client, signed);
  }

  /** Why a token is not taken (RFC 6750 section 3.1, RFC 9449 section 7.1); undefined: it is. */
  function problemOf(
    { method, headers }: Request,
    scheme: string,
    accessToken: string,
    issued: IssuedAccessToken | undefined,
  ): string | undefined {
    const { jkt } = issued ?? {};
    const wanted = jkt === undefined ? "bearer" : "dpop";
    if (
      scheme.toLowerCase() !== wanted ||
      issued?.audience !== undefined ||
      !issued ||
      issued.expiresAt <= nowSeconds()
    ) {
      return "invalid_token";
    }
    if (jkt === undefined || state.dpop === undefined) return undefined;
    const read = readProof({
      proof: headers["dpop"],
      method,
      url: endpoint(state, "userinfo"),
      accessToken,
      ...state.dpop,
    });
    if (read.error !== undefined) return read.error;
    return read.jkt === jkt ? undefined : "invalid_token";
  }
}
