/** Every driver keeps the contract that those who bring a store run: ours, and one of plain files. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { createMemoryDriver } from "../../../lib/stores/memory/memory-driver.js";
import { createRedisDriver } from "../../../lib/stores/redis/redis-driver.js";
import { storeContract } from "../../../lib/testing/index.js";
import { createFileDriver } from "../../support/file-driver.js";
import {
  locationOf,
  nodeRedisClient,
  type OpenClient,
} from "../../support/redis-clients.js";
import {
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
} from "../../support/redis-server.js";

const TIMEOUT_SECONDS = 5;

let single: RedisServer;
let cluster: RedisCluster;
let sentinel: RedisSentinel;

beforeAll(async () => {
  [single, cluster, sentinel] = await Promise.all([
    startRedis(),
    startCluster(),
    startSentinel(),
  ]);
});

afterAll(async () => {
  for (const pair of pairs.values()) {
    await Promise.all((await pair).map(({ close }) => close()));
  }
  await Promise.all([single.stop(), cluster.stop(), sentinel.stop()]);
});

const openDriver: Record<string, Parameters<typeof storeContract>[0]> = {
  "the embedded store": () =>
    Promise.resolve({ driver: createMemoryDriver(() => Date.now()) }),
  "plain files": () => {
    const folder = mkdtempSync(join(tmpdir(), "store-driver-"));
    return Promise.resolve({
      driver: createFileDriver(folder),
      elsewhere: createFileDriver(folder),
      close: () => {
        rmSync(folder, { recursive: true });
      },
    });
  },
  "a single Redis": () => inRedis(() => single),
  "a Redis Cluster": () => inRedis(() => cluster),
  "Redis behind Sentinel": () => inRedis(() => sentinel),
};

type Started = Parameters<typeof locationOf>[0];

/** Two clients of each Redis, as two processes have them, for all cases: a driver is opened anew, not its connection. */
const pairs = new Map<Started, Promise<readonly [OpenClient, OpenClient]>>();

async function pairAt(
  started: Started,
): Promise<readonly [OpenClient, OpenClient]> {
  return [
    await nodeRedisClient(locationOf(started)),
    await nodeRedisClient(locationOf(started)),
  ];
}

async function inRedis(
  started: () => Started,
): ReturnType<Parameters<typeof storeContract>[0]> {
  const server = started();
  const pair = pairs.get(server) ?? pairAt(server);
  pairs.set(server, pair);
  const [here, there] = await pair;
  return {
    driver: createRedisDriver(here.client, TIMEOUT_SECONDS),
    elsewhere: createRedisDriver(there.client, TIMEOUT_SECONDS),
  };
}

describe.each(Object.entries(openDriver))("%s", (_name, open) => {
  for (const { title, run } of storeContract(open)) test(title, run);
});

describe("the contract notices a driver that", () => {
  const right = () => createMemoryDriver(() => Date.now());
  const failures = async (
    change: Partial<ReturnType<typeof right>>,
  ): Promise<readonly string[]> => {
    const broken = () => Promise.resolve({ driver: { ...right(), ...change } });
    const outcomes = await Promise.all(
      storeContract(broken).map(({ title, run }) =>
        run().then(
          () => [],
          () => [title],
        ),
      ),
    );
    return outcomes.flat();
  };

  test("forgets what it was given", async () => {
    const forgets = { read: () => Promise.resolve([undefined, undefined]) };
    expect((await failures(forgets)).length).toBeGreaterThan(5);
  });

  test("tells nothing of the note to whoever enters", async () => {
    const { enter } = right();
    const silent: typeof enter = async (group, entry) => ({
      ...(await enter(group, entry)),
      note: [undefined, undefined],
    });
    expect((await failures({ enter: silent })).join("\n")).toContain(
      "a note: who enters is told its numbers",
    );
  });
});
