/** Better Auth with its generic OAuth plugin, sessions in Redis. */
import process from "node:process";

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { fromNodeHeaders, toNodeHandler } from "better-auth/node";
import { genericOAuth } from "better-auth/plugins";
import express from "express";
import { createClient } from "redis";

import { person, SECRET } from "../../settings.js";
import { serve } from "../serve.js";

const { REDIS_URL, ISSUER } = process.env;
const redis = createClient({ url: REDIS_URL });
redis.on("error", () => undefined);
await redis.connect();
const inRedis = (key) => `better-auth:${key}`;

const auth = betterAuth({
  baseURL: "https://shop.example",
  secret: SECRET,
  // Users and accounts, which hold the tokens: a database costs more to read, and
  // two processes could share it. A sign-in copies all rows that are in memory, so
  // its CPU here grows with the users of the run, and is not that of a database.
  database: memoryAdapter({
    user: [],
    account: [],
    session: [],
    verification: [],
  }),
  secondaryStorage: {
    get: (key) => redis.get(inRedis(key)),
    getAndDelete: (key) => redis.getDel(inRedis(key)),
    set: (key, value, ttl) =>
      redis.set(
        inRedis(key),
        value,
        ttl ? { expiration: { type: "EX", value: ttl } } : {},
      ),
    delete: async (key) => {
      await redis.del(inRedis(key));
    },
    increment: async (key, ttl) => {
      const [count] = await redis
        .multi()
        .incr(inRedis(key))
        .expire(inRedis(key), ttl, "NX")
        .exec();
      return count;
    },
  },
  // Here all users come from one address.
  rateLimit: { enabled: false },
  plugins: [
    genericOAuth({
      config: [
        {
          providerId: "op",
          discoveryUrl: `${ISSUER}/.well-known/openid-configuration`,
          clientId: "shop",
          clientSecret: "secret",
          scopes: ["openid", "profile", "email", "offline_access"],
          pkce: true,
        },
      ],
    }),
  ],
});

const app = express();
app.set("trust proxy", true);
app.all("/api/auth/*path", toNodeHandler(auth));
app.get("/login", async (req, res) => {
  const { headers, response } = await auth.api.signInSocial({
    body: { provider: "op", callbackURL: "/" },
    headers: fromNodeHeaders(req.headers),
    returnHeaders: true,
  });
  res.append("Set-Cookie", headers.getSetCookie());
  res.redirect(response.url);
});
app.use(async (req, res, next) => {
  const session = await auth.api.getSession({
    headers: fromNodeHeaders(req.headers),
  });
  if (session === null) {
    res.status(401).end();
    return;
  }
  res.locals.user = session.user;
  next();
});
app.get("/me", (_req, res) => {
  const { user } = res.locals;
  // Applications go by its id of the user.
  res.json(person({ sub: user.id, ...user }));
});
app.get("/token", async (req, res) => {
  const headers = fromNodeHeaders(req.headers);
  const accounts = await auth.api.listUserAccounts({ headers });
  const { id } = accounts.find(({ providerId }) => providerId === "op");
  const { accessToken } = await auth.api.getAccessToken({
    body: { accountId: id },
    headers,
  });
  res.json({ token: accessToken.length });
});
serve(app);
