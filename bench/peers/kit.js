/** `GET /me` and a forwarded API with the kit. */
import process from "node:process";

import express from "express";
import { createLoginKit, loginOf, serverOptions } from "express-login-kit";
import { inspector } from "express-login-kit/inspector";
import { redisClient } from "express-login-kit/redis";

import { kitOptions, person } from "../settings.js";
import { serve } from "./serve.js";

const { REDIS_URL, UPSTREAM_URL, PROVIDERS, INSPECTOR, SERVER_OPTIONS } =
  process.env;
const redis = await redisClient({ url: REDIS_URL });
const kit = createLoginKit(
  kitOptions(redis, UPSTREAM_URL, PROVIDERS === "several"),
);
const app = express();
if (INSPECTOR === "mounted") {
  app.use("/__login", inspector(kit, { production: true }));
}
app.use(kit.routes);
app.get("/me", kit.requireAuth(), (req, res) => {
  res.json(person(loginOf(req).claims));
});
app.use("/api", kit.requireAuth(), kit.forward("upstream"));
app.use(kit.errorHandler);
serve(app, SERVER_OPTIONS === "yes" ? serverOptions(app) : {});
