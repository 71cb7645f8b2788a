/** Sign-in with the kit, all options as by default. */
import process from "node:process";

import express from "express";
import { createLoginKit, loginOf } from "express-login-kit";

import { kitOptions, person } from "../settings.js";
import { serve } from "./serve.js";

const { REDIS_URL, ISSUER } = process.env;
const { redis, ...options } = kitOptions(
  await redisAt(REDIS_URL),
  "http://127.0.0.1",
);
const kit = createLoginKit({
  ...options,
  issuer: ISSUER,
  scope: "openid profile email offline_access",
  // The ID Token has all claims.
  userInfo: false,
  // Access tokens may live for seconds here.
  refreshLeewaySeconds: 1,
  // Without Redis the kit starts on loopback addresses only.
  ...(redis ? { redis } : { baseUrl: "http://127.0.0.1:3000" }),
});
const app = express();
app.use(kit.routes);
app.get("/me", kit.requireAuth(), (req, res) => {
  res.json(person(loginOf(req).claims));
});
app.get("/token", kit.requireAuth(), async (req, res) => {
  const { value } = await loginOf(req).accessToken();
  res.json({ token: value.length });
});
app.use(kit.errorHandler);
serve(app);

async function redisAt(url) {
  if (!url) return undefined;
  const { redisClient } = await import("express-login-kit/redis");
  return redisClient({ url });
}
