/** `GET /me` with one GET of the whole session, and no check of anything: what Redis costs. */
import process from "node:process";

import { parse } from "cookie";
import express from "express";
import { redisClient } from "express-login-kit/redis";

import { COOKIE, person, PLAIN_PREFIX } from "../settings.js";
import { serve } from "./serve.js";

// The kit's client: without the timer of each command that node-redis has otherwise.
const redis = await redisClient({ url: process.env["REDIS_URL"] });
const app = express();
app.get("/me", async (req, res) => {
  const { [COOKIE]: id } = parse(req.headers.cookie ?? "");
  const { claims } = JSON.parse(await redis.get(PLAIN_PREFIX + id));
  res.json(person(claims));
});
serve(app);
