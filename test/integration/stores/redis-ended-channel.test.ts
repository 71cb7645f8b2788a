/** The channel in Redis: a process learns at once of logins that end in another one. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import { createClient } from "redis";

import type { LoginStore } from "../../../lib/login-store/login-store.js";
import type { RedisClient } from "../../../lib/login-store/redis-command.js";
import { createRedisLoginStore } from "../../../lib/login-store/redis-login-store.js";
import { createSealedBox } from "../../../lib/login-store/sealed-box.js";
import { endNodeProcesses, startNode } from "../../support/node-process.js";
import {
  dataServersOf,
  kitRedisClient,
  locationOf,
  nodeRedisClient,
} from "../../support/redis-clients.js";
import { connections } from "../../support/redis-connections.js";
import { redisCommand } from "../../support/redis-process.js";
import {
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
} from "../../support/redis-server.js";
import { until } from "../../support/until.js";
import { createLogin } from "../../support/create-login.js";
import { loginRecord, origin, tokenSet } from "./login-store-contract.js";

const SECRET = "a session secret of thirty-two characters";

let single: RedisServer;
let cluster: RedisCluster;
let sentinel: RedisSentinel;

/** What ends the clients and watchers of the test. */
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  [single, cluster, sentinel] = await Promise.all([
    startRedis(),
    startCluster(),
    startSentinel(),
  ]);
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await endNodeProcesses();
});

afterAll(async () => {
  await Promise.all([single.stop(), cluster.stop(), sentinel.stop()]);
});

const servers = {
  "a single Redis": () => single,
  "a Redis Cluster": () => cluster,
  "Redis behind Sentinel": () => sentinel,
};
const openers = {
  "a client of node-redis": nodeRedisClient,
  redisClient: kitRedisClient,
};
type Opener = (typeof openers)[keyof typeof openers];

const kinds = Object.entries(servers).flatMap(([server, started]) =>
  Object.entries(openers).map(
    ([client, open]) => [server, client, started, open] as const,
  ),
);

describe.each(kinds)("in %s, through %s,", (_server, client, started, open) => {
  const aStore = (): Promise<LoginStore> => storeOn(started(), open);

  test("one process learns within a second of what ends in another", async () => {
    const [here, there] = [await aStore(), await aStore()];
    const watch = await watching(here);
    const id = await signIn(there);
    await there.endLogin(id);
    await until("it is told", () => watch.told.includes(id), 1000);
  });

  test("three processes learn of what ends in one of them", async () => {
    const stores = [await aStore(), await aStore(), await aStore()];
    const watches = await Promise.all(stores.map(watching));
    const [first] = stores;
    const id = await signIn(first);
    await first?.endLogin(id);
    await until(
      "all are told",
      () => watches.every(({ told }) => told.includes(id)),
      1000,
    );
  });

  test("another application on the same Redis, with a prefix of its own, is told nothing", async () => {
    const [here, there] = [
      await storeOn(started(), open, "another-app:"),
      await aStore(),
    ];
    const watch = await watching(here);
    const ours = await signIn(there);
    await there.endLogin(ours);
    const own = await signIn(here);
    await here.endLogin(own);
    await until("it is told", () => watch.told.includes(own), 1000);
    await sleep(100);
    expect(watch.told).not.toContain(ours);
  });

  test("what ends before the process listens may be missed, and the watcher is told so", async () => {
    const store = await aStore();
    let missed = 0;
    ends.push(
      store.watchEnds({ ended: () => undefined, missed: () => (missed += 1) }),
    );
    expect(missed).toBe(0);
    await until("it is told that it missed", () => missed > 0, 1000);
  });

  test("later ends are told again after the connection that listens was lost", async () => {
    const [here, there] = [await aStore(), await aStore()];
    const watch = await watching(here);
    await killListeners(started());
    await untilTold(watch, there);
  });

  test("later ends are told again after Redis was silent for a while", async () => {
    const [here, there] = [await aStore(), await aStore()];
    const watch = await watching(here);
    // Long enough for the watchdog of redisClient to begin anew.
    await silence(started(), 3000);
    await untilTold(watch, there);
  });

  test("nobody listens any more after the last watcher has stopped", async () => {
    const store = await aStore();
    const watch = await watching(store);
    expect(await listeners(started())).toBe(1);
    watch.stop();
    await until(
      "nobody listens",
      async () => (await listeners(started())) === 0,
      4000,
    );
  });

  test.each([
    ["and goes on watching", "never"],
    ["and has stopped watching", "later"],
    ["and stopped watching at once", "at-once"],
  ])(
    "a process that watched %s ends by itself when the application closes its client",
    async (_which, stops) => {
      const watching = startNode(
        ["test/integration/fixtures/watching-process.js"],
        {
          env: {
            REDIS_LOCATION: JSON.stringify(locationOf(started())),
            REDIS_CLIENT: client,
            SESSION_SECRET: SECRET,
            STOPS: stops,
          },
        },
      );
      await watching.prints(/closed its client/);
      await until("it has ended", () => !watching.isRunning(), 14_000);
    },
  );
});

