/** redisClient: starts without Redis, fails fast while it is away, and comes back by itself. */
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";

import {
  type ManagedRedisClient,
  redisClient,
  type RedisConnectionOptions,
  type RedisLocation,
} from "../../../lib/redis/redis-client.js";
import { bestOf } from "../../support/best-of.js";
import { freePort } from "../../support/free-port.js";
import { dataServersOf, locationOf } from "../../support/redis-clients.js";
import { redisCommand } from "../../support/redis-process.js";
import {
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
} from "../../support/redis-server.js";
import { untilItWorks } from "../../support/until.js";

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
  test("it works at once", async () => {
    const client = await open(location());
    await client.set("greeting", "hello");
    await expect(client.get("greeting")).resolves.toBe("hello");
  });

  test("it resolves though Redis is down, fails at once meanwhile, and works when it is up", async () => {
    const relay = await startRelay(entryPortOf(location()));
    const began = performance.now();
    const client = await open(through(relay, location()));
    // One that waits for Redis would wait for ever.
    expect(performance.now() - began).toBeLessThan(10_000);

    const asked = performance.now();
    await expect(client.get("greeting")).rejects.toThrow();
    // A queued command would not end, for nobody listens yet.
    expect(performance.now() - asked).toBeLessThan(3000);

    await relay.listen();
    await untilItWorks(() => client.set("greeting", "hello"));
    await expect(client.get("greeting")).resolves.toBe("hello");
  });

  test("while Redis hangs, commands fail before socketTimeout is over; afterwards the same client works again", async () => {
    const client = await open(location());
    await client.set("greeting", "hello");
    const resume = await pause(location());
    try {
      const asked = performance.now();
      await expect(client.get("greeting")).rejects.toThrow();
      // Without the watchdog, socketTimeout would end it after 5 s.
      expect(performance.now() - asked).toBeLessThan(4000);
    } finally {
      resume();
    }
    await untilItWorks(() => client.get("greeting"));
    await expect(client.get("greeting")).resolves.toBe("hello");
  });

  test("close() ends every connection and the attempts to make one", async () => {
    const relay = await startRelay(entryPortOf(location()));
    await relay.listen();
    await untilItWorks(noSockets, 3000);
    const client = await open(through(relay, location()));
    await client.get("greeting");
    await client.close();
    await untilItWorks(noSockets, 3000);
    const attempts = relay.connections();
    await sleep(600);
    expect(relay.connections()).toBe(attempts);
  });

  test("close() works while Redis is down, and nothing is tried afterwards", async () => {
    const relay = await startRelay(entryPortOf(location()));
    const client = await open(through(relay, location()), {
      connectSeconds: 0.2,
    });
    await client.close();
    await relay.listen();
    await sleep(900);
    expect(relay.connections()).toBe(0);
  });
});

test.each(Object.entries(kinds))(
  "for %s it rejects at once when Redis refuses the credentials",
  async (_name, location) => {
    const began = performance.now();
    await expect(
      open(location(), {
        connectSeconds: 20,
        options: { username: "app", password: "wrong" },
      }),
    ).rejects.toThrow(/WRONGPASS/);
    expect(performance.now() - began).toBeLessThan(10_000);
  },
);

test("behind Sentinel, once it has noticed that the primary hangs, nobody waits", async () => {
  const client = await open(locationOf(sentinel));
  sentinel.primary.pause();
  try {
    await expect(client.get("greeting")).rejects.toThrow();
    // Longer than an attempt to connect: none may be waited for.
    const slowest = await bestOf(1000, async () => {
      let took = 0;
      for (let index = 0; index < 30; index++) {
        const asked = performance.now();
        await expect(client.get("greeting")).rejects.toThrow();
        took = Math.max(took, performance.now() - asked);
        await sleep(100);
      }
      return took;
    });
    expect(slowest).toBeLessThan(1000);
  } finally {
    sentinel.primary.resume();
  }
  await untilItWorks(() => client.get("greeting"));
});

describe("for a single Redis", () => {
  test("once it has noticed that Redis hangs, nobody waits", async () => {
    const client = await open(locationOf(single));
    single.pause();
    try {
      await expect(client.get("greeting")).rejects.toThrow();
      const took = await bestOf(200, async () => {
        const askedAgain = performance.now();
        await expect(client.get("greeting")).rejects.toThrow();
        return performance.now() - askedAgain;
      });
      expect(took).toBeLessThan(200);
    } finally {
      single.resume();
    }
    await untilItWorks(() => client.get("greeting"));
  });

  test("close() works while the server hangs", async () => {
    await untilItWorks(noSockets, 3000);
    const client = await open(locationOf(single));
    single.pause();
    try {
      const pending = client.get("greeting");
      await Promise.all([expect(pending).rejects.toThrow(), client.close()]);
      await untilItWorks(noSockets, 3000);
    } finally {
      single.resume();
    }
  });

  test("a broken connection fails its commands, and the same client works again", async () => {
    const relay = await startRelay(entryPortOf(locationOf(single)));
    await relay.listen();
    const client = await open(through(relay, locationOf(single)));
    const blocked = client.eval(
      "local t = redis.call('TIME')[1] while redis.call('TIME')[1] - t < 2 do end return 1",
      { keys: [], arguments: [] },
    );
    await sleep(50);
    relay.cut();
    await expect(blocked).rejects.toThrow();
    await untilItWorks(() => client.set("greeting", "hello"));
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
        open(locationOf(single), { connectSeconds: 20 }),
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
      open({ url: `${single.url}/99` }, { connectSeconds: 20 }),
    ).rejects.toThrow(/DB index/);
  });

  test("its errors are told to onError, without the password", async () => {
    const errors: Error[] = [];
    const relay = await startRelay(entryPortOf(locationOf(single)));
    await open(
      { url: `redis://app:hush@127.0.0.1:${relay.port}` },
      { connectSeconds: 0.3, onError: (error) => errors.push(error) },
    );
    expect(errors).not.toEqual([]);
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
        connectSeconds: 1,
      });
      clients.push(client);
      expect(warn).toHaveBeenCalledTimes(1);
      expect(String(warn.mock.calls[0])).toMatch(/Redis: .*ECONNREFUSED/);
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

/** A port that leads to another one, as long as it is listened at. */
interface Relay {
  readonly port: number;
  listen(): Promise<void>;
  /** Breaks all connections. */
  cut(): void;
  /** How many connections there were. */
  connections(): number;
  close(): Promise<void>;
}

async function startRelay(target: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    const other = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = async (): Promise<void> => {
    cut();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  const port = await freePort();
  const relay: Relay = {
    port,
    async listen() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    cut,
    connections: () => connections,
    close: stop,
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
