/**
 * Private Redis servers for one test file: a single server, a Cluster, a Sentinel.
 */

import { freePort } from "./free-port.js";
import {
  redisCommand,
  type RedisProcess,
  type RedisProcessOptions,
  startRedisProcess,
} from "./redis-process.js";
import { until } from "./until.js";

/** A single server that a test may freeze, restart and stop. */
export type RedisServer = Omit<RedisProcess, "busPort">;

/** Whether the servers speak TLS, too. */
type Tls = Pick<RedisProcessOptions, "tls">;

/** Three primaries without replicas. */
export interface RedisCluster {
  /** As node-redis's `createCluster` takes them. */
  readonly rootNodes: readonly {
    readonly url: string;
    readonly tlsPort: number;
  }[];
  stop(): Promise<void>;
}

/** One primary and one Sentinel that watches it. */
export interface RedisSentinel {
  /** The primary's name, as node-redis's `createSentinel` takes it. */
  readonly name: string;
  readonly sentinels: readonly {
    readonly host: string;
    readonly port: number;
  }[];
  /** The Sentinel's port with TLS. */
  readonly tlsPort: number;
  readonly primary: RedisServer;
  stop(): Promise<void>;
}

/** Milliseconds until a Cluster or a Sentinel must have found together; else one is started anew. */
const FORMATION_TIMEOUT = 30_000;
const FORMATION_ATTEMPTS = 3;
const SLOTS = 16_384;

/** Starts an empty server; stop it in `afterAll`. */
export async function startRedis(options: Tls = {}): Promise<RedisServer> {
  return await startRedisProcess(serverPath(), freePort, options);
}

/** Starts a Cluster and waits until every node serves all slots (2-3 seconds); starts another one where its nodes do not find together. */
export async function startCluster(options: Tls = {}): Promise<RedisCluster> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await formedCluster(options);
    } catch (error) {
      if (attempt === FORMATION_ATTEMPTS) throw error;
    }
  }
}

async function formedCluster(options: Tls): Promise<RedisCluster> {
  return await allOrNone(async (started) => {
    for (let index = 0; index < 3; index++) {
      started.push(
        await startRedisProcess(serverPath(), freePort, {
          ...options,
          kind: "cluster",
        }),
      );
    }
    await formCluster(started);
    return {
      rootNodes: started.map(({ url, tlsPort }) => ({ url, tlsPort })),
      stop: () => stopAll(started),
    };
  });
}

/** Starts a primary, named "mymaster", and a Sentinel with a quorum of 1. */
export async function startSentinel(options: Tls = {}): Promise<RedisSentinel> {
  const name = "mymaster";
  return await allOrNone(async (started) => {
    const primary = await startRedisProcess(serverPath(), freePort, options);
    started.push(primary);
    const watched = options.tls ? primary.tlsPort : primary.port;
    const sentinel = await startRedisProcess(serverPath(), freePort, {
      ...options,
      kind: "sentinel",
      settings: [
        `sentinel monitor ${name} 127.0.0.1 ${watched} 1`,
        `sentinel down-after-milliseconds ${name} 30000`,
      ],
    });
    started.push(sentinel);
    await until(
      "the Sentinel knows its primary",
      async () => {
        const master = await redisCommand(sentinel.url, [
          "SENTINEL",
          "GET-MASTER-ADDR-BY-NAME",
          name,
        ]);
        return Array.isArray(master) && master[1] === String(watched);
      },
      FORMATION_TIMEOUT,
    );
    return {
      name,
      sentinels: [{ host: "127.0.0.1", port: sentinel.port }],
      tlsPort: sentinel.tlsPort,
      primary,
      stop: () => stopAll(started),
    };
  });
}

function serverPath(): string {
  const path = process.env["TEST_REDIS_SERVER"];
  if (path === undefined) {
    throw new Error(
      "This test starts a Redis server of its own. REDIS_URL is not enough for it: install redis-server or valkey-server, so that it is on the PATH.",
    );
  }
  return path;
}

/** Stops what has started when a later step fails. */
async function allOrNone<Started>(
  begin: (started: RedisProcess[]) => Promise<Started>,
): Promise<Started> {
  const started: RedisProcess[] = [];
  try {
    return await begin(started);
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

async function stopAll(processes: readonly RedisProcess[]): Promise<void> {
  await Promise.all(processes.map((process) => process.stop()));
}

async function formCluster(nodes: readonly RedisProcess[]): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const first = Math.ceil((SLOTS * index) / nodes.length);
    const last = Math.ceil((SLOTS * (index + 1)) / nodes.length) - 1;
    // Distinct epochs from the start: nothing to negotiate after they meet.
    await redisCommand(node.url, [
      "CLUSTER",
      "SET-CONFIG-EPOCH",
      String(index + 1),
    ]);
    await redisCommand(node.url, [
      "CLUSTER",
      "ADDSLOTSRANGE",
      String(first),
      String(last),
    ]);
  }
  const [entry, ...others] = nodes;
  if (entry === undefined) throw new Error("a Cluster needs nodes");
  for (const node of others) {
    await redisCommand(entry.url, [
      "CLUSTER",
      "MEET",
      "127.0.0.1",
      String(node.port),
      String(node.busPort),
    ]);
  }
  for (const node of nodes) {
    await until(
      "the Cluster is complete",
      async () => {
        const info = String(await redisCommand(node.url, ["CLUSTER", "INFO"]));
        return (
          info.includes("cluster_state:ok") &&
          info.includes(`cluster_slots_ok:${SLOTS}`) &&
          info.includes(`cluster_known_nodes:${nodes.length}`)
        );
      },
      FORMATION_TIMEOUT,
    );
  }
}