test.each(Object.entries(servers))(
  "in %s, through redisClient, the connection that listens outlasts a silence",
  async (_server, started) => {
    await watching(await storeOn(started(), kitRedisClient));
    // socketTimeout ends a connection on which nothing happens for 5 s.
    await until(
      "it is older than that",
      async () => (await ageOfListener(started())) >= 8,
      20_000,
    );
  },
);

describe.each(Object.entries(openers))(
  "in a single Redis, through %s,",
  (_name, open) => {
    test("the watcher is told that it may have missed ends when the connection that listens was lost", async () => {
      const store = await storeOn(single, open);
      const watch = await watching(store);
      const before = watch.missed();
      await killListeners(single);
      await until("it is told that it missed", () => watch.missed() > before);
    });

    test("the watcher is told that it may have missed ends when Redis was restarted, and then of ends again", async () => {
      const server = await startRedis();
      ends.push(() => server.stop());
      const [here, there] = [
        await storeOn(server, open),
        await storeOn(server, open),
      ];
      const watch = await watching(here);
      const before = watch.missed();
      await server.restart();
      await until("it is told that it missed", () => watch.missed() > before);
      await untilTold(watch, there);
    });

    test("a watcher that stops at once leaves no connection behind", async () => {
      const store = await storeOn(single, open);
      await store.ping();
      const before = await connections(single.url);
      for (let round = 0; round < 3; round++) {
        store.watchEnds({ ended: () => undefined, missed: () => undefined })();
      }
      await sleep(500);
      await until("none is left", async () => {
        return (await connections(single.url)) === before;
      });
    });
  },
);

describe("a user of Redis who may not publish", () => {
  test.each([
    ["the command", ["allchannels", "+@all", "-publish"]],
    ["to any channel", ["resetchannels", "+@all"]],
  ])("%s can still end logins", async (_what, rules) => {
    const store = await storeOfUser(rules);
    const id = await signIn(store);
    await expect(store.endLogin(id)).resolves.toMatchObject({ id });
    await expect(store.readLogin(id)).resolves.toBeUndefined();
  });

  test("is told of the logins that end in the same process", async () => {
    const store = await storeOfUser(["resetchannels", "+@all"]);
    const told: string[] = [];
    ends.push(
      store.watchEnds({
        ended: (id) => told.push(id),
        missed: () => undefined,
      }),
    );
    const id = await signIn(store);
    await store.endLogin(id);
    expect(told).toEqual([id]);
  });
});

/** A store through a user with these rules of Redis' ACL. */
async function storeOfUser(rules: readonly string[]): Promise<LoginStore> {
  const name = `user-${randomUUID()}`;
  await redisCommand(single.url, [
    "ACL",
    "SETUSER",
    name,
    "on",
    ">password",
    "allkeys",
    ...rules,
  ]);
  const url = new URL(single.url);
  url.username = name;
  url.password = "password";
  const client = createClient({ url: url.href });
  client.on("error", () => undefined);
  await client.connect();
  ends.push(() => {
    client.destroy();
  });
  return storeWith(client);
}

