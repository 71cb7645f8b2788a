/** What the test provider tells about a user: the UserInfo endpoint. */
import express, { type Request, type Response, type Router } from "express";

import type { Json } from "./misbehaviour.js";
import { nowSeconds, type ProviderState, words } from "./state.js";
import { changed, takeNext } from "./wrong-answers.js";

/** OpenID Connect Core 1.0 section 5.3. */
export function userInfoRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.all("/userinfo", userInfo);
  return router;

  function userInfo(req: Request, res: Response): void {
    const [scheme = "", bearer = ""] = words(req.headers.authorization);
    const issued = state.grants.accessToken(bearer);
    if (
      scheme.toLowerCase() !== "bearer" ||
      issued?.audience !== undefined ||
      !issued ||
      issued.expiresAt <= nowSeconds()
    ) {
      res.set("WWW-Authenticate", 'Bearer error="invalid_token"');
      res.status(401).json({ error: "invalid_token" });
      return;
    }
    const { sub, session } = issued.grant;
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
        ? (state.misbehave.userinfo?.(right) ?? right)
        : changed(right, wrong);
    if (typeof answer === "string") res.type("application/jwt").send(answer);
    else res.json(answer);
  }
}
