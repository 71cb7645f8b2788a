// A service: it takes access tokens that are for it, and for nobody else.
import express from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";

export function createService({ issuer, jwksUri, audience, things }) {
  const keys = createRemoteJWKSet(new URL(jwksUri));

  const requireToken = async (req, res, next) => {
    const [, token = ""] =
      /^Bearer (.+)$/i.exec(req.headers.authorization ?? "") ?? [];
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        typ: "at+jwt",
      });
      res.locals.sub = payload.sub;
      next();
    } catch {
      res.set("WWW-Authenticate", 'Bearer error="invalid_token"');
      res.status(401).json({ error: "invalid_token" });
    }
  };

  const service = express();
  service.get("/mine", requireToken, (_req, res) => {
    res.json({ sub: res.locals.sub, things });
  });
  return service;
}
