// The application: one page, one API of its own, one that it forwards to.
import express, { type Express } from "express";
import { createLoginKit, loginOf } from "express-login-kit";

export interface Settings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly ordersUrl: string;
}

export function createApp(settings: Settings): Express {
  const { issuer, clientId, clientSecret, ordersUrl } = settings;
  const kit = createLoginKit({
    issuer,
    clientId,
    clientSecret,
    baseUrl: "http://localhost:3000",
    session: { secret: "an example has no secret to keep, but 32 letters" },
    resourceServers: { orders: { url: ordersUrl } },
  });

  const app = express();
  app.use(kit.routes);
  app.get("/me", kit.requireAuth(), (req, res) => {
    res.send(`Hello ${String(loginOf(req).claims.name)}`);
  });
  app.post("/wishes", kit.requireAuth(), (_req, res) => {
    res.status(201).json({ wished: true });
  });
  app.use("/api/orders", kit.requireAuth(), kit.forward("orders"));
  app.use(kit.errorHandler);
  return app;
}
