/** Measures the built kit beside what one would have without it; prints Markdown. */
/* global console */
import { availableParallelism, loadavg } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { createLoad } from "./load.js";
import { createLogins } from "./logins.js";
import { startPeer } from "./peer.js";
import { startRedis } from "./redis.js";
import {
  beforeTable,
  forwardingTable,
  goalsTable,
  guardTable,
} from "./report.js";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    /** A folder for CPU profiles of all servers. */
    "cpu-prof": { type: "string" },
    /** A built checkout of another commit: its kit is measured beside this one. */
    against: { type: "string" },
  },
});
// Many short rounds: what disturbs the machine for a while then disturbs all.
const [rounds, seconds, warmUpSeconds] = options.quick
  ? [2, 0.3, 0.5]
  : [16, 0.5, 8];
/** Code that has served so many requests is compiled and optimized. */
const WARM = 10_000;
const LOGINS = 1000;
const ME_CONNECTIONS = 64;
const SMALL_CONNECTIONS = 64;
const LARGE_CONNECTIONS = 16;
const TABLES = ["me", "anonymous", "1 KB", "1 MB"];

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const redis = await startRedis();
const peers = join(dirname(fileURLToPath(import.meta.url)), "peers");
const start = (name, env = {}) =>
  startPeer(join(peers, `${name}.js`), {
    env: { REDIS_URL: redis.url, ...env },
    profiles: options["cpu-prof"],
  });

const upstream = await start("upstream");
const logins = await createLogins(redis.url, LOGINS);
const forwards = { UPSTREAM_URL: upstream.url };
const before =
  options.against === undefined
    ? undefined
    : await startBefore(resolve(options.against, "bench"));

/** The kit of another checkout, with logins that it has written itself. */
async function startBefore(folder) {
  const { createLogins: createLoginsBefore } = await import(
    pathToFileURL(join(folder, "logins.js")).href
  );
  const { kit: cookies } = await createLoginsBefore(redis.url, LOGINS);
  const startKit = () =>
    startPeer(join(folder, "peers", "kit.js"), {
      env: { REDIS_URL: redis.url, ...forwards },
      profiles: options["cpu-prof"],
    });
  return { cookies, startKit };
}

/** What is measured: a server, what it is asked for, by how many at once. */
function lane(table, name, server, path, cookies, connections, status) {
  return {
    table,
    name,
    server,
    load: createLoad({ url: server.url, path, cookies, connections, status }),
    samples: [],
  };
}

const me = (name, server, cookies) =>
  lane("me", name, server, "/me", cookies, ME_CONNECTIONS);
const anonymous = (name, server, status) =>
  lane("anonymous", name, server, "/me", undefined, ME_CONNECTIONS, status);
const byServerOptions = { ...forwards, SERVER_OPTIONS: "yes" };
const lanes = [
  me("bare Express", await start("bare-express"), logins.kit),
  me("Express and one GET", await start("express-one-get"), logins.oneGet),
  me("express-session", await start("express-session"), logins.expressSession),
  me("the kit", await start("kit", forwards), logins.kit),
  me(
    "the kit, five providers",
    await start("kit", { ...forwards, PROVIDERS: "several" }),
    logins.kit,
  ),
  me("the kit, serverOptions", await start("kit", byServerOptions), logins.kit),
  anonymous("bare Express", await start("bare-express"), 200),
  anonymous("the kit", await start("kit", forwards), 401),
  anonymous("the kit, serverOptions", await start("kit", byServerOptions), 401),
];
lanes.push(
  me(
    "the kit, inspector mounted",
    await start("kit", { ...forwards, INSPECTOR: "mounted" }),
    logins.kit,
  ),
);
if (before !== undefined) {
  lanes.push(me("the kit before", await before.startKit(), before.cookies));
}
const forwardLanes = (name, server, cookies) => {
  lanes.push(
    lane("1 KB", name, server, "/api/1kb", cookies, SMALL_CONNECTIONS),
    lane("1 MB", name, server, "/api/1mb", cookies, LARGE_CONNECTIONS),
  );
};
for (const [name, file, cookies, env = forwards] of [
  ["bare undici proxy", "undici-proxy", logins.kit],
  ["Express, one GET, undici", "express-undici", logins.oneGet],
  ["hpm and express-session", "hpm", logins.expressSession],
  ["the kit", "kit", logins.kit],
  ["the kit, serverOptions", "kit", logins.kit, byServerOptions],
]) {
  // One process for both sizes: both kinds of answers pass through one proxy in life, too.
  forwardLanes(name, await start(file, env), cookies);
}
if (before !== undefined) {
  forwardLanes("the kit before", await before.startKit(), before.cookies);
}

/** One stretch of load; what it cost its server and Redis. */
async function sample({ load, server }, duration) {
  const cpuBefore = await server.cpuMicroseconds();
  const redisBefore = await redis.counts();
  const { requests, bytes, milliseconds } = await load(duration * 1000);
  const redisAfter = await redis.counts();
  const cpu = (await server.cpuMicroseconds()) - cpuBefore;
  return {
    requestsPerSecond: requests / (milliseconds / 1000),
    megabytesPerSecond: bytes / 1000 / milliseconds,
    cpu: cpu / requests,
    commands: (redisAfter.commands - redisBefore.commands) / requests,
    bytesRead: (redisAfter.bytesOut - redisBefore.bytesOut) / requests,
  };
}

const count = Number(options.rounds ?? rounds);
// Table by table: what is compared is measured close together.
for (const table of TABLES) {
  const compared = lanes.filter((one) => one.table === table);
  for (const { load } of compared) {
    const enough = table === "1 MB" ? WARM / 20 : WARM;
    let served = 0;
    for (
      let spent = 0;
      spent < warmUpSeconds && served < enough;
      spent += 0.5
    ) {
      served += (await load(500)).requests;
    }
  }
  for (let round = 0; round < count; round++) {
    // Everyone is sometimes first: what goes before may leave garbage behind.
    const turn = round % compared.length;
    for (const one of [...compared.slice(turn), ...compared.slice(0, turn)]) {
      one.samples.push(await sample(one, seconds));
    }
  }
}

const of = (table) =>
  Object.fromEntries(
    lanes
      .filter((one) => one.table === table)
      .map(({ name, samples }) => [name, samples]),
  );
const [guarded, refused, small, large] = TABLES.map(of);
const [load] = loadavg();
console.log(`# express-login-kit bench

Node ${process.version}, ${availableParallelism()} CPUs, load average ${load.toFixed(1)}; ${count} rounds of ${seconds} s each. Medians; in brackets the smallest and the largest of all rounds.

## \`GET /me\`, ${LOGINS} logins, ${ME_CONNECTIONS} connections

${guardTable(guarded)}

## \`GET /me\` of somebody who is not signed in

${guardTable(refused)}

## Forwarding, ${SMALL_CONNECTIONS} connections for 1 KB, ${LARGE_CONNECTIONS} for 1 MB

${forwardingTable(small, large)}

## Goals

${goalsTable(guarded, refused, small, large)}`);
if (before !== undefined) {
  console.log(`
## The kit, beside ${options.against}

${beforeTable({ "GET /me": guarded, "1 KB": small, "1 MB": large })}`);
}
await Promise.all(
  [upstream, ...lanes.map(({ server }) => server)].map((server) =>
    server.stop(),
  ),
);
await redis.stop();
