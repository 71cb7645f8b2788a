/** passport with openid-client's strategy, express-session and connect-redis. */
import process from "node:process";
import { URL } from "node:url";

import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import * as client from "openid-client";
import { Strategy } from "openid-client/passport";
import passport from "passport";
import { createClient } from "redis";

import { COOKIE, person, SECRET } from "../../settings.js";
import { serve } from "../serve.js";

const { REDIS_URL, ISSUER } = process.env;
const redis = createClient({ url: REDIS_URL });
redis.on("error", () => undefined);
await redis.connect();
const config = await client.discovery(
  new URL(ISSUER),
  "shop",
  undefined,
  client.ClientSecretBasic("secret"),
  { execute: [client.allowInsecureRequests] },
);

const tokensOf = (tokens) => ({
  accessToken: tokens.access_token,
  refreshToken: tokens.refresh_token,
  idToken: tokens.id_token,
  expiresAt: Date.now() + tokens.expiresIn() * 1000,
});
passport.use(
  new Strategy(
    {
      config,
      name: "op",
      scope: "openid profile email offline_access",
      callbackURL: "https://shop.example/callback",
    },
    (tokens, done) => {
      done(null, { claims: tokens.claims(), tokens: tokensOf(tokens) });
    },
  ),
);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.set("trust proxy", true);
app.use(
  session({
    store: new RedisStore({ client: redis, prefix: "passport:" }),
    secret: SECRET,
    name: COOKIE,
    resave: false,
    saveUninitialized: false,
    proxy: true,
    cookie: { secure: true, sameSite: "lax", maxAge: 30 * 60 * 1000 },
  }),
);
app.use(passport.session());
app.get("/login", passport.authenticate("op"));
app.get("/callback", passport.authenticate("op"), (_req, res) => {
  res.redirect("/");
});
app.use((req, res, next) => {
  if (req.isAuthenticated()) next();
  else res.status(401).end();
});
app.get("/me", (req, res) => {
  res.json(person(req.user.claims));
});
app.get("/token", async (req, res) => {
  const { user } = req;
  if (user.tokens.expiresAt <= Date.now()) {
    const { refreshToken } = user.tokens;
    const fresh = await client.refreshTokenGrant(config, refreshToken);
    req.session.passport.user = { ...user, tokens: tokensOf(fresh) };
  }
  res.json({ token: req.session.passport.user.tokens.accessToken.length });
});
serve(app);
