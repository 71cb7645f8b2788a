/** Measures the kit beside what others use to sign users in; prints Markdown. */
/* global console, fetch */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, URLSearchParams } from "node:url";
import { parseArgs } from "node:util";

import { createClient } from "redis";

import { signIn, visit } from "../browser.js";
import { createLoad } from "../load.js";
import { startPeer } from "../peer.js";
import { startRedis } from "../redis.js";
import { inTurn, median, table } from "../rounds.js";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "8" },
    /** Only peers whose names hold this text, beside bare Express and the one by hand. */
    only: { type: "string", default: "" },
  },
});
const ROUNDS = Number(options.rounds);
const SIGN_INS = 50;
const LOAD_MS = 400;
const CONNECTIONS = 32;
/** How many requests come at once when the access token has just expired. */
const STAMPEDE = 200;
const TOKEN_SECONDS = 4;
const REFRESH_MS = 30;

const here = dirname(fileURLToPath(import.meta.url));
const others = join(here, "others");
const BARE = "bare Express";
const HAND = "by hand";
const KIT = "the kit";
const own = (file) => join(here, `${file}.js`);
const other = (file) => join(others, `${file}.js`);
const PEERS = [
  { name: BARE, file: own("bare-express"), isBare: true },
  { name: HAND, file: own("sign-in-by-hand") },
  { name: KIT, file: own("sign-in") },
  {
    name: "express-openid-connect, cookie",
    file: other("express-openid-connect"),
  },
  {
    name: "express-openid-connect, Redis",
    file: other("express-openid-connect"),
    env: { STORE: "redis" },
  },
  { name: "passport, openid-client", file: other("passport") },
  { name: "Auth.js", file: other("authjs"), begin: byForm },
].filter(
  ({ name }) => [BARE, HAND, KIT].includes(name) || name.includes(options.only),
);
const SIGNING_IN = PEERS.filter(({ isBare }) => !isBare);

process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
process.setMaxListeners(100);

if (!existsSync(join(others, "node_modules"))) {
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: others,
    stdio: ["ignore", "ignore", "inherit"],
  });
}
const redis = await startRedis();
const client = await createClient({ url: redis.url }).connect();
const provider = await startPeer(own("provider"), { env: {} });
const start = ({ file, env }, { url }) =>
  startPeer(file, {
    env: { REDIS_URL: redis.url, ISSUER: url, ...env },
    output: "ignore",
  });

const cells = new Map(PEERS.map(({ name }) => [name, []]));
/** Adds a column: the median, and what it is beside another's in the same rounds. */
function note(samples, beside) {
  for (const { name } of PEERS) {
    const values = samples.get(name);
    const base = samples.get(beside);
    cells
      .get(name)
      .push(
        ...(values === undefined
          ? ["", ""]
          : [
              Math.round(median(values)),
              median(values.map((one, round) => one / base[round])).toFixed(2),
            ]),
      );
  }
}

note(await startUps(), BARE);
const servers = new Map();
const cookies = new Map();
for (const peer of PEERS) {
  servers.set(peer.name, await start(peer, provider));
}
note(await signInCosts(), HAND);
for (const peer of SIGNING_IN) {
  const { url } = servers.get(peer.name);
  const signed = [];
  for (let index = 0; index < 20; index++) signed.push(await signIn(url, peer));
  cookies.set(
    peer.name,
    signed.map((jar) =>
      [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
    ),
  );
}
note(await requestCosts(true), BARE);
note(await requestCosts(false), BARE);
for (const server of servers.values()) await server.stop();
const sizes = await bytesOfLogins();
const stampedes = await stampedesOf();

console.log(
  `# Others\n\nNode ${process.version}, load average ${loadavg()[0].toFixed(1)}; ${ROUNDS} rounds. CPU of the server's process, medians; ratios within a round, median.\n`,
);
console.log(
  table(
    "Server | start-up, CPU ms | × bare | sign-in, CPU µs | × by hand | guarded, CPU µs | × bare | anonymous, CPU µs | × bare",
    PEERS.map(({ name }) => [name, ...cells.get(name)]),
  ),
);
console.log(
  table(
    `Server | bytes of a login in Redis | in the browser's cookies | ${STAMPEDE} at an expired token: token requests | failed | two processes: token requests | failed`,
    SIGNING_IN.map(({ name }) => [
      name,
      ...sizes.get(name),
      ...stampedes.get(name),
    ]),
  ),
);
client.destroy();
await provider.stop();
await redis.stop();
process.exit();

/** Of Auth.js: a form with a token against forgery. */
async function byForm(origin, jar) {
  const { body } = await visit(origin, "/auth/csrf", jar);
  const form = new URLSearchParams(JSON.parse(body));
  return visit(origin, "/auth/signin/op", jar, form);
}

function startUps() {
  return inTurn(PEERS, ROUNDS, async (peer) => {
    const server = await start(peer, provider);
    await visit(server.url, "/me", new Map());
    const cpu = await server.cpuMicroseconds();
    await server.stop();
    return cpu / 1000;
  });
}

async function signInCosts() {
  const signIns = async (peer, count) => {
    const { url } = servers.get(peer.name);
    let left = count;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (left-- > 0) await signIn(url, peer);
      }),
    );
  };
  for (const peer of SIGNING_IN) await signIns(peer, 500);
  return inTurn(SIGNING_IN, ROUNDS, (peer) =>
    cpuFor(peer, async () => {
      await signIns(peer, SIGN_INS);
      return SIGN_INS;
    }),
  );
}

