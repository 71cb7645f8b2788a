/** Measures the kit beside what others use to sign users in; prints Markdown. */
/* global console, fetch */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
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
// Some refresh five seconds ahead; what is left is for requests that need no refresh.
const TOKEN_SECONDS = 8;
const REFRESH_MS = 30;
const HEAP_WARM_UP = 5_000;
const HEAP_REQUESTS = 50_000;

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
  // Its tokens are in a database, which is in memory here: no two processes share it.
  {
    name: "better-auth, users in memory",
    file: other("better-auth"),
    oneProcess: true,
  },
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
const start = ({ file, env }, { url }, further = {}) =>
  startPeer(file, {
    env: { REDIS_URL: redis.url, ISSUER: url, ...env },
    output: "ignore",
    ...further,
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
  cookies.set(peer.name, await signedIn(url, peer));
}
note(await requestCosts(true), BARE);
note(await requestCosts(false), BARE);
for (const server of servers.values()) await server.stop();
const heaps = await heapsOf();
const sizes = await bytesOfLogins();
const stampedes = await stampedesOf();

console.log(
  `# Others\n\nNode ${process.version}, load average ${loadavg()[0].toFixed(1)}; ${ROUNDS} rounds. CPU of the server's process, medians; ratios within a round, median.\n`,
);
console.log(
  table(
    `Server | start-up, CPU ms | × bare | sign-in, CPU µs | × by hand | guarded, CPU µs | × bare | anonymous, CPU µs | × bare | ${HEAP_REQUESTS} guarded: heap grows by, KB`,
    PEERS.map(({ name }) => [name, ...cells.get(name), heaps.get(name)]),
  ),
);
console.log(
  table(
    `Server | bytes of a login in Redis | in the browser's cookies | ${STAMPEDE} at an expired token: token requests | failed | p99, ms | control | two processes: token requests | failed | p99, ms | control`,
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

/** Cookies of 20 users, for a load. */
async function signedIn(url, peer) {
  const jars = [];
  for (let index = 0; index < 20; index++) jars.push(await signIn(url, peer));
  return jars.map((jar) =>
    [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
  );
}

/** @param signed undefined: nobody is signed in */
function loadOf({ isBare }, url, signed) {
  return createLoad({
    url,
    path: "/me",
    cookies: signed,
    connections: CONNECTIONS,
    status: signed !== undefined || isBare ? 200 : 401,
    headers: ["X-Forwarded-Proto: https"],
  });
}

async function requestCosts(isSignedIn) {
  const loads = new Map(
    PEERS.map((peer) => [
      peer.name,
      loadOf(
        peer,
        servers.get(peer.name).url,
        isSignedIn ? cookies.get(peer.name) : undefined,
      ),
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

/** How much more heap there is in use after many guarded requests, in KB; two peers at a time. */
async function heapsOf() {
  const found = new Map();
  const left = [...PEERS];
  const measure = async (peer) => {
    const server = await start(peer, provider, { exposeGc: true });
    const signed = peer.isBare ? undefined : await signedIn(server.url, peer);
    const load = loadOf(peer, server.url, signed);
    await load(Infinity, HEAP_WARM_UP);
    const before = await server.heapBytes();
    await load(Infinity, HEAP_REQUESTS);
    const grown = (await server.heapBytes()) - before;
    found.set(peer.name, Math.round(grown / 1024));
    await server.stop();
  };
  const inOrder = async () => {
    while (left.length > 0) await measure(left.shift());
  };
  await Promise.all([inOrder(), inOrder()]);
  return found;
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

/**
 * In one process and in two: token requests, requests that failed, and how long
 * they took, beside as many of another user whose token has not expired.
 */
async function stampedesOf() {
  const expiring = await startPeer(own("provider"), {
    env: { TOKEN_SECONDS, REFRESH_MS },
  });
  const counts = async () => (await fetch(`${expiring.url}/counts`)).json();
  const found = new Map();
  for (const peer of SIGNING_IN) {
    const both = [await start(peer, expiring), await start(peer, expiring)];
    const cases = [both.slice(0, 1), ...(peer.oneProcess ? [] : [both])];
    const jars = [];
    for (const [{ url }] of cases) jars.push(await signIn(url, peer));
    await sleep(TOKEN_SECONDS * 1000 + 100);
    const values = [];
    for (const [index, processes] of cases.entries()) {
      const urls = processes.map(({ url }) => url);
      // Each has compiled what it needs, and all connections are there.
      await atOnce(urls, await signIn(urls[0], peer));
      const control = await atOnce(urls, await signIn(urls[0], peer));
      const before = await counts();
      const { failed, p99 } = await atOnce(urls, jars[index]);
      const after = await counts();
      const refreshes = after.refreshes - before.refreshes;
      values.push(
        refreshes,
        failed,
        p99,
        control.failed === 0 ? control.p99 : "failed",
      );
    }
    found.set(peer.name, [...values, "", "", "", ""].slice(0, 8));
    for (const server of both) await server.stop();
  }
  await expiring.stop();
  return found;
}

/** Requests for a token, all at once: how many failed, and the 99th percentile of all in milliseconds. */
async function atOnce(urls, jar) {
  const begin = performance.now();
  const answers = await Promise.all(
    Array.from({ length: STAMPEDE }, async (_, index) => {
      const url = urls[index % urls.length];
      const { status } = await visit(url, "/token", new Map(jar));
      return { status, milliseconds: performance.now() - begin };
    }),
  );
  const times = answers
    .map(({ milliseconds }) => milliseconds)
    .sort((one, other) => one - other);
  return {
    failed: answers.filter(({ status }) => status !== 200).length,
    p99: Math.round(times[Math.ceil(times.length * 0.99) - 1]),
  };
}
