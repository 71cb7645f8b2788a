/** Redis as in production: behind Sentinel or as a Cluster, with TLS and users that may do no more than they must. */
import { spawn, execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { createClient } from "redis";

const run = promisify(execFile);
const program = process.env["REDIS_SERVER"] ?? "redis-server";

/** The name under which the sentinels watch the primary. */
const NAME = "shop";
const KIT = "the password of the kit";
const ADMIN = "the-password-of-admins";
const SENTINELS = "the password of the sentinels";
/** What docs/redis.md says that the kit needs; with a Cluster, its slots too. */
const KIT_RULES =
  "resetkeys ~login-kit:* resetchannels &login-kit:* -@all +get +set +del +hmget +eval +hset +hget +hdel +rename +pexpire +pttl +zadd +zcard +zrange +zrem +zremrangebyscore +publish +subscribe +unsubscribe +ping";

/** What all servers of a run share. */
export async function createGround(folder) {
  mkdirSync(folder, { recursive: true });
  const file = (name) => join(folder, name);
  const openssl = (...words) => run("openssl", words);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  await openssl(
    ...["req", "-x509", "-subj", "/CN=authority", ...newKey, "-nodes"],
    ...["-keyout", file("ca.key"), "-out", file("ca.pem")],
  );
  await openssl(
    ...["req", "-new", "-subj", "/CN=redis", ...newKey, "-nodes"],
    ...["-keyout", file("redis.key"), "-out", file("redis.csr")],
  );
  writeFileSync(file("ext"), "subjectAltName=IP:127.0.0.1\n");
  await openssl(
    ...["x509", "-req", "-CAcreateserial", "-in", file("redis.csr")],
    ...["-CA", file("ca.pem"), "-CAkey", file("ca.key")],
    ...["-extfile", file("ext"), "-out", file("redis.pem")],
  );
  return { folder, ca: file("ca.pem"), started: [] };
}

/** Ends every server that was started. */
export async function endAll({ started }) {
  await Promise.all(started.splice(0).map((server) => server.stop()));
}

/** A primary with two replicas, and three sentinels, of whom two decide. */
export async function startSentinels(ground, { downAfter }) {
  const servers = [];
  for (let index = 0; index < 3; index++) {
    const [primary] = servers;
    servers.push(
      await startServer(ground, [
        ...users(KIT_RULES),
        ...(primary ? [`replicaof 127.0.0.1 ${primary.port}`] : []),
      ]),
    );
  }
  const [primary] = servers;
  const sentinels = [];
  for (let index = 0; index < 3; index++) {
    sentinels.push(
      await startServer(
        ground,
        [
          `requirepass "${SENTINELS}"`,
          `sentinel sentinel-pass "${SENTINELS}"`,
          `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 2`,
          `sentinel auth-user ${NAME} sentinel`,
          `sentinel auth-pass ${NAME} ${ADMIN}`,
          `sentinel down-after-milliseconds ${NAME} ${downAfter}`,
          `sentinel failover-timeout ${NAME} 10000`,
        ],
        true,
      ),
    );
  }
  const socket = { ca: readFileSync(ground.ca, "utf8") };
  const asSentinel = (words) =>
    sentinels[0].ask(words, { password: SENTINELS });
  await until("the sentinels know each other and both replicas", async () => {
    const master = pairs(await asSentinel(["SENTINEL", "MASTER", NAME]));
    return (
      master["num-other-sentinels"] === "2" && master["num-slaves"] === "2"
    );
  });
  await until("replicas are in step", async () =>
    /connected_slaves:2/.test(await primary.ask(["INFO", "replication"])),
  );
  return {
    servers,
    location: {
      sentinel: {
        name: NAME,
        nodes: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
        options: { password: SENTINELS, socket },
      },
      options: { username: "kit", password: KIT, socket },
    },
    async primary() {
      const [, port] = await asSentinel([
        "SENTINEL",
        "GET-MASTER-ADDR-BY-NAME",
        NAME,
      ]);
      return servers.find((server) => server.port === Number(port));
    },
    planFailover: () => asSentinel(["SENTINEL", "FAILOVER", NAME]),
  };
}

/** Three primaries with a replica each. */
export async function startCluster(ground, { nodeTimeout }) {
  const servers = [];
  for (let index = 0; index < 6; index++) {
    servers.push(
      await startServer(ground, [
        ...users(`${KIT_RULES} +cluster|slots`),
        "cluster-enabled yes",
        "tls-cluster yes",
        `cluster-node-timeout ${nodeTimeout}`,
        "cluster-require-full-coverage no",
      ]),
    );
  }
  const asAdmin = [
    ...["--tls", "--cacert", ground.ca, "--user", "admin"],
    ...["--pass", ADMIN, "--no-auth-warning"],
  ];
  const cluster = (...words) =>
    run("redis-cli", [...asAdmin, "--cluster", ...words], {
      maxBuffer: 16 * 1024 * 1024,
    });
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await cluster(
    "create",
    ...addresses,
    "--cluster-replicas",
    "1",
    "--cluster-yes",
  );
  const nodes = async (server) =>
    (await server.ask(["CLUSTER", "NODES"]))
      .trim()
      .split("\n")
      .map((line) => {
        const [id, address, flags, , , , , link, ...slots] = line.split(" ");
        const [, port] = /:(\d+)@/.exec(address);
        return { id, port: Number(port), flags, link, slots };
      });
  await until("every replica is in step", async () => {
    const infos = await Promise.all(
      servers.map((server) => server.ask(["INFO", "replication"])),
    );
    const inStep = infos.filter((info) => /master_link_status:up/.test(info));
    return inStep.length === 3;
  });
  await until("every node knows that all slots are served", async () => {
    const infos = await Promise.all(
      servers.map((server) => server.ask(["CLUSTER", "INFO"])),
    );
    return infos.every((info) => info.includes("cluster_state:ok"));
  });
  const primaries = async () =>
    (await nodes(servers[0])).filter(({ flags }) => flags.includes("master"));
  return {
    servers,
    location: {
      cluster: {
        urls: addresses.map(
          (address) => `rediss://kit:${encodeURIComponent(KIT)}@${address}`,
        ),
      },
      options: { socket: { ca: readFileSync(ground.ca, "utf8") } },
    },
    async primary() {
      // Not the node that the others are asked about.
      const [, other] = await primaries();
      return servers.find(({ port }) => port === other.port);
    },
    async reshard(slots) {
      const [from, to] = await primaries();
      await cluster(
        "reshard",
        addresses[0],
        ...["--cluster-from", from.id, "--cluster-to", to.id],
        ...["--cluster-slots", String(slots), "--cluster-yes"],
      );
    },
  };
}

/** Users beside the kit's: administrators, the sentinels, the replicas. */
function users(kitRules) {
  return [
    "user default off",
    `user admin on >${ADMIN} ~* &* +@all`,
    // Of the documentation of Sentinel and of replication.
    `user sentinel on >${ADMIN} allchannels +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname +client|kill +script|kill`,
    `user replica on >${ADMIN} +psync +replconf +ping`,
    "masteruser replica",
    `masterauth ${ADMIN}`,
    `user kit on #${sha256(KIT)} ${kitRules}`,
  ];
}

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

async function startServer(ground, settings, isSentinel = false) {
  const port = await freePort();
  const folder = join(ground.folder, String(port));
  mkdirSync(folder);
  const conf = join(folder, "redis.conf");
  const file = (name) => `"${join(ground.folder, name)}"`;
  const lines = [
    "port 0",
    `tls-port ${port}`,
    `tls-cert-file ${file("redis.pem")}`,
    `tls-key-file ${file("redis.key")}`,
    `tls-ca-cert-file ${file("ca.pem")}`,
    "tls-auth-clients no",
    "tls-replication yes",
    "bind 127.0.0.1",
    `dir "${folder}"`,
    `logfile "${join(folder, "log")}"`,
    ...(isSentinel ? [] : ['save ""', "appendonly no"]),
    ...settings,
  ];
  writeFileSync(conf, `${lines.join("\n")}\n`);
  const begin = () =>
    spawn(program, [conf, ...(isSentinel ? ["--sentinel"] : [])], {
      stdio: "ignore",
    });
  let child = begin();
  process.once("exit", () => child.kill("SIGKILL"));
  const server = {
    port,
    ask: (words, login = { username: "admin", password: ADMIN }) =>
      askOnce(ground, port, words, login),
    signal: (signal) => child.kill(signal),
    /** Starts it again, empty, where it was killed. */
    revive() {
      child = begin();
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
  ground.started.push(server);
  await until(`a server answers on ${port}`, async () => {
    const login = isSentinel ? { password: SENTINELS } : undefined;
    return (await server.ask(["PING"], login)) === "PONG";
  });
  return server;
}

async function askOnce(ground, port, words, login) {
  const client = createClient({
    ...login,
    socket: {
      host: "127.0.0.1",
      port,
      tls: true,
      ca: readFileSync(ground.ca, "utf8"),
      reconnectStrategy: false,
      connectTimeout: 2000,
    },
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await client.sendCommand(words);
  } finally {
    client.destroy();
  }
}

function pairs(reply) {
  if (!Array.isArray(reply)) return { ...reply };
  return Object.fromEntries(
    reply.flatMap((name, index) =>
      index % 2 === 0 ? [[name, reply[index + 1]]] : [],
    ),
  );
}

/** Asks again until it holds, for half a minute. */
export async function until(what, holds) {
  const deadline = performance.now() + 30_000;
  let failure;
  for (;;) {
    try {
      if (await holds()) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`timed out until ${what}`, { cause: failure });
    }
    await sleep(50);
  }
}

/** Below the ports that clients get, with a Cluster bus 10,000 above it. */
async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

async function isFree(port) {
  const server = createServer();
  const listening = once(server.listen(port, "127.0.0.1"), "listening");
  try {
    await listening;
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
