/** The provider, the resource server and the two processes of an application that are put to the test. */
/* global URL */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { startProvider } from "../../dist/testing/provider/provider.js";

const ACCESS_TOKEN_SECONDS = 5;
const SECRET = "a session secret of thirty-two characters";
const APP = fileURLToPath(new URL("app.js", import.meta.url));

/** Every refresh token that was sent, as often as it was. */
export function refreshTokens({ received }) {
  return received
    .map(({ form }) => form.get("refresh_token"))
    .filter((token) => token !== null);
}

/**
 * Starts them.
 *
 * @param ends gets what ends them
 * @param location of Redis
 */
export async function startParties(ends, location) {
  // Nobody listens here: a balancer would.
  const baseUrl = "http://127.0.0.1:3000";
  const provider = await startProvider({
    clients: [
      {
        clientId: "shop",
        clientSecret: "the secret of the shop",
        redirectUris: [`${baseUrl}/callback`],
        postLogoutRedirectUris: [`${baseUrl}/logged-out`],
      },
    ],
    accessTokenSeconds: ACCESS_TOKEN_SECONDS,
    rotatesRefreshTokens: true,
  });
  ends.push(() => provider.close());
  const orders = createServer((req, res) => {
    const token = /^Bearer (.+)/.exec(req.headers.authorization ?? "")?.[1];
    const issued = provider.grants.accessToken(token ?? "");
    const isGood = issued !== undefined && issued.expiresAt * 1000 > Date.now();
    res.writeHead(isGood ? 200 : 401, { "content-type": "application/json" });
    res.end(JSON.stringify({ sub: issued?.grant.sub }));
  }).listen(0, "127.0.0.1");
  await once(orders, "listening");
  ends.push(() => orders.closeAllConnections());
  ends.push(() => orders.close());
  const kit = {
    issuer: provider.issuer,
    clientId: "shop",
    clientSecret: "the secret of the shop",
    baseUrl,
    session: { secret: SECRET },
    scope: "openid offline_access",
    refreshLeewaySeconds: 1,
    resourceServers: {
      orders: { url: `http://127.0.0.1:${orders.address().port}/v1` },
    },
  };
  const ended = new Map();
  const startApp = async () => {
    const child = fork(APP, {
      env: { ...process.env, BENCH_APP: JSON.stringify({ location, kit }) },
      execArgv: ["--expose-gc"],
    });
    process.once("exit", () => child.kill("SIGKILL"));
    const [{ port }] = await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => {
        throw new Error("a process of the application does not start");
      }),
    ]);
    child.on("message", ({ ended: id, reason }) => {
      if (id !== undefined) ended.set(id, reason);
    });
    /** What the process holds, after a garbage collection. */
    const vitals = async () => {
      child.send("vitals");
      for (;;) {
        const [message] = await once(child, "message");
        if (message.vitals !== undefined) return message.vitals;
      }
    };
    const stop = async () => {
      if (child.exitCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    };
    ends.push(stop);
    return { port, stop, vitals };
  };
  const apps = [await startApp(), await startApp()];
  const ports = apps.map(({ port }) => port);
  return {
    provider,
    baseUrl,
    ports,
    vitals: () => Promise.all(apps.map((app) => app.vitals())),
    /** How many logins ended for each reason, but for sign-outs. */
    reasons() {
      const counts = {};
      for (const reason of ended.values()) {
        if (reason !== "logout") counts[reason] = (counts[reason] ?? 0) + 1;
      }
      return counts;
    },
    /** One after the other: the new one is there, the old one gets nothing more, and stops. */
    async restart() {
      for (const [index, app] of apps.entries()) {
        ports[index] = (await startApp()).port;
        await app.stop();
        await sleep(1000);
      }
    },
  };
}
