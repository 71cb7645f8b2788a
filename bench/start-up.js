/** Measures CPU from the start of a process to its first answer; prints Markdown. */
/* global console */
import { loadavg } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { visit } from "./browser.js";
import { startPeer } from "./peer.js";
import { startRedis } from "./redis.js";
import { inTurn, median, ratios, table } from "./rounds.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    /** A folder for CPU profiles of the servers. */
    "cpu-prof": { type: "string" },
    /** A built checkout of another commit: its kit is measured beside this one. */
    against: { type: "string" },
  },
});

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const redis = await startRedis();
const here = dirname(fileURLToPath(import.meta.url));
const provider = await startPeer(join(here, "peers", "provider.js"), {
  env: {},
});
const env = { REDIS_URL: redis.url, ISSUER: provider.url };
const lane = (name, file, further = {}, folder = here) => ({
  name,
  file: join(folder, "peers", `${file}.js`),
  env: { ...env, ...further },
});
const BARE = "bare Express";
/** The embedded store is for development. */
const WITHOUT = { REDIS_URL: "", NODE_ENV: "development" };
const HAND = "by hand, with Redis";
const lanes = [
  lane(BARE, "bare-express"),
  lane(HAND, "sign-in-by-hand"),
  lane("the kit, with Redis", "sign-in"),
  lane("the kit, without Redis", "sign-in", WITHOUT),
];
if (options.against !== undefined) {
  const before = join(resolve(options.against), "bench");
  lanes.push(lane("the kit before, with Redis", "sign-in", {}, before));
  lanes.push(lane("the kit before, without Redis", "sign-in", WITHOUT, before));
}

const samples = await inTurn(lanes, Number(options.rounds), async (one) => {
  const server = await startPeer(one.file, {
    env: one.env,
    output: "ignore",
    profiles: options["cpu-prof"],
  });
  const { status } = await visit(server.url, "/me", new Map());
  const cpu = await server.cpuMicroseconds();
  await server.stop();
  if (status >= 500) throw new Error(`${one.name}: answered ${status}`);
  return cpu / 1000;
});

console.log(
  `# Start-up to the first answer\n\nNode ${process.version}, load average ${loadavg()[0].toFixed(1)}; ${options.rounds} starts each. Medians; in brackets the smallest and the largest.\n`,
);
console.log(
  table(
    "Server | CPU ms | × bare Express | × by hand",
    lanes.map(({ name }) => [
      name,
      Math.round(median(samples.get(name))),
      ratios(samples.get(name), samples.get(BARE)),
      ratios(samples.get(name), samples.get(HAND)),
    ]),
  ),
);
await provider.stop();
await redis.stop();
process.exit();
