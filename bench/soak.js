/** Everything at once for minutes, while Redis is killed and comes back; prints what was lost, and what grows. */
/* global console, fetch */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { URLSearchParams } from "node:url";
import { parseArgs } from "node:util";

import { startLoad } from "./failover/load.js";
import { refreshTokens, startParties } from "./failover/parties.js";
import { createGround, endAll, startSentinels } from "./failover/servers.js";
import { startStreams } from "./failover/streams.js";
import { table } from "./rounds.js";

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    users: { type: "string", default: "40" },
    /** Pages that listen for the end of their login. */
    pages: { type: "string", default: "10" },
  },
});
const MINUTE_MS = 60_000;
const TOTAL_MS = Number(options.minutes) * MINUTE_MS;
/** Redis is killed so often, and is back so long afterwards. */
const KILL_EVERY_MS = Math.min(MINUTE_MS, TOTAL_MS / 2);
const BACK_AFTER_MS = 10_000;

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
process.setMaxListeners(100);

const ground = await createGround(
  join(mkdtempSync(join(tmpdir(), "soak-")), "run"),
);
const ends = [() => endAll(ground)];
try {
  if (!(await soak())) process.exitCode = 1;
} finally {
  for (const end of ends.reverse()) await end();
  rmSync(join(ground.folder, ".."), { recursive: true, force: true });
}
process.exit();

/** Whether nobody was answered wrongly, nothing came back, and nothing is kept for ever. */
async function soak() {
  const redis = await startSentinels(ground, { downAfter: 2000 });
  const parties = await startParties(ends, redis.location);
  const { provider, baseUrl, ports } = parties;
  const load = await startLoad({
    users: Number(options.users),
    baseUrl,
    ports,
  });
  const streams = startStreams({
    pages: Number(options.pages),
    baseUrl,
    ports,
    postLogoutToken: (port, sub) => postLogoutToken(provider, port, sub),
  });
  const beganAt = performance.now();
  const left = () => beganAt + TOTAL_MS - performance.now();
  // What a process needs for all it does is there after a quarter.
  await sleep(TOTAL_MS / 4);
  const early = await stateOf(parties, redis);
  let kills = 0;
  while (left() > KILL_EVERY_MS / 2) {
    const primary = await redis.primary();
    primary.signal("SIGKILL");
    kills += 1;
    await sleep(BACK_AFTER_MS);
    primary.revive();
    await sleep(Math.max(0, Math.min(KILL_EVERY_MS - BACK_AFTER_MS, left())));
  }
  await sleep(Math.max(0, left()));
  await streams.stop();
  const late = await stateOf(parties, redis);
  const result = await load.stop();
  const sent = refreshTokens(provider);
  print({
    kills,
    counts: load.counts,
    result,
    streams: streams.counts,
    refreshes: sent.length,
    perExpiry: sent.length / new Set(sent).size,
    reasons: parties.reasons(),
    early,
    late,
  });
  const { wrong } = load.counts;
  const { revived } = result;
  return (
    wrong + revived.length + streams.counts.revived === 0 &&
    late.endless === 0 &&
    late.vitals.every(({ warnings }) => warnings === 0)
  );
}

/** The provider ends all logins of a user (Back-Channel Logout 2.5); 0: no answer. */
async function postLogoutToken(provider, port, sub) {
  try {
    const { status } = await fetch(
      `http://127.0.0.1:${port}/backchannel-logout`,
      {
        method: "POST",
        body: new URLSearchParams({
          logout_token: provider.logoutToken({ sub, sid: undefined }),
        }),
      },
    );
    return status;
  } catch {
    return 0;
  }
}

/** What the processes and Redis hold now. */
async function stateOf(parties, redis) {
  const primary = await redis.primary();
  const keys = new Map();
  let endless = 0;
  for (const key of await primary.ask(["KEYS", "*"])) {
    const kind = key
      .replace(/^[^:]+:[^:]+:/, "")
      .replace(/\{[^}]*\}/, "{…}")
      .replace(/^(session|response|client):.*/, "$1:…");
    keys.set(kind, (keys.get(kind) ?? 0) + 1);
    if (Number(await primary.ask(["PTTL", key])) === -1) endless += 1;
  }
  return { vitals: await parties.vitals(), keys, endless };
}

function print({ counts, result, streams, early, late, ...one }) {
  const codes = [...counts.codes].map(([code, n]) => `${n} ${code}`);
  const others = [...counts.other].map(([status, n]) => `${n} × ${status}`);
  const reasons = Object.entries(one.reasons).map(([why, n]) => `${n} ${why}`);
  console.log(
    `# Soak: ${options.minutes} minutes, two processes, ${options.users} users, ${options.pages} listening pages, Redis killed ${one.kills} times\n`,
  );
  console.log(
    table("What users noticed | Count", [
      ["requests", counts.asked],
      ["503", codes.join(", ") || 0],
      ["other answers", others.join(", ") || 0],
      ["longest gap of a user, s", result.gapSeconds.toFixed(1)],
      ["wrong answers", counts.wrong],
      [
        "acknowledged logins lost",
        `${result.lost.length} of ${result.acknowledged}`,
      ],
      ["logins that ended but for sign-outs", reasons.join(", ") || 0],
      [
        "signed-out logins that came back",
        `${result.revived.length + streams.revived} of ${result.signedOut + streams.opened}`,
      ],
      ["refreshes", one.refreshes],
      ["token requests per expiry", one.perExpiry.toFixed(2)],
      ["event streams", streams.opened],
      ["ended by sign-out", streams.signedOut],
      ["ended by the provider, back-channel", streams.endedByProvider],
      ["streams that broke off without the event", streams.broken],
      ["streams that did not notice the end", streams.unnoticed],
    ]),
  );
  const megabytes = (bytes) => (bytes / 1024 / 1024).toFixed(1);
  const of = ({ vitals }, read) => vitals.map(read).join(", ");
  const row = (name, read) => [name, of(early, read), of(late, read)];
  console.log(
    table("Held by the two processes | After a quarter | At the end", [
      row("heap after garbage collection, MB", ({ heapBytes }) =>
        megabytes(heapBytes),
      ),
      row("sockets", ({ open }) => open["TCPSocketWrap"] ?? 0),
      row("timers", ({ open }) => open["Timeout"] ?? 0),
      row("listeners of the process and the kit", (vital) => vital.listeners),
      row("warnings of Node", ({ warnings }) => warnings),
    ]),
  );
  const kinds = [...new Set([...early.keys.keys(), ...late.keys.keys()])];
  console.log(
    table("Keys in Redis | After a quarter | At the end", [
      ...kinds
        .sort()
        .map((kind) => [
          `\`${kind}\``,
          early.keys.get(kind) ?? 0,
          late.keys.get(kind) ?? 0,
        ]),
      ["without an end", early.endless, late.endless],
    ]),
  );
}
