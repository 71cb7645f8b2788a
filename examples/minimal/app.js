import express from "express";
import { createLoginKit, logEvents, loginOf } from "express-login-kit";

const kit = createLoginKit({
  issuer: process.env.OIDC_ISSUER,
  clientId: process.env.OIDC_CLIENT_ID,
  clientSecret: process.env.OIDC_CLIENT_SECRET,
  baseUrl: process.env.BASE_URL,
  session: { secret: process.env.SESSION_SECRET },
});
logEvents(kit.events, console);
const hello = (req, res) => res.json(`Hello, ${loginOf(req).claims.sub}!`);
express().use(kit.routes).get("/", kit.requireAuth(), hello).listen(3000);
