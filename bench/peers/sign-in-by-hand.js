/** Sign-in written by hand with openid-client, express-session and connect-redis, as a careful developer writes it. */
import process from "node:process";
import { URL } from "node:url";

import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import * as client from "openid-client";
import { createClient } from "redis";

import { COOKIE, person, SECRET, SESSION_PREFIX } from "../settings.js";
import { serve } from "./serve.js";

const { REDIS_URL, ISSUER, SIGNATURE } = process.env;
const REDIRECT_URI = "https://shop.example/callback";

const redis = createClient({ url: REDIS_URL });
redis.on("error", () => undefined);
await redis.connect();
const configuration = await client.discovery(
  new URL(ISSUER),
  "shop",
  { id_token_signed_response_alg: "RS256" },
  client.ClientSecretBasic("secret"),
  { execute: [client.allowInsecureRequests] },
);
// What the kit always does, and openid-client where it is told to.
if (SIGNATURE !== "unchecked") client.enableNonRepudiationChecks(configuration);

const app = express();
app.set("trust proxy", true);
app.use(
  session({
    store: new RedisStore({ client: redis, prefix: SESSION_PREFIX }),
    secret: SECRET,
    name: COOKIE,
    resave: false,
    saveUninitialized: false,
    proxy: true,
    cookie: { secure: true, sameSite: "lax", maxAge: 30 * 60 * 1000 },
  }),
);

app.get("/login", async (req, res) => {
  const codeVerifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const { return_to: wanted = "/" } = req.query;
  const returnTo =
    typeof wanted === "string" && /^\/(?![/\\])/.test(wanted) ? wanted : "/";
  // Several tabs at once: one sign-in each, the oldest makes room.
  const pending = Object.entries(req.session.pending ?? {}).slice(-9);
  req.session.pending = {
    ...Object.fromEntries(pending),
    [state]: { codeVerifier, nonce, returnTo },
  };
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: REDIRECT_URI,
    scope: "openid profile email offline_access",
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: "S256",
  });
  res.set("Cache-Control", "no-store");
  res.redirect(303, url.href);
});

app.get("/callback", async (req, res) => {
  const { state } = req.query;
  const { [state]: begun, ...others } = req.session.pending ?? {};
  if (begun === undefined) {
    res.status(400).send("this sign-in is not known");
    return;
  }
  // Used once, whatever comes of it.
  req.session.pending = others;
  await settled((done) => req.session.save(done));
  const url = new URL(REDIRECT_URI);
  url.search = new URL(req.url, REDIRECT_URI).search;
  const tokens = await client.authorizationCodeGrant(configuration, url, {
    expectedState: state,
    expectedNonce: begun.nonce,
    pkceCodeVerifier: begun.codeVerifier,
    idTokenExpected: true,
  });
  const { iss, sub, name, email } = tokens.claims();
  // Another id than before the sign-in: nobody may have planted it.
  await settled((done) => req.session.regenerate(done));
  req.session.user = { iss, sub, name, email };
  req.session.tokens = tokensOf(tokens);
  await settled((done) => req.session.save(done));
  res.set("Cache-Control", "no-store");
  res.redirect(303, begun.returnTo);
});

app.get("/me", (req, res) => {
  if (req.session.user === undefined) res.status(401).end();
  else res.json(person(req.session.user));
});
app.get("/token", async (req, res) => {
  const { user, tokens } = req.session;
  if (user === undefined) {
    res.status(401).end();
    return;
  }
  if (tokens.expiresAt <= Date.now()) {
    const fresh = await client
      .refreshTokenGrant(configuration, tokens.refreshToken)
      .catch(() => undefined);
    if (fresh === undefined) {
      await settled((done) => req.session.destroy(done));
      res.status(401).end();
      return;
    }
    req.session.tokens = tokensOf(fresh);
  }
  res.json({ token: req.session.tokens.accessToken.length });
});
serve(app);

function tokensOf(tokens) {
  return {
    idToken: tokens.id_token,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    expiresAt: Date.now() + tokens.expiresIn() * 1000,
  };
}

function settled(call) {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
