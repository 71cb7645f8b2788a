/** The channel in Redis: a process learns at once of logins that end in another one. */
import { randomUUID } from "node:crypto";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import { createClient, type RedisClientType } from "redis";

import type { LoginStore } from "../../../lib/stores/login-store.js";
import type { RedisClient } from "../../../lib/stores/redis/redis-command.js";
import { endNodeProcesses, startNode } from "../../support/node-process.js";
import {
  dataServersOf,
  kitRedisClient,
  locationOf,
  nodeRedisClient,
} from "../../support/redis-clients.js";
import {
  redisClient,
  type RedisLocation,
} from "../../../lib/redis/redis-client.js";
import { connections } from "../../support/redis-connections.js";
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
import { storeIn } from "../../support/stores.js";
import { loginRecord, origin, tokenSet } from "./contract/subjects.js";

const SECRET = "a session secret of thirty-two characters";

let single: RedisServer;
let cluster: RedisCluster;
let sentinel: RedisSentinel;

/** By the URLs of their servers: a connection for each question would be load. */
const questioners = new Map<string, RedisClientType>();

/** What ends the clients and watchers of the test. */
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  [single, cluster, sentinel] = await Promise.all([
    startRedis(),
    startCluster(),
    startSentinel(),
  ]);
});

afterEach(endAll);

