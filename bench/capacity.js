/** Fills a Redis with logins as sign-ins leave them there, and prints what each takes. */
/* global console */
import { performance } from "node:perf_hooks";
import process from "node:process";
import { parseArgs } from "node:util";

import { createClient } from "redis";

import { redisClient } from "../dist/redis/redis-client.js";

import { PROFILES, createUsers } from "./capacity-logins.js";
import { startRedis } from "./redis.js";
import { table } from "./rounds.js";

const { values: options } = parseArgs({
  options: {
    /** Of the mixed fill; each kind alone has a tenth of them. */
    logins: { type: "string", default: "1000000" },
    /** Settings of the server, as `name=value`. */
    setting: { type: "string", multiple: true, default: [] },
  },
});
const LOGINS = Number(options.logins);
const AT_ONCE = 100;
/** Keys of each kind whose size is asked for one by one. */
const SAMPLES = 200;
/** How many logins the users have whose logins are all ended. */
const USERS_TO_END = [1, 3, 10, 100, 1000];

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const rows = [];
for (const profile of Object.keys(PROFILES)) {
  rows.push(await measured(profile, Math.ceil(LOGINS / 10)));
}
rows.push(await measured("mixed", LOGINS));
console.log(sizesTable(rows));
console.log(keysTable(rows));
console.log(endsTable(rows.at(-1).ends));

async function measured(profile, count) {
  const redis = await startRedis();
  const client = await createClient({ url: redis.url }).connect();
  for (const setting of options.setting) {
    await client.sendCommand(["CONFIG", "SET", ...setting.split("=")]);
  }
  const kitClient = await redisClient({ url: redis.url });
  const users = createUsers(kitClient, profile);
  // Scripts and the first allocations are nobody's login.
  await users.signIn();
  await client.flushAll();
  const before = await memory(client);
  const cpuBefore = process.cpuUsage();
  const redisCpuBefore = await cpuSeconds(client);
  const commandsBefore = (await redis.counts()).commands;
  const startedAt = Date.now();
  await inParts(count, users.signIn);
  const seconds = (Date.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const redisCpu = (await cpuSeconds(client)) - redisCpuBefore;
  const used = (await memory(client)) - before;
  const commands = (await redis.counts()).commands - commandsBefore;
  const row = {
    profile,
    count,
    bytes: used / count,
    keys: (await client.dbSize()) / count,
    tokens: users.tokenLength(),
    cpuMicroseconds: (user + system) / count,
    redisMicroseconds: (redisCpu * 1_000_000) / count,
    perSecond: count / seconds,
    commands: commands / count,
    kinds: await sizesByKind(client, count),
    ends: profile === "mixed" ? await timeEnds(users) : [],
  };
  await kitClient.close();
  client.destroy();
  await redis.stop();
  return row;
}

async function inParts(count, signIn) {
  for (let done = 0; done < count; done += AT_ONCE) {
    const part = Math.min(AT_ONCE, count - done);
    await Promise.all(Array.from({ length: part }, () => signIn()));
  }
}

async function timeEnds({ signInAs, endAll }) {
  const ends = [];
  for (const logins of USERS_TO_END) {
    const user = `user-with-${logins}`;
    await inParts(logins, () => signInAs(user));
    const startedAt = performance.now();
    const ended = await endAll(user);
    ends.push({ logins: ended, milliseconds: performance.now() - startedAt });
  }
  return ends;
}

/** Bytes that data take, without what clients' buffers do. */
async function memory(client) {
  const info = await client.sendCommand(["INFO", "memory"]);
  return Number(/used_memory_dataset:(\d+)/.exec(info)?.[1]);
}

async function cpuSeconds(client) {
  const info = await client.sendCommand(["INFO", "cpu"]);
  return ["used_cpu_user", "used_cpu_sys"]
    .map((name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]))
    .reduce((sum, one) => sum + one, 0);
}

/** Bytes of each kind of key, of some of them, and how many there are for a login. */
async function sizesByKind(client, count) {
  const kinds = new Map();
  let looked = 0;
  for await (const keys of client.scanIterator({ COUNT: 1000 })) {
    for (const key of keys) {
      looked += 1;
      const kind = kindOf(key);
      const known = kinds.get(kind) ?? { keys: 0, sampled: 0, bytes: 0 };
      kinds.set(kind, known);
      known.keys += 1;
      if (known.sampled >= SAMPLES) continue;
      known.sampled += 1;
      known.bytes += Number(
        await client.sendCommand(["MEMORY", "USAGE", key, "SAMPLES", "0"]),
      );
    }
    if (looked > 50_000) break;
  }
  const total = await client.dbSize();
  return [...kinds].map(([kind, { keys, sampled, bytes }]) => ({
    kind,
    perLogin: ((keys / looked) * total) / count,
    bytes: bytes / sampled,
  }));
}

/** `login-kit:app:{user.…}:logins` and `…:session:…` without what is in them. */
function kindOf(key) {
  return key
    .replace(/^[^:]+:[^:]+:/, "")
    .replace(/\{(user|sid|no-sid)\.[^}]*\}/, "{$1.…}")
    .replace(/\{[\w-]{22}\}/, "{id}")
    .replace(/^session:.*/, "session:id");
}

function sizesTable(measuredRows) {
  return table(
    "Logins | Bytes a login | Keys a login | Characters of its tokens | Commands a sign-in | CPU µs: writing process | CPU µs: Redis | Sign-ins/s, one process",
    measuredRows.map((row) => [
      `${row.profile}, ${row.count}`,
      Math.round(row.bytes),
      row.keys.toFixed(2),
      Math.round(row.tokens),
      row.commands.toFixed(1),
      Math.round(row.cpuMicroseconds),
      Math.round(row.redisMicroseconds),
      Math.round(row.perSecond),
    ]),
  );
}

function keysTable(measuredRows) {
  return table(
    "Logins | Key | For a login | Bytes each (`MEMORY USAGE`)",
    measuredRows.flatMap(({ profile, kinds }) =>
      kinds.map(({ kind, perLogin, bytes }) => [
        profile,
        `\`${kind}\``,
        perLogin.toFixed(2),
        Math.round(bytes),
      ]),
    ),
  );
}

function endsTable(ends) {
  return table(
    "Logins of the user | `kit.sessions.endAll`, ms",
    ends.map(({ logins, milliseconds }) => [logins, milliseconds.toFixed(1)]),
  );
}
