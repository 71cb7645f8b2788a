/** Lets Redis fail over, and the application restart, under load; prints what users noticed. */
/* global console, setTimeout */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { startLoad } from "./failover/load.js";
import { refreshTokens, startParties } from "./failover/parties.js";
import {
  createGround,
  endAll,
  startCluster,
  startSentinels,
} from "./failover/servers.js";

const { values: options } = parseArgs({
  options: {
    /** About a minute: four cases, with less patient servers. */
    quick: { type: "boolean", default: false },
    /** Only cases whose names hold this text. */
    only: { type: "string", default: "" },
    users: { type: "string" },
  },
});
const USERS = Number(options.users ?? (options.quick ? 15 : 50));
/** Load before the fault, and after everybody was served again. */
const AROUND_MS = options.quick ? 2500 : 8000;
/** How long the load goes on at most for everybody to be served again. */
const SERVED_WITHIN_MS = options.quick ? 20_000 : 60_000;
const HANG_MS = options.quick ? 5000 : 10_000;
const DOWN_AFTER_MS = options.quick ? 1000 : 2000;
const NODE_TIMEOUT_MS = options.quick ? 2000 : 5000;

const sentinels = (ground) =>
  startSentinels(ground, { downAfter: DOWN_AFTER_MS });
const cluster = (ground) =>
  startCluster(ground, { nodeTimeout: NODE_TIMEOUT_MS });

const kill = async ({ redis }) => {
  (await redis.primary()).signal("SIGKILL");
};
const hang = async ({ redis }) => {
  const primary = await redis.primary();
  primary.signal("SIGSTOP");
  setTimeout(() => primary.signal("SIGCONT"), HANG_MS);
  await sleep(HANG_MS);
};

const CASES = [
  { name: "Sentinel, kill -9", start: sentinels, fault: kill, isQuick: true },
  { name: "Sentinel, the primary hangs", start: sentinels, fault: hang },
  {
    name: "Sentinel, planned failover after CLIENT PAUSE",
    start: sentinels,
    async fault({ redis }) {
      await (await redis.primary()).ask(["CLIENT", "PAUSE", "15000", "WRITE"]);
      await sleep(500);
      await redis.planFailover();
    },
  },
  { name: "Cluster, kill -9", start: cluster, fault: kill, isQuick: true },
  { name: "Cluster, a primary hangs", start: cluster, fault: hang },
  {
    name: "Cluster, 500 slots moved",
    start: cluster,
    isQuick: true,
    fault: ({ redis }) => redis.reshard(500),
  },
  {
    name: "Rolling restart of the application",
    start: sentinels,
    isQuick: true,
    fault: ({ restart }) => restart(),
  },
];

const HEAD = [
  "Case",
  "Longest gap of a user (s)",
  "Requests",
  "503",
  "Other failures",
  "Wrong answers",
  "Acknowledged logins lost",
  "Signed-out logins that came back",
  "Refreshes",
  "Token requests per expiry",
];

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

// Each server and each process ends with this one.
process.setMaxListeners(100);

const rows = [];
console.log(tableHead());
for (const one of CASES) {
  if (options.quick && !one.isQuick) continue;
  if (!one.name.includes(options.only)) continue;
  const row = await tried(one);
  rows.push(row);
  console.log(tableLine(row));
}
const failures = rows.filter(({ wrong, revived }) => wrong + revived > 0);
process.exit(failures.length === 0 ? 0 : 1);

async function tried({ name, start, fault }) {
  const ground = await createGround(
    join(mkdtempSync(join(tmpdir(), "failover-")), "run"),
  );
  const ends = [() => endAll(ground)];
  try {
    const redis = await start(ground);
    const parties = await startParties(ends, redis.location);
    const { provider, ports, restart } = parties;
    const { baseUrl } = parties;
    const load = await startLoad({ users: USERS, baseUrl, ports });
    await sleep(AROUND_MS);
    const refreshesBefore = refreshTokens(provider).length;
    load.beginFault();
    const beganAt = performance.now();
    await fault({ redis, restart });
    const giveUpAt = performance.now() + SERVED_WITHIN_MS;
    await sleep(1000);
    const looked = performance.now();
    while (!load.allServedSince(looked) && performance.now() < giveUpAt) {
      await sleep(100);
    }
    const tookSeconds = (performance.now() - beganAt) / 1000;
    await sleep(AROUND_MS);
    const result = await load.stop();
    const sent = refreshTokens(provider);
    return {
      name,
      ...result,
      ...load.counts,
      tookSeconds,
      revived: result.revived.length,
      lost: result.lost.length,
      reasons: parties.reasons(),
      refreshes: sent.length - refreshesBefore,
      perExpiry: sent.length / new Set(sent).size,
    };
  } finally {
    for (const end of ends.reverse()) await end();
    rmSync(join(ground.folder, ".."), { recursive: true, force: true });
  }
}

function tableHead() {
  return [
    lineOf(HEAD),
    lineOf(HEAD.map((_, index) => (index === 0 ? "---" : "--:"))),
  ].join("\n");
}

function tableLine(row) {
  const codes = [...row.codes].map(([code, n]) => `${n} ${code}`);
  const others = [...row.other].map(([status, n]) => `${n} × ${status}`);
  return lineOf([
    row.name,
    row.gapSeconds.toFixed(1),
    row.asked,
    codes.join(", ") || 0,
    others.join(", ") || 0,
    row.wrong,
    `${row.lost} of ${row.acknowledged}${reasonsOf(row)}`,
    `${row.revived} of ${row.signedOut}`,
    row.refreshes,
    row.perExpiry.toFixed(2),
  ]);
}

function lineOf(cells) {
  return `| ${cells.join(" | ")} |`;
}

function reasonsOf({ reasons }) {
  const told = Object.entries(reasons).map(([reason, n]) => `${n} ${reason}`);
  return told.length === 0 ? "" : ` (${told.join(", ")})`;
}