async function storeOn(
  started: RedisServer | RedisCluster | RedisSentinel,
  open: Opener,
  keyPrefix?: string,
): Promise<LoginStore> {
  const { client, close } = await open(locationOf(started));
  ends.push(close);
  return storeWith(client, keyPrefix);
}

function storeWith(client: RedisClient, keyPrefix = "login-kit:"): LoginStore {
  return createRedisLoginStore({
    client,
    sealedBox: createSealedBox([SECRET]),
    keyPrefix,
    timeoutSeconds: 2,
  });
}

async function signIn(store: LoginStore | undefined): Promise<string> {
  const id = randomUUID();
  if (store !== undefined) {
    await createLogin(store, id, loginRecord(), tokenSet("1"), origin());
  }
  return id;
}

interface Watching {
  readonly told: readonly string[];
  readonly missed: () => number;
  readonly stop: () => void;
}

/** A watcher whose store listens already. */
async function watching(store: LoginStore): Promise<Watching> {
  const told: string[] = [];
  let missed = 0;
  const stop = store.watchEnds({
    ended: (id) => told.push(id),
    missed: () => (missed += 1),
  });
  ends.push(stop);
  await until("it listens", () => missed > 0);
  // Where the connection and its subscription are told apart, both are told.
  await sleep(50);
  return { told, missed: () => missed, stop };
}

/** Ends logins in that store until the watcher is told of one. */
async function untilTold({ told }: Watching, store: LoginStore): Promise<void> {
  const ended: string[] = [];
  const endAnother = async (): Promise<boolean> => {
    const id = await signIn(store);
    await store.endLogin(id);
    ended.push(id);
    return ended.some((one) => told.includes(one));
  };
  // A store that is just losing its connection may fail to answer.
  await until("it is told", () => endAnother().catch(() => false));
}

/** How many seconds the oldest connection that listens is open. */
async function ageOfListener(
  started: RedisServer | RedisCluster | RedisSentinel,
): Promise<number> {
  const lists = await Promise.all(
    (await dataServersOf(locationOf(started))).map((url) =>
      redisCommand(url, ["CLIENT", "LIST", "TYPE", "pubsub"]),
    ),
  );
  const ours = lists
    .join("\n")
    .split("\n")
    // A Sentinel listens to the primary, too.
    .filter((line) => !line.includes(" name=sentinel-"));
  const ages = ours.map((line) => / age=(\d+)/.exec(line)?.[1] ?? 0);
  return Math.max(...ages.map(Number));
}

/** Cuts every connection that listens to a channel. */
async function killListeners(
  started: RedisServer | RedisCluster | RedisSentinel,
): Promise<void> {
  expect(await listeners(started)).toBeGreaterThan(0);
  for (const url of await dataServersOf(locationOf(started))) {
    await redisCommand(url, ["CLIENT", "KILL", "TYPE", "pubsub"]);
  }
}

/** Lets the servers answer nothing for so long, and waits for it. */
async function silence(
  started: RedisServer | RedisCluster | RedisSentinel,
  milliseconds: number,
): Promise<void> {
  for (const url of await dataServersOf(locationOf(started))) {
    await redisCommand(url, ["CLIENT", "PAUSE", String(milliseconds), "ALL"]);
  }
  await sleep(milliseconds);
}

/** How many connections listen to the channel of this application. */
async function listeners(
  started: RedisServer | RedisCluster | RedisSentinel,
): Promise<number> {
  const counts = await Promise.all(
    (await dataServersOf(locationOf(started))).map(async (url) => {
      const [, count] = (await redisCommand(url, [
        "PUBSUB",
        "NUMSUB",
        "login-kit:ended",
      ])) as [string, number];
      return count;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
