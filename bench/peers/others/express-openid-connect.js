/** express-openid-connect, its session in a cookie, or in Redis where `STORE` says so. */
import process from "node:process";

import { RedisStore } from "connect-redis";
import express from "express";
import openidConnect from "express-openid-connect";
import { createClient } from "redis";

import { person, SECRET } from "../../settings.js";
import { serve } from "../serve.js";

const { auth, requiresAuth } = openidConnect;
const { REDIS_URL, ISSUER, STORE } = process.env;

async function redisStore() {
  const client = createClient({ url: REDIS_URL });
  client.on("error", () => undefined);
  await client.connect();
  return new RedisStore({ client, prefix: "eoc:" });
}

const app = express();
app.set("trust proxy", true);
app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: "https://shop.example",
    clientID: "shop",
    clientSecret: "secret",
    secret: SECRET,
    authRequired: false,
    errorOnRequiredAuth: true,
    authorizationParams: {
      response_type: "code",
      scope: "openid profile email offline_access",
    },
    session: STORE === "redis" ? { store: await redisStore() } : {},
  }),
);
app.get("/me", requiresAuth(), (req, res) => {
  res.json(person(req.oidc.user));
});
app.get("/token", requiresAuth(), async (req, res) => {
  const { accessToken } = req.oidc;
  const { access_token: token } = accessToken.isExpired()
    ? await accessToken.refresh()
    : accessToken;
  res.json({ token: token.length });
});
serve(app);
