/** Measures a forwarded request whose token is bound to a key (DPoP) beside one with a Bearer token; prints Markdown. */
/* global console */
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { createLoad } from "./load.js";
import { createLogins } from "./logins.js";
import { startPeer } from "./peer.js";
import { startRedis } from "./redis.js";
import { inTurn, median, ratios, table } from "./rounds.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "16" },
    /** Seconds of a round, and those before the first. */
    seconds: { type: "string", default: "0.5" },
    "warm-up": { type: "string", default: "6" },
    /** Users, each with a key. */
    logins: { type: "string", default: "1000" },
    /** A folder for CPU profiles of the servers. */
    "cpu-prof": { type: "string" },
  },
});
const CONNECTIONS = 64;
const MOST_TIMES_BEARER = 1.6;

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const redis = await startRedis();
const peers = join(dirname(fileURLToPath(import.meta.url)), "peers");
const start = (name, env = {}) =>
  startPeer(join(peers, `${name}.js`), {
    env: { REDIS_URL: redis.url, ...env },
    profiles: options["cpu-prof"],
  });
const upstreams = {
  Bearer: await start("upstream"),
  DPoP: await start("upstream", { SCHEME: "DPoP" }),
};

/** An application of its own for each, with users whose tokens are of this kind. */
async function startLane(name, path, algorithm) {
  const upstream = upstreams[algorithm === undefined ? "Bearer" : "DPoP"];
  const server = await start("kit", { UPSTREAM_URL: upstream.url });
  const count = Number(options.logins);
  const { kit: cookies } = await createLogins(redis.url, count, algorithm);
  const { url } = server;
  const load = createLoad({ url, path, cookies, connections: CONNECTIONS });
  return { name, server, load };
}

const BEARER = "Bearer, forwarded";
const ES256 = "ES256, forwarded";
const GUARDED = "Bearer, guarded";
const lanes = [
  await startLane(BEARER, "/api/1kb"),
  await startLane(ES256, "/api/1kb", "ES256"),
  await startLane("Ed25519, forwarded", "/api/1kb", "Ed25519"),
  await startLane(GUARDED, "/me"),
  await startLane("ES256, guarded", "/me", "ES256"),
];
for (const { load } of lanes) await load(Number(options["warm-up"]) * 1000);

const samples = await inTurn(
  lanes,
  Number(options.rounds),
  async ({ server, load }) => {
    const before = await server.cpuMicroseconds();
    const { requests } = await load(Number(options.seconds) * 1000);
    return ((await server.cpuMicroseconds()) - before) / requests;
  },
);

console.log(
  `# Proofs of possession\n\nNode ${process.version}, load average ${loadavg()[0].toFixed(1)}; ${options.rounds} rounds of ${options.seconds} s, ${CONNECTIONS} connections, ${options.logins} users. Medians; in brackets the smallest and the largest.\n`,
);
console.log(
  table(
    "Token, request | CPU µs | × Bearer",
    lanes.map(({ name }) => {
      const own = samples.get(name);
      const bearer = name.endsWith("guarded") ? GUARDED : BEARER;
      return [name, Math.round(median(own)), ratios(own, samples.get(bearer))];
    }),
  ),
);
const times = median(samples.get(ES256)) / median(samples.get(BEARER));
console.log(
  `Goal: forwarded with ES256 at most ${MOST_TIMES_BEARER} × Bearer: ${times.toFixed(2)}, ${times <= MOST_TIMES_BEARER ? "met" : "**missed**"}.`,
);

await Promise.all(lanes.map(({ server }) => server.stop()));
await upstreams.Bearer.stop();
await upstreams.DPoP.stop();
await redis.stop();
