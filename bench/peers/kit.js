/** `GET /me` and a forwarded API with the kit. */
import process from "node:process";

import express from "express";
import { createLoginKit, loginOf } from "express-login-kit";
import { redisClient } from "express-login-kit/redis";

import { kitOptions, person } from "../settings.js";
import { serve } from "./serve.js";

const { REDIS_URL, UPSTREAM_URL, PROVIDERS } = process.env;
const redis = await redisClient({ url: REDIS_URL });
const kit = createLoginKit(
  kitOptions(redis, UPSTREAM_URL, PROVIDERS === "several"),
);
const app = express();
app.use(kit.routes);
app.get("/me", kit.requireAuth(), (req, res) => {
  res.json(person(loginOf(req).claims));
});
app.use("/api", kit.requireAuth(), kit.forward("upstream"));
app.use(kit.errorHandler);
serve(app);