async function requestCosts(isSignedIn) {
  const loads = new Map(
    PEERS.map(({ name, isBare }) => [
      name,
      createLoad({
        url: servers.get(name).url,
        path: "/me",
        cookies: isSignedIn ? cookies.get(name) : undefined,
        connections: CONNECTIONS,
        status: isSignedIn || isBare ? 200 : 401,
        headers: ["X-Forwarded-Proto: https"],
      }),
    ]),
  );
  // Until it is compiled.
  for (const load of loads.values()) {
    for (let served = 0, turn = 0; served < 5000 && turn < 10; turn++) {
      served += (await load(500)).requests;
    }
  }
  return inTurn(PEERS, ROUNDS, (peer) =>
    cpuFor(peer, async () => (await loads.get(peer.name)(LOAD_MS)).requests),
  );
}

/** CPU µs of the server for each of so many. */
async function cpuFor({ name }, act) {
  const server = servers.get(name);
  const before = await server.cpuMicroseconds();
  const count = await act();
  return ((await server.cpuMicroseconds()) - before) / count;
}

async function bytesOfLogins() {
  const found = new Map();
  for (const peer of SIGNING_IN) {
    const server = await start(peer, provider);
    await client.flushAll();
    const jars = [];
    for (let index = 0; index < SIGN_INS; index++) {
      const jar = await signIn(server.url, peer);
      await visit(server.url, "/me", jar);
      jars.push(jar);
    }
    let bytes = 0;
    for (const key of await client.keys("*")) {
      // What is left of a sign-in for a minute or ten.
      if (/:(transaction|outcome):/.test(key)) continue;
      bytes += Number(
        await client.sendCommand(["MEMORY", "USAGE", key, "SAMPLES", "0"]),
      );
    }
    const inCookies = jars.map((jar) =>
      [...jar].reduce(
        (sum, [name, value]) => sum + name.length + value.length + 3,
        0,
      ),
    );
    found.set(peer.name, [Math.round(bytes / SIGN_INS), median(inCookies)]);
    await server.stop();
  }
  return found;
}

/** Token requests, and requests that failed, in one process and in two. */
async function stampedesOf() {
  const expiring = await startPeer(own("provider"), {
    env: { TOKEN_SECONDS, REFRESH_MS },
  });
  const counts = async () => (await fetch(`${expiring.url}/counts`)).json();
  const found = new Map(SIGNING_IN.map(({ name }) => [name, []]));
  for (const peer of SIGNING_IN) {
    const both = [await start(peer, expiring), await start(peer, expiring)];
    for (const processes of [both.slice(0, 1), both]) {
      const jar = await signIn(processes[0].url, peer);
      // Each has compiled what it needs, and is connected.
      for (const { url } of processes) await visit(url, "/token", new Map(jar));
      await sleep(TOKEN_SECONDS * 1000 + 100);
      const before = await counts();
      const answers = await Promise.all(
        Array.from({ length: STAMPEDE }, (_, index) => {
          const { url } = processes[index % processes.length];
          return visit(url, "/token", new Map(jar));
        }),
      );
      const after = await counts();
      const failed = answers.filter(({ status }) => status !== 200).length;
      found.get(peer.name).push(after.refreshes - before.refreshes, failed);
    }
    for (const server of both) await server.stop();
  }
  await expiring.stop();
  return found;
}
