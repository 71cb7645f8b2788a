/** Measures a whole sign-in, login and callback, beside one that is written by hand; prints Markdown. */
/* global console */
import { loadavg } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { signIn, visit } from "./browser.js";
import { startPeer } from "./peer.js";
import { startRedis } from "./redis.js";
import { inTurn, median, ratios, table } from "./rounds.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "12" },
    /** Sign-ins of a round. */
    count: { type: "string", default: "150" },
    /** Sign-ins before the first round: as many requests as a guarded route gets in bench.js before it is measured. */
    "warm-up": { type: "string", default: "5000" },
    /** A folder for CPU profiles of the servers. */
    "cpu-prof": { type: "string" },
    /** A built checkout of another commit: its kit is measured beside this one. */
    against: { type: "string" },
  },
});
const AT_ONCE = 8;

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const redis = await startRedis();
const here = dirname(fileURLToPath(import.meta.url));
const start = (file, env = {}) =>
  startPeer(file, {
    env: { REDIS_URL: redis.url, ...env },
    profiles: options["cpu-prof"],
  });
const provider = await start(join(here, "peers", "provider.js"));
const env = { ISSUER: provider.url };
const byHand = join(here, "peers", "sign-in-by-hand.js");
const HAND = "by hand";
const lanes = [
  { name: HAND, server: await start(byHand, env) },
  {
    name: "by hand, signature not checked",
    server: await start(byHand, { ...env, SIGNATURE: "unchecked" }),
  },
  {
    name: "the kit",
    server: await start(join(here, "peers", "sign-in.js"), env),
  },
];
if (options.against !== undefined) {
  const file = join(resolve(options.against), "bench", "peers", "sign-in.js");
  lanes.push({ name: "the kit before", server: await start(file, env) });
}

for (const { name, server } of lanes) {
  const cookies = await signIn(server.url);
  const { status } = await visit(server.url, "/me", cookies);
  if (status !== 200)
    throw new Error(`${name}: signed in, but /me is ${status}`);
  await signIns(server, Number(options["warm-up"]));
}

const samples = await inTurn(lanes, Number(options.rounds), async (lane) => {
  const count = Number(options.count);
  const cpuBefore = await lane.server.cpuMicroseconds();
  const before = await redis.counts();
  await signIns(lane.server, count);
  const after = await redis.counts();
  const cpu = (await lane.server.cpuMicroseconds()) - cpuBefore;
  return {
    cpu: cpu / count,
    commands: (after.commands - before.commands) / count,
  };
});

const cpuOf = (name) => samples.get(name).map(({ cpu }) => cpu);
console.log(
  `# Sign-in\n\nNode ${process.version}, load average ${loadavg()[0].toFixed(1)}; ${options.rounds} rounds of ${options.count} sign-ins, ${AT_ONCE} at once. Medians; in brackets the smallest and the largest.\n`,
);
console.log(
  table(
    "Sign-in | CPU µs | × by hand | Redis commands, also in scripts",
    lanes.map(({ name }) => [
      name,
      Math.round(median(cpuOf(name))),
      ratios(cpuOf(name), cpuOf(HAND)),
      median(samples.get(name).map(({ commands }) => commands)).toFixed(1),
    ]),
  ),
);
await Promise.all(
  [provider, ...lanes.map((one) => one.server)].map((one) => one.stop()),
);
await redis.stop();
process.exit();

async function signIns({ url }, count) {
  let left = count;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await signIn(url);
    }),
  );
}
