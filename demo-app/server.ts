/** The demo application: read it from top to bottom as the tutorial. */
import express from "express";
import { createLoginKit, logEvents, loginOf } from "express-login-kit";
import type { Login, NamedUser } from "express-login-kit";
import { redisClient } from "express-login-kit/redis";
import { recordActivity } from "./activity.js";
import { publicFolder } from "./assets.js";
import { readEnvironment } from "./environment.js";
import { createLog } from "./log.js";
import * as pages from "./pages.js";
import type { Orders } from "./pages.js";
import { startParties, whoCanSignIn } from "./parties.js";
import { securityHeaders } from "./security-headers.js";
import { listen, stopOnSignals } from "./serve.js";

// 1. The parties. Without settings the demo brings its own provider and API.
const environment = await readEnvironment();
const { baseUrl, provider, secondProvider, orders, redisUrl } = environment;
const parties = await startParties(environment);

// 2. The kit. Logins live in Redis, or in this process when there is none.
const redis =
  redisUrl === undefined ? undefined : await redisClient({ url: redisUrl });
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
const activity = recordActivity(kit.events);

// 3. The application.
const app = express();
app.use(
  securityHeaders([provider, ...(secondProvider ? [secondProvider] : [])]),
);
app.get("/healthz", async (_req, res) => {
  const ready = await kit.ready();
  res.status(ready ? 200 : 503).json({ ready });
});
app.use(express.static(publicFolder, { index: false }));

// 4. The kit's endpoints: /login, /callback, /logout, /session and so on.
app.use(kit.routes);

// 5. A page for everybody, which looks different to users.
app.get("/", kit.identify, async (req, res) => {
  const login = req.oidc;
  res.set("Cache-Control", "no-store");
  if (login === undefined) {
    res.send(pages.signedOutPage(environment));
    return;
  }
  const logins = await kit.sessions.list(userOf(login));
  const entries = activity.of(login.id);
  res.send(pages.signedInPage(environment, login, { logins, entries }));
});

// 6. A page for users only: the server calls the API with the user's token.
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

// 7. The API for the browser: requests are streamed on, with the user's token.
app.use("/api/orders", kit.requireAuth(), kit.forward("orders"));
app.get("/activity", kit.requireAuth(), (req, res) => {
  res.json({ entries: activity.of(loginOf(req).id) });
});

// 8. The user's logins: each browser is one. requireAuth refuses what other
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

// Users are named by provider and subject: another provider's alice is another one.
function userOf({ provider, claims }: Login): NamedUser {
  return { provider, sub: claims.sub };
}

// 9. The kit's failures, as a page or as problem+json.
app.use(kit.errorHandler);

const server = await listen(app, environment.port, environment.host);
stopOnSignals(
  server,
  parties,
  () => kit.close(),
  async () => await redis?.close(),
);
console.log(`\n  Open ${baseUrl}${whoCanSignIn(environment)}\n`);
