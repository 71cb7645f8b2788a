// The server: sign-in, one API of its own, and in production the built pages.
import express from "express";
import { createLoginKit, loginOf, logEvents } from "express-login-kit";

const { env } = process;
const kit = createLoginKit({
  issuer: env.OIDC_ISSUER,
  clientId: env.OIDC_CLIENT_ID,
  clientSecret: env.OIDC_CLIENT_SECRET,
  baseUrl: env.BASE_URL, // what stands in the browser's address bar
  session: { secret: env.SESSION_SECRET },
  scope: "openid profile",
});
logEvents(kit.events, console);

const app = express();
app.use(kit.routes);

const wishes = new Map();
app.use("/api", kit.requireAuth(), express.json());
app.get("/api/wishes", (req, res) => {
  res.json(wishes.get(loginOf(req).claims.sub) ?? []);
});
app.post("/api/wishes", (req, res) => {
  const { sub } = loginOf(req).claims;
  wishes.set(sub, [...(wishes.get(sub) ?? []), String(req.body.text)]);
  res.status(201).json(wishes.get(sub));
});

app.use(express.static("dist"));
app.use(kit.errorHandler);
app.listen(3000);
