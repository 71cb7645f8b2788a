/** The bare proxy in Express, with one GET of the whole session and no check of anything: what remains for the kit to add. */
import { pipeline } from "node:stream/promises";
import process from "node:process";

import { parse } from "cookie";
import express from "express";
import { redisClient } from "express-login-kit/redis";
import { Agent } from "undici";

import { COOKIE, PLAIN_PREFIX } from "../settings.js";
import { serve } from "./serve.js";

const { REDIS_URL, UPSTREAM_URL } = process.env;
const redis = await redisClient({ url: REDIS_URL });
const agent = new Agent({ connections: 128 });
const app = express();
app.use("/api", async (req, res) => {
  const { [COOKIE]: id } = parse(req.headers.cookie ?? "");
  const { claims } = JSON.parse(await redis.get(PLAIN_PREFIX + id));
  const { statusCode, headers, body } = await agent.request({
    origin: UPSTREAM_URL,
    path: `/v1${req.url}`,
    method: req.method,
    headers: {
      accept: req.headers.accept,
      authorization: `Bearer ${claims.sub}`,
    },
  });
  res.writeHead(statusCode, {
    "content-type": headers["content-type"],
    "content-length": headers["content-length"],
  });
  await pipeline(body, res);
});
serve(app);
