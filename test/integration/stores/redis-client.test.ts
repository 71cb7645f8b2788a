/** redisClient: starts without Redis, fails fast while it is away, and comes back by itself. */
import { subscribe } from "node:diagnostics_channel";
import { type EventEmitter, once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { createClient } from "redis";

import { createLoginKit } from "../../../lib/index.js";
import {
  type ManagedRedisClient,
  redisClient,
  type RedisConnectionOptions,
  type RedisLocation,
} from "../../../lib/redis/redis-client.js";
import { blockedTurns } from "../../support/blocked-turns.js";
import { dataServersOf, locationOf } from "../../support/redis-clients.js";
import { startRedisFaultProxy } from "../../support/redis-fault-proxy.js";
import { redisCommand } from "../../support/redis-process.js";
import {
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
} from "../../support/redis-server.js";
import { minimal } from "../../support/read-options.js";
import { until, untilItWorks } from "../../support/until.js";

let single: RedisServer;
let cluster: RedisCluster;
let sentinel: RedisSentinel;
const relays: Relay[] = [];
const clients: ManagedRedisClient[] = [];

// What Node.js tells of the process: other files may have left something open there.
const openSockets = new Set<Socket>();
for (const channel of ["net.client.socket", "net.server.socket"]) {
  subscribe(channel, (message) => {
    const { socket } = message as { readonly socket: Socket };
    openSockets.add(socket);
    socket.once("close", () => openSockets.delete(socket));
  });
}

beforeAll(async () => {
  [single, cluster, sentinel] = await Promise.all([
    startRedis(),
    startCluster(),
    startSentinel(),
  ]);
});

afterAll(async () => {
  await Promise.all([single.stop(), cluster.stop(), sentinel.stop()]);
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const relay of relays.splice(0)) await relay.close();
});

const kinds = {
  "a single Redis": () => locationOf(single),
  "a Redis Cluster": () => locationOf(cluster),
  "Redis behind Sentinel": () => locationOf(sentinel),
};

describe.each(Object.entries(kinds))("for %s", (_name, location) => {
  test("it can be closed when a kit has used it", async () => {
    const client = await open(location());
    const kit = createLoginKit({ ...minimal, redis: client });
    await until("it answers", kit.ready);
    await kit.close();
    await client.close();
    expect(client.isClosed).toBe(true);
  });

  test("it works at once", async () => {
    const client = await open(location());
    await client.set("greeting", "hello");
    await expect(client.get("greeting")).resolves.toBe("hello");
  });

  test("it resolves though Redis is down, fails at once meanwhile, and works when it is up", async () => {
    const relay = await startRelay(entryPortOf(location()));
    // Who waits for Redis, or keeps a command for it, does so for ever.
    const client = await open(through(relay, location()), {
      connectSeconds: 0.2,
    });
    await expect(client.get("greeting")).rejects.toThrow();

    relay.open();
    await untilItWorks(() => client.set("greeting", "hello"));
    await expect(client.get("greeting")).resolves.toBe("hello");
  });

  test("it waits for the first connection, however many attempts that takes", async () => {
    const relay = await startRelay(entryPortOf(location()));
    const opening = open(through(relay, location()), { connectSeconds: 300 });
    await until("some attempts have failed", () => relay.connections() > 2);
    relay.open();
    await expect((await opening).get("greeting")).resolves.toBeDefined();
  });

  test("while Redis hangs, commands fail before socketTimeout is over; afterwards the same client works again", async () => {
    const client = await open(location());
    await client.set("greeting", "hello");
    const [url = ""] = await dataServersOf(location());
    const control = await openPlain(url, { socketTimeout: 5000 });
    const resume = await pause(location());
    try {
      // Without the watchdog, both would end by socketTimeout.
      const first = await Promise.race([
        control.ping().catch(() => "socketTimeout"),
        client.get("greeting").catch(() => "the watchdog"),
      ]);
      expect(first).toBe("the watchdog");
    } finally {
      control.destroy();
      resume();
    }
    await untilItWorks(() => client.get("greeting"));
    await expect(client.get("greeting")).resolves.toBe("hello");
  });

  test("close() ends every connection and the attempts to make one", async () => {
    const relay = await startRelay(entryPortOf(location()));
    relay.open();
    await untilItWorks(noSockets);
    const client = await open(through(relay, location()));
    await client.get("greeting");
    await client.close();
    await untilItWorks(noSockets);
    const attempts = relay.connections();
    await othersHaveTriedAgain(location());
    expect(relay.connections()).toBe(attempts);
  });

  test("close() works while Redis is down, and nothing is tried afterwards", async () => {
    const relay = await startRelay(entryPortOf(location()));
    const client = await open(through(relay, location()), {
      connectSeconds: 0.2,
    });
    await client.close();
    await untilItWorks(noSockets);
    const attempts = relay.connections();
    await othersHaveTriedAgain(location());
    expect(relay.connections()).toBe(attempts);
  });
});

