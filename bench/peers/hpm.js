/** Forwards with http-proxy-middleware behind a hand-written guard. */
import { Agent } from "node:http";
import process from "node:process";

import express from "express";
import { createProxyMiddleware } from "http-proxy-middleware";

import { serve } from "./serve.js";
import { signedIn } from "./signed-in.js";

const app = express();
app.use(await signedIn());
app.use(
  "/api",
  createProxyMiddleware({
    target: `${process.env["UPSTREAM_URL"]}/v1`,
    changeOrigin: true,
    // Without an agent it opens a connection for every request.
    agent: new Agent({ keepAlive: true, maxSockets: 128 }),
    on: {
      proxyReq(proxyReq, req) {
        proxyReq.removeHeader("cookie");
        const { accessToken } = req.session.tokens;
        proxyReq.setHeader("authorization", `Bearer ${accessToken}`);
      },
    },
  }),
);
serve(app);
