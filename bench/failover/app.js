/** One process of the application: it tells its parent what ends logins, and stops as docs/ending-logins.md says. */
/* global gc */
import { createServer } from "node:http";
import process from "node:process";

import express from "express";

import { createLoginKit } from "../../dist/kit.js";
import { loginOf } from "../../dist/express/login-of.js";
import { redisClient } from "../../dist/redis/redis-client.js";

const { location, kit: kitOptions } = JSON.parse(process.env["BENCH_APP"]);

const redis = await redisClient({
  ...location,
  onError: () => undefined,
  connectSeconds: 20,
});
const kit = createLoginKit({ ...kitOptions, redis });
kit.events.on("login.ended", ({ loginId, reason }) => {
  process.send?.({ ended: loginId, reason }, () => undefined);
});

const app = express();
app.set("env", "test");
app.use(kit.routes);
app.get("/me", kit.requireAuth(), (req, res) => {
  const { id, claims } = loginOf(req);
  res.json({ id, sub: claims.sub });
});
app.use("/api", kit.requireAuth({ forward: "orders" }));
app.use(kit.errorHandler);

const server = createServer(app);
server.listen(0, "127.0.0.1", () => {
  process.send({ port: server.address().port });
});

let warnings = 0;
process.on("warning", () => (warnings += 1));
process.on("message", (question) => {
  if (question !== "vitals") return;
  gc();
  const open = {};
  for (const kind of process.getActiveResourcesInfo()) {
    open[kind] = (open[kind] ?? 0) + 1;
  }
  const listeners = [process, kit.events]
    .flatMap((emitter) =>
      emitter.eventNames().map((name) => emitter.listenerCount(name)),
    )
    .reduce((sum, one) => sum + one, 0);
  const heapBytes = process.memoryUsage().heapUsed;
  process.send({ vitals: { heapBytes, open, listeners, warnings } });
});

process.once("SIGTERM", async () => {
  server.close();
  server.closeIdleConnections();
  await kit.close();
  await redis.close();
  process.exit(0);
});
process.once("disconnect", () => process.exit());