test.each(Object.entries(kinds))(
  "for %s it rejects at once when Redis refuses the credentials",
  async (_name, location) => {
    // Longer than a test may take: who waits so long never gets there.
    await expect(
      open(location(), {
        connectSeconds: 300,
        options: { username: "app", password: "wrong" },
      }),
    ).rejects.toThrow(/WRONGPASS/);
  },
);

test("behind Sentinel, once it has noticed that the primary hangs, nobody waits", async () => {
  let failures = 0;
  const client = await open(locationOf(sentinel), {
    onError: () => (failures += 1),
  });
  sentinel.primary.pause();
  try {
    await expect(client.get("greeting")).rejects.toThrow();
    // Not even while it tries to connect, which fails after a time limit.
    const before = failures;
    await until("two more attempts have failed", async () => {
      expect(await failsAtOnce(client)).toBe(true);
      return failures >= before + 2;
    });
  } finally {
    sentinel.primary.resume();
  }
  await untilItWorks(() => client.get("greeting"));
});

test("behind Sentinel, it stays connected while this process hardly gets a processor", async () => {
  const client = await open(locationOf(sentinel));
  const answers: Promise<unknown>[] = [];
  await blockedTurns(12, 500, () => answers.push(client.get("none")));
  expect(await Promise.all(answers)).toEqual(answers.map(() => null));
});

describe("for a single Redis", () => {
  test("once it has noticed that Redis hangs, nobody waits", async () => {
    const client = await open(locationOf(single));
    single.pause();
    try {
      await expect(client.get("greeting")).rejects.toThrow();
      expect(await failsAtOnce(client)).toBe(true);
    } finally {
      single.resume();
    }
    await untilItWorks(() => client.get("greeting"));
  });

  test("close() works while the server hangs", async () => {
    await untilItWorks(noSockets);
    const client = await open(locationOf(single));
    single.pause();
    try {
      const pending = client.get("greeting");
      await Promise.all([expect(pending).rejects.toThrow(), client.close()]);
      // Not by a timeout later.
      expect([...openSockets].filter(({ destroyed }) => !destroyed)).toEqual(
        [],
      );
      await untilItWorks(noSockets);
    } finally {
      single.resume();
    }
  });

  test("a broken connection fails its commands, and the same client works again", async () => {
    const { port } = new URL(single.url);
    const proxy = await startRedisFaultProxy({
      host: "127.0.0.1",
      port: Number(port),
    });
    try {
      const client = await open({ url: proxy.url });
      proxy.fault(1, "cut-after");
      await expect(client.set("greeting", "hello")).rejects.toThrow();
      expect(proxy.struck()).toBe(true);
      await untilItWorks(() => client.set("greeting", "hello"));
    } finally {
      await proxy.stop();
    }
  });

  test("a server that was restarted is found again", async () => {
    const client = await open(locationOf(single));
    await client.set("greeting", "hello");
    await single.restart();
    await untilItWorks(() => client.set("greeting", "hello again"));
    await expect(client.get("greeting")).resolves.toBe("hello again");
  });

  test("it rejects at once when Redis wants credentials and there are none", async () => {
    await redisCommand(single.url, ["CONFIG", "SET", "requirepass", "right"]);
    try {
      await expect(
        open(locationOf(single), { connectSeconds: 300 }),
      ).rejects.toThrow(/NOAUTH/);
      const { port } = new URL(single.url);
      const client = await open({ url: `redis://:right@127.0.0.1:${port}` });
      await client.set("greeting", "hello");
    } finally {
      await redisCommand(single.url.replace("//", "//:right@"), [
        "CONFIG",
        "SET",
        "requirepass",
        "",
      ]);
    }
  });

  test("it rejects at once when the database does not exist", async () => {
    await expect(
      open({ url: `${single.url}/99` }, { connectSeconds: 300 }),
    ).rejects.toThrow(/DB index/);
  });

  test("its errors are told to onError, without the password", async () => {
    const errors: Error[] = [];
    const relay = await startRelay(entryPortOf(locationOf(single)));
    await open(
      { url: `redis://app:hush@127.0.0.1:${relay.port}` },
      { connectSeconds: 0, onError: (error) => errors.push(error) },
    );
    await until("there is an error", () => errors.length > 0);
    expect(errors.map((error) => error.message).join()).not.toContain("hush");
  });

  test("its errors are warned of, but not all the time", async () => {
    const warn = jest
      .spyOn(console, "warn")
      .mockImplementation(() => undefined);
    try {
      const relay = await startRelay(entryPortOf(locationOf(single)));
      const client = await redisClient({
        ...through(relay, locationOf(single)),
        connectSeconds: 0,
      });
      clients.push(client);
      let errors = 0;
      (client as unknown as EventEmitter).on("error", () => (errors += 1));
      await until("it has tried again and again", () => errors > 2);
      expect(warn).toHaveBeenCalledTimes(1);
      expect(String(warn.mock.calls[0])).toMatch(/Redis: .*was closed/);
    } finally {
      warn.mockRestore();
    }
  });
});