afterAll(async () => {
  await endAll();
  for (const client of questioners.values()) client.destroy();
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
type Started = RedisServer | RedisCluster | RedisSentinel;

const kinds = Object.entries(servers).flatMap(([server, started]) =>
  Object.entries(openers).map(
    ([client, open]) => [server, client, started, open] as const,
  ),
);

describe("the connection that listens outlasts a silence", () => {
  test.concurrent.each(Object.entries(servers))(
    "in %s, through redisClient",
    async (_server, started) => {
      await watching(await channelOn(started(), kitRedisClient));
      // socketTimeout ends a connection on which nothing happens for 5 s.
      await until(
        "it is older than that",
        async () => (await ageOfListener(started())) >= 8,
        60_000,
      );
    },
  );
  afterAll(endAll);
});

describe("undisturbed", () => {
  const inEach = test.each(kinds);

  inEach(
    "in %s, through %s: one process learns of what ends in another",
    async (_server, _client, started, open) => {
      const [here, there] = await channelsOn(2, started(), open);
      const watch = await watching(here);
      const id = await signIn(there);
      await there?.store.endLogin(id);
      await until("it is told", () => watch.told.includes(id));
    },
  );

  inEach(
    "in %s, through %s: three processes learn of what ends in one of them",
    async (_server, _client, started, open) => {
      const channels = await channelsOn(3, started(), open);
      const watches = await Promise.all(channels.map(watching));
      const [first] = channels;
      const id = await signIn(first);
      await first?.store.endLogin(id);
      await until("all are told", () =>
        watches.every(({ told }) => told.includes(id)),
      );
    },
  );

  inEach(
    "in %s, through %s: another application, with a prefix of its own, is told nothing",
    async (_server, _client, started, open) => {
      const [here, there] = [
        await channelOn(started(), open),
        await channelOn(started(), open),
      ];
      const [watchHere, watchThere] = [
        await watching(here),
        await watching(there),
      ];
      const ours = await signIn(there);
      await there.store.endLogin(ours);
      await until("we are told", () => watchThere.told.includes(ours));
      const own = await signIn(here);
      await here.store.endLogin(own);
      await until("it is told", () => watchHere.told.includes(own));
      expect(watchHere.told).not.toContain(ours);
    },
  );

  inEach(
    "in %s, through %s: what ends before the process listens may be missed, and the watcher is told so",
    async (_server, _client, started, open) => {
      const { store } = await channelOn(started(), open);
      let missed = 0;
      ends.push(
        store.watchEnds({
          ended: () => undefined,
          missed: () => (missed += 1),
        }),
      );
      expect(missed).toBe(0);
      await until("it is told that it missed", () => missed > 0);
    },
  );

  inEach(
    "in %s, through %s: nobody listens any more after the last watcher has stopped",
    async (_server, _client, started, open) => {
      const channel = await channelOn(started(), open);
      const watch = await watching(channel);
      expect(await listeners(channel)).toBe(1);
      watch.stop();
      await until(
        "nobody listens",
        async () => (await listeners(channel)) === 0,
      );
    },
  );

  afterAll(endAll);
});

// What waits, and does nothing else meanwhile, runs side by side.
describe("at the end", () => {
  test.concurrent.each(kinds)(
    "in %s, through %s: a process that watched, or stopped watching, ends by itself when it closes its client",
    async (_server, client, started) => {
      const watching = startNode(
        ["test/integration/fixtures/watching-process.js"],
        {
          env: {
            REDIS_LOCATION: JSON.stringify(locationOf(started())),
            REDIS_CLIENT: client,
            SESSION_SECRET: SECRET,
          },
        },
      );
      for (const stops of ["never", "later", "at-once"]) {
        await watching.prints(RegExp(`closed its client: ${stops}`));
      }
      await until("it has ended", () => !watching.isRunning(), 60_000);
    },
  );
  afterAll(endAll);
});

describe("after Redis was silent", () => {
  test.concurrent.each(kinds)(
    "in %s, through %s: later ends are told again",
    async (_server, _client, started, open) => {
      const [here, there] = await channelsOn(2, started(), open);
      const watch = await watching(here);
      // Long enough for the watchdog of redisClient to begin anew.
      await silence(started(), 3000);
      await untilTold(watch, there);
    },
  );
  afterAll(endAll);
});

describe.each(kinds)(
  "in %s, through %s,",
  (_server, _client, started, open) => {
    test("later ends are told again after the connection that listens was lost", async () => {
      const [here, there] = await channelsOn(2, started(), open);
      const watch = await watching(here);
      await killListeners(here);
      await untilTold(watch, there);
    });
  },
);

test.each(Object.entries(servers))(
  "in %s, a watcher that begins before the client is connected is told when it listens",
  async (_server, started) => {
    const client = await redisClient({
      ...locationOf(started()),
      connectSeconds: 0,
      onError: () => undefined,
    });
    ends.push(() => client.close());
    let missed = 0;
    ends.push(
      storeWith(client).watchEnds({
        ended: () => undefined,
        missed: () => (missed += 1),
      }),
    );
    await until("it is told", () => missed > 0);
  },
);

describe.each(Object.entries(openers))(
  "in a single Redis, through %s,",
  (_name, open) => {
    test("the watcher is told that it may have missed ends when the connection that listens was lost", async () => {
      const channel = await channelOn(single, open);
      const watch = await watching(channel);
      const before = watch.missed();
      await killListeners(channel);
      await until("it is told that it missed", () => watch.missed() > before);
    });

    test("the watcher is told that it may have missed ends when Redis was restarted, and then of ends again", async () => {
      const server = await startRedis();
      ends.push(() => server.stop());
      const [here, there] = await channelsOn(2, server, open);
      const watch = await watching(here);
      const before = watch.missed();
      await server.restart();
      await until("it is told that it missed", () => watch.missed() > before);
      await untilTold(watch, there);
    });

    test("a watcher that stops at once leaves no connection behind", async () => {
      const channel = await channelOn(single, open);
      await channel.store.ping();
      const before = await connections(single.url);
      for (let round = 0; round < 3; round++) {
        channel.store.watchEnds({
          ended: () => undefined,
          missed: () => undefined,
        })();
      }
      // One that does not stop began later: when it listens, the others have
      // connected if they were going to.
      const control = await watching(channel);
      control.stop();
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
    const id = await signIn({ store });
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
    const id = await signIn({ store });
    await store.endLogin(id);
    expect(told).toEqual([id]);
  });
});

/** A store through a user with these rules of Redis' ACL. */
async function storeOfUser(rules: readonly string[]): Promise<LoginStore> {
  const name = `user-${randomUUID()}`;
  await askServer(single.url, [
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

/** What one process has: a store, and the channel on which it listens. */
interface Channel {
  readonly store: LoginStore;
  readonly name: string;
  readonly location: RedisLocation;
}

/** As a process of an application of its own. */
async function channelOn(
  started: Started,
  open: Opener,
  keyPrefix = `${randomUUID()}:`,
): Promise<Channel> {
  const location = locationOf(started);
  const { client, close } = await open(location);
  ends.push(close);
  return {
    store: storeWith(client, keyPrefix),
    name: `${keyPrefix}ended`,
    location,
  };
}

/** As so many processes of one application. */
async function channelsOn(
  count: number,
  started: Started,
  open: Opener,
): Promise<Channel[]> {
  const keyPrefix = `${randomUUID()}:`;
  return await Promise.all(
    Array.from({ length: count }, () => channelOn(started, open, keyPrefix)),
  );
}

function storeWith(client: RedisClient, keyPrefix = "login-kit:"): LoginStore {
  return storeIn(client, { secrets: [SECRET], keyPrefix }).loginStore;
}

async function signIn(
  channel: Pick<Channel, "store"> | undefined,
): Promise<string> {
  const id = randomUUID();
  if (channel !== undefined) {
    await createLogin(
      channel.store,
      id,
      loginRecord(),
      tokenSet("1"),
      origin(),
    );
  }
  return id;
}

interface Watching {
  readonly told: readonly string[];
  readonly missed: () => number;
  readonly stop: () => void;
}

/** A watcher whose store listens already. */
async function watching(channel: Channel | undefined): Promise<Watching> {
  if (channel === undefined) throw new Error("there is no channel");
  const told: string[] = [];
  // A single server's watcher is told of the connection and of the subscription.
  const times = "url" in channel.location ? 2 : 1;
  let missed = 0;
  let isListening: () => void = () => undefined;
  const listens = new Promise<void>((resolve) => {
    isListening = resolve;
  });
  const stop = channel.store.watchEnds({
    ended: (id) => told.push(id),
    missed: () => {
      missed += 1;
      if (missed >= times) isListening();
    },
  });
  ends.push(stop);
  // How long a connection takes is not what is tested; the test's own time ends it.
  await listens;
  return { told, missed: () => missed, stop };
}

/** Ends what the tests before have begun. */
async function endAll(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
  await endNodeProcesses();
}

/** Ends logins in that store until the watcher is told of one. */
async function untilTold(
  { told }: Watching,
  channel: Channel | undefined,
): Promise<void> {
  const ended: string[] = [];
  const endAnother = async (): Promise<boolean> => {
    const id = await signIn(channel);
    await channel?.store.endLogin(id);
    ended.push(id);
    return ended.some((one) => told.includes(one));
  };
  // A store that is just losing its connection may fail to answer.
  await until("it is told", () => endAnother().catch(() => false));
}

/** How many seconds the oldest connection that listens is open. */
async function ageOfListener(started: Started): Promise<number> {
  const lists = await Promise.all(
    (await dataServersOf(locationOf(started))).map((url) =>
      askServer(url, ["CLIENT", "LIST", "TYPE", "pubsub"]),
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
async function killListeners(channel: Channel | undefined): Promise<void> {
  if (channel === undefined) throw new Error("there is no channel");
  expect(await listeners(channel)).toBeGreaterThan(0);
  for (const url of await dataServersOf(channel.location)) {
    await askServer(url, ["CLIENT", "KILL", "TYPE", "pubsub"]);
  }
}

/** Lets the servers answer nothing for so long, and waits until they do again. */
async function silence(started: Started, milliseconds: number): Promise<void> {
  const urls = await dataServersOf(locationOf(started));
  for (const url of urls) {
    await askServer(url, ["CLIENT", "PAUSE", String(milliseconds), "ALL"]);
  }
  for (const url of urls) await askServer(url, ["PING"]);
}

/** Sends a command; the answer comes when the server gives it. */
async function askServer(
  url: string,
  command: readonly string[],
): Promise<unknown> {
  let client = questioners.get(url);
  if (client === undefined) {
    client = createClient({ url });
    client.on("error", () => undefined);
    questioners.set(url, client);
    await client.connect();
  }
  return await client.sendCommand([...command]);
}

/** How many connections listen to the channel. */
async function listeners({ name, location }: Channel): Promise<number> {
  const counts = await Promise.all(
    (await dataServersOf(location)).map(async (url) => {
      const [, count] = (await askServer(url, ["PUBSUB", "NUMSUB", name])) as [
        string,
        number,
      ];
      return count;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
