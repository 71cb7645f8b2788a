/** Auth.js: the session with its tokens is encrypted in a cookie. */
import { Buffer } from "node:buffer";
import process from "node:process";
import { URLSearchParams } from "node:url";

import { ExpressAuth, getSession } from "@auth/express";
import express from "express";

import { person, SECRET } from "../../settings.js";
import { serve } from "../serve.js";

/* global fetch */
const { ISSUER } = process.env;

/** As its documentation refreshes tokens. */
async function refreshed(token) {
  const response = await fetch(`${ISSUER}/token`, {
    method: "POST",
    headers: {
      Authorization: `Basic ${Buffer.from("shop:secret").toString("base64")}`,
    },
    body: new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: token.refresh_token,
    }),
  });
  const tokens = await response.json();
  if (!response.ok) throw new Error(tokens.error);
  return {
    ...token,
    access_token: tokens.access_token,
    refresh_token: tokens.refresh_token,
    expires_at: Math.floor(Date.now() / 1000 + tokens.expires_in),
  };
}

const config = {
  trustHost: true,
  secret: SECRET,
  providers: [
    {
      id: "op",
      name: "OP",
      type: "oidc",
      issuer: ISSUER,
      clientId: "shop",
      clientSecret: "secret",
      checks: ["pkce", "state", "nonce"],
    },
  ],
  callbacks: {
    async jwt({ token, account }) {
      if (account) {
        const { access_token, refresh_token, expires_at } = account;
        return { ...token, access_token, refresh_token, expires_at };
      }
      return Date.now() < token.expires_at * 1000 ? token : refreshed(token);
    },
    session: ({ session, token }) => ({
      ...session,
      sub: token.sub,
      token: token.access_token,
    }),
  },
};

const app = express();
app.set("trust proxy", true);
app.use("/auth", ExpressAuth(config));
app.use(async (req, res, next) => {
  const session = await getSession(req, config).catch(() => undefined);
  if (!session?.user) {
    res.status(401).end();
    return;
  }
  res.locals.session = session;
  next();
});
app.get("/me", (_req, res) => {
  const { sub, user } = res.locals.session;
  res.json(person({ sub, ...user }));
});
app.get("/token", (_req, res) => {
  res.json({ token: res.locals.session.token.length });
});
serve(app);
