/** Starts the demo: the parties, the application, and what its buttons act on. */
import type { RequestListener } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { Levers } from "./buttons.js";
import { readEnvironment } from "./environment.js";
import type { Environment } from "./environment.js";
import { startParties, whoCanSignIn } from "./parties.js";
import type { Parties } from "./parties.js";
import { startRedisGate } from "./redis-gate.js";
import type { RedisGate } from "./redis-gate.js";
import { createSecondBrowser } from "./second-browser.js";
import { listen, stopOnSignals } from "./serve.js";
import { openShop } from "./shop.js";
import type { Shop } from "./shop.js";

/** How long Redis stays stalled after a restart. */
const STALLED_MS = 5_000;

/** Starts everything; SIGINT and SIGTERM end it. */
export async function startDemo(args: readonly string[]): Promise<void> {
  const environment = await readEnvironment(args);
  if (environment.redisUrl !== undefined) await needRedisPackages();
  const parties = await startParties(environment);
  const gate = await gateOf(environment);
  const levers: Levers = {
    provider: parties.provider,
    secondBrowser: secondBrowserOf(environment, parties),
    restart: gate && (() => restart(gate)),
  };
  const redisUrl = gate?.url ?? environment.redisUrl;
  let shop: Shop | undefined = await openShop(environment, redisUrl, levers);

  async function restart({ shut, open }: RedisGate): Promise<void> {
    const before = shop;
    if (before === undefined) return;
    shop = undefined;
    await before.close();
    await before.disconnect();
    shut();
    shop = await openShop(environment, redisUrl, levers);
    await wait(STALLED_MS);
    open();
  }

  const answer: RequestListener = (req, res) => {
    if (shop === undefined) starting(req, res);
    else shop.app(req, res);
  };
  const server = await listen(answer, environment.port, environment.host);
  stopOnSignals(
    server,
    parties.servers,
    async () => shop?.close(),
    async () => {
      await shop?.disconnect();
      await gate?.close();
    },
  );
  console.log(`\n  Open ${environment.baseUrl}${whoCanSignIn(environment)}\n`);
}

/** Applications without Redis do not install them. */
async function needRedisPackages(): Promise<void> {
  try {
    await import("express-login-kit/redis");
  } catch (error) {
    console.error(
      `REDIS_URL needs two more packages: npm install redis connect-redis@9 (${(error as Error).message})`,
    );
    process.exit(1);
  }
}

/** What a browser gets while the application is being started. */
const starting: RequestListener = (_req, res) => {
  res.writeHead(503, {
    "Content-Type": "application/json",
    "Retry-After": "2",
  });
  res.end(JSON.stringify({ title: "the application is starting" }));
};

/** Only a plain connection can pass a gate: a certificate names the host behind it. */
async function gateOf({
  redisUrl,
}: Environment): Promise<RedisGate | undefined> {
  return redisUrl?.startsWith("redis:") === true
    ? await startRedisGate(redisUrl)
    : undefined;
}

/** It knows the pages of the bundled provider only. */
function secondBrowserOf(
  { baseUrl, provider, secondProvider }: Environment,
  parties: Parties,
) {
  return parties.provider === undefined || secondProvider !== undefined
    ? undefined
    : createSecondBrowser(baseUrl, provider.issuer);
}