async function open(
  location: RedisLocation,
  options: Partial<Omit<RedisConnectionOptions, keyof RedisLocation>> = {},
): Promise<ManagedRedisClient> {
  const client = await redisClient({
    ...location,
    // The default, 2, is for applications that may start without Redis.
    connectSeconds: 20,
    onError: () => undefined,
    ...options,
  });
  clients.push(client);
  return client;
}

/** Freezes the servers that hold data; the result undoes it. */
async function pause(location: RedisLocation): Promise<() => void> {
  const pids = await Promise.all(
    (await dataServersOf(location)).map(async (url) => {
      const info = String(await redisCommand(url, ["INFO", "server"]));
      return Number(/process_id:(\d+)/.exec(info)?.[1]);
    }),
  );
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  return () => {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  };
}

/** A client of node-redis that has no watchdog, and does not connect anew. */
async function openPlain(
  url: string,
  socket: { readonly socketTimeout: number },
) {
  const client = createClient({
    url,
    socket: { ...socket, reconnectStrategy: false },
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Whether a command fails before anything else can happen: it waits for nothing. */
async function failsAtOnce(client: ManagedRedisClient): Promise<boolean> {
  const failed = client.get("greeting").then(
    () => false,
    () => true,
  );
  return await Promise.race([failed, turn(false)]);
}

/** A client that was not closed, and that finds nobody, has tried again and again: one that still tries has done so, too. */
async function othersHaveTriedAgain(location: RedisLocation): Promise<void> {
  const relay = await startRelay(entryPortOf(location));
  await open(through(relay, location), { connectSeconds: 0 });
  await until("others have tried again", () => relay.connections() >= 4);
}

/** A port that leads to another one, or where connecting fails. */
interface Relay {
  readonly port: number;
  /** From now on one can connect. */
  open(): void;
  /** How many attempts to connect there were. */
  connections(): number;
  close(): Promise<void>;
}

async function startRelay(target: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let isOpen = false;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => undefined);
    if (!isOpen) {
      socket.resetAndDestroy();
      return;
    }
    const other = connect(target, "127.0.0.1");
    other.on("error", () => undefined);
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    open() {
      isOpen = true;
    },
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  relays.push(relay);
  return relay;
}

/** The port at which a client begins. */
function entryPortOf(location: RedisLocation): number {
  if ("sentinel" in location) return location.sentinel.nodes[0]?.port ?? 0;
  const url = "url" in location ? location.url : location.cluster.urls[0];
  return Number(new URL(url ?? "").port);
}

/** The same place, but begun at through the relay. */
function through({ port }: Relay, location: RedisLocation): RedisLocation {
  const url = `redis://127.0.0.1:${port}`;
  if ("url" in location) return { url };
  if ("cluster" in location) return { cluster: { urls: [url] } };
  const { name } = location.sentinel;
  return { sentinel: { name, nodes: [{ host: "127.0.0.1", port }] } };
}

/** Rejects while a connection that this file made is open, the relay's included. */
function noSockets(): Promise<void> {
  expect([...openSockets].map(describeSocket)).toEqual([]);
  return Promise.resolve();
}

function describeSocket({ localPort, remotePort }: Socket): string {
  return `${localPort} to ${remotePort}`;
}
