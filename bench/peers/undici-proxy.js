/** Forwards with undici and nothing else: no Express, no session, no token of a user. */
import { pipeline } from "node:stream/promises";
import process from "node:process";

import { Agent } from "undici";

import { serve } from "./serve.js";

const origin = process.env["UPSTREAM_URL"];
const agent = new Agent({ connections: 128 });

serve(async (req, res) => {
  const { statusCode, headers, body } = await agent.request({
    origin,
    path: req.url.replace("/api", "/v1"),
    method: req.method,
    headers: { accept: req.headers.accept, authorization: "Bearer token" },
  });
  res.writeHead(statusCode, {
    "content-type": headers["content-type"],
    "content-length": headers["content-length"],
  });
  await pipeline(body, res);
});
