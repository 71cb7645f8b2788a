/** The demo application: read it from top to bottom as the tutorial. */
import express from "express";
import type { Express } from "express";
import { createLoginKit, logEvents, loginOf } from "express-login-kit";
import type { Login, NamedUser } from "express-login-kit";
import { inspector } from "express-login-kit/inspector";
import { publicFolder } from "./assets.js";
import { buttons } from "./buttons.js";
import type { Levers } from "./buttons.js";
import type { Environment } from "./environment.js";
import { createLog } from "./log.js";
import { onlyOurPages } from "./only-our-pages.js";
import * as pages from "./pages.js";
import type { Orders } from "./pages.js";
import { STRONG_ACR } from "./provider-step-up.js";
import { securityHeaders } from "./security-headers.js";

/** The application while it runs. */
export interface Shop {
  readonly app: Express;
  /** Ends streams, and waits for refreshes; requests that run may go on. */
  readonly close: () => Promise<void>;
  /** Leaves Redis, when no request runs any more. */
  readonly disconnect: () => Promise<void>;
}

/** Creates the application. The `levers` are for the demo's buttons; yours needs none. */
export async function openShop(
  environment: Environment,
  redisUrl: string | undefined,
  levers: Levers,
): Promise<Shop> {
  const { baseUrl, provider, secondProvider, orders } = environment;

  // 1. The kit. Logins live in Redis, or in this process when there is none.
  const redis = redisUrl === undefined ? undefined : await connect(redisUrl);
  const kit = createLoginKit({
    // One provider, or two by name (npm run demo -- --two-providers).
    ...(secondProvider === undefined
      ? provider
      : {
          providers: {
            staff: { ...provider, label: "I work here" },
            customers: { ...secondProvider, label: "I am a customer" },
          },
        }),
    baseUrl,
    session: { secret: environment.sessionSecret, recordDevice: true },
    ...(redis && { redis }),
    resourceServers: {
      orders: {
        url: orders.url,
        ...(orders.resource !== undefined && { resource: orders.resource }),
      },
    },
  });
  logEvents(kit.events, createLog());

  // 2. The application.
  const app = express();
  app.use(securityHeaders());
  app.get("/healthz", async (_req, res) => {
    const ready = await kit.ready();
    res.status(ready ? 200 : 503).json({ ready });
  });
  app.use(express.static(publicFolder, { index: false }));

  // 3. In development: each message of a login, as it is sent.
  const remote = !environment.isLoopbackOnly;
  app.use("/__login", inspector(kit, { remote, maxRuns: 500 }));

  // 4. The kit's endpoints: /login, /callback, /logout, /session and so on.
  app.use(kit.routes);

  // 5. A page for everybody, which looks different to users.
  app.get("/", kit.identify, async (req, res) => {
    const login = req.oidc;
    const logins = login ? await kit.sessions.list(userOf(login)) : [];
    res.set("Cache-Control", "no-store");
    res.send(pages.frontPage(environment, login, logins));
  });

  // 6. A page for users only. Whoever is none signs in first, and comes back.
  app.get("/mine", kit.requireAuth(), (_req, res) => {
    res.redirect(303, "/");
  });

  // 7. The server calls the API with the user's access token.
  app.get("/orders", kit.requireAuth(), async (req, res) => {
    const login = loginOf(req);
    const answer = await login.fetch(orders.url);
    res.set("Cache-Control", "no-store");
    res.send(
      answer.ok
        ? pages.ordersPage(environment, login, (await answer.json()) as Orders)
        : pages.ordersFailedPage(environment, login, answer.status),
    );
  });

  // 8. The API for the browser: requests are streamed on, with the user's token.
  app.use("/api/orders", kit.requireAuth(), kit.forward("orders"));

  // 9. Step-up: only who has signed in by the stronger way, and lately.
  const strong = kit.requireAuth({ acr: [STRONG_ACR], maxAgeSeconds: 300 });
  app.get("/vault", strong, (req, res) => {
    res.set("Cache-Control", "no-store");
    res.send(pages.vaultPage(environment, loginOf(req)));
  });

  // 10. The user's logins: each browser is one. requireAuth refuses what other
  // sites post, and ends work only within this user's logins.
  const form = express.urlencoded({ extended: false, limit: "1kb" });
  app.post("/logins/end", kit.requireAuth(), form, async (req, res) => {
    const { id } = req.body as { readonly id?: string };
    await kit.sessions.end(userOf(loginOf(req)), String(id));
    res.redirect(303, "/");
  });
  app.post("/logins/end-others", kit.requireAuth(), async (req, res) => {
    await kit.sessions.endOthers(loginOf(req));
    res.redirect(303, "/");
  });

  // 11. The demo's buttons. An application of yours has nothing like it.
  app.use("/demo", onlyOurPages(environment), buttons(kit, levers));

  // 12. The kit's failures, as a page or as problem+json.
  app.use(kit.errorHandler);

  return {
    app,
    close: () => kit.close(),
    disconnect: async () => redis?.close(),
  };
}

// Users are named by provider and subject: another provider's alice is another one.
function userOf({ provider, claims }: Login): NamedUser {
  return { provider, sub: claims.sub };
}

/** Only who uses Redis needs its packages. */
async function connect(url: string) {
  const { redisClient } = await import("express-login-kit/redis");
  return await redisClient({ url });
}
