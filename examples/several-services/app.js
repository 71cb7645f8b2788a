// The application that users sign in to. It carries each service's own token.
import express from "express";
import { createLoginKit, loginOf, logEvents } from "express-login-kit";

const { env } = process;
const kit = createLoginKit({
  issuer: env.OIDC_ISSUER,
  clientId: env.OIDC_CLIENT_ID,
  clientSecret: env.OIDC_CLIENT_SECRET,
  baseUrl: env.BASE_URL,
  session: { secret: env.SESSION_SECRET },
  scope: "openid profile offline_access",
  authorizationParameters: { prompt: "consent" },
  resourceServers: {
    // A token for each, by the refresh token (RFC 8707).
    orders: { url: env.ORDERS_URL, resource: "https://orders.example" },
    // A token by exchange of the login's own (RFC 8693).
    invoices: {
      url: env.INVOICES_URL,
      resource: "https://invoices.example",
      tokenExchange: true,
    },
  },
});
logEvents(kit.events, console);

const app = express();
app.use(kit.routes);

// The browser asks a service: the application adds the token.
app.use("/api/orders", kit.requireAuth(), kit.forward("orders"));
app.use("/api/invoices", kit.requireAuth(), kit.forward("invoices"));

// The application asks both, each with the token that is for it.
app.get("/", kit.requireAuth(), async (req, res) => {
  const login = loginOf(req);
  const answers = await Promise.all([
    login.fetch(`${env.ORDERS_URL}/mine`),
    login.fetch(`${env.INVOICES_URL}/mine`),
  ]);
  const [orders, invoices] = await Promise.all(
    answers.map((answer) => answer.json()),
  );
  res.json({ name: login.claims.name, orders, invoices });
});

app.use(kit.errorHandler);
app.listen(3000);
