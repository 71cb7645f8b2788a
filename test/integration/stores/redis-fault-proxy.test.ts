/** The tool of the fault tests itself: what it does to a command, and what it leaves alone. */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { createClient } from "redis";

import {
  type RedisFaultProxy,
  startRedisFaultProxy,
} from "../../support/redis-fault-proxy.js";
import { redisCommand } from "../../support/redis-process.js";
import { type RedisServer, startRedis } from "../../support/redis-server.js";
import { until } from "../../support/until.js";

let redis: RedisServer;
let proxy: RedisFaultProxy;
const clients: { destroy: () => void }[] = [];

beforeAll(async () => {
  redis = await startRedis();
  proxy = await startRedisFaultProxy({ host: "127.0.0.1", port: redis.port });
});
afterEach(async () => {
  proxy.heal();
  proxy.reset();
  for (const client of clients.splice(0)) client.destroy();
  await redisCommand(redis.url, ["FLUSHALL"]);
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

async function connected(reconnectStrategy: number | false = 10) {
  const client = createClient({
    url: proxy.url,
    RESP: 3,
    disableOfflineQueue: true,
    socket: { reconnectStrategy },
  });
  client.on("error", () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

/** What is stored under a key, asked past the proxy. */
const stored = (key: string) => redisCommand(redis.url, ["GET", key]);

test("commands are counted with their keys, a client's own housekeeping is not", async () => {
  const client = await connected();
  await client.ping();
  await client.set("a", "1");
  await Promise.all([client.hGetAll("b"), client.set("c", "é\r\n$5\r\n")]);
  await client.eval("return {1, {2, 'x'}}", { keys: ["d"], arguments: [] });
  await expect(client.get("c")).resolves.toBe("é\r\n$5\r\n");
  expect(proxy.commands()).toEqual([
    "SET a",
    "HGETALL b",
    "SET c",
    "EVAL d",
    "GET c",
  ]);
});

test("a megabyte comes through in both directions", async () => {
  const client = await connected();
  const large = "x".repeat(1_000_000);
  await client.set("large", large);
  await expect(client.get("large")).resolves.toBe(large);
});

test("cut-before: the command fails, and was not carried out; what came before was", async () => {
  const client = await connected();
  proxy.fault(2, "cut-before");
  const first = client.set("a", "1").catch(() => "cut");
  await expect(client.set("b", "1")).rejects.toThrow();
  await first;
  await until("the first is carried out", async () => {
    return (await stored("a")) === "1";
  });
  await expect(stored("b")).resolves.toBeNull();
  expect(proxy.struck()).toBe(true);
});

test("cut-after: the command fails, and was carried out", async () => {
  const client = await connected();
  proxy.fault(1, "cut-after");
  await expect(client.set("a", "1")).rejects.toThrow();
  await expect(stored("a")).resolves.toBe("1");
});

test("after a cut the client connects again; with `away` only after heal", async () => {
  const client = await connected();
  proxy.fault(1, "cut-before");
  await expect(client.set("a", "1")).rejects.toThrow();
  await until("it is back", () => client.isReady);
  proxy.reset();
  proxy.fault(1, "cut-before", { away: true });
  await expect(client.set("a", "1")).rejects.toThrow();
  await expect(connected(false)).rejects.toThrow();
  proxy.heal();
  await until("it is back", () => client.isReady);
  await client.set("a", "2");
  await expect(stored("a")).resolves.toBe("2");
});

test("stall: the command is carried out, its reply and those behind it come at heal", async () => {
  const client = await connected();
  const answered: string[] = [];
  proxy.fault(1, "stall");
  const both = [
    client.set("a", "1").then(() => answered.push("a")),
    client.set("b", "1").then(() => answered.push("b")),
  ];
  await until("both are carried out", async () => {
    return (await stored("b")) === "1";
  });
  expect(answered).toEqual([]);
  proxy.heal();
  await Promise.all(both);
  expect(answered).toEqual(["a", "b"]);
});

test("stall, late: the command is carried out at heal, also when its client has left", async () => {
  const client = await connected();
  proxy.fault(1, "stall", { late: true });
  const set = client.set("a", "1").catch(() => "left");
  await until("it has come", () => proxy.struck());
  client.destroy();
  await set;
  await expect(stored("a")).resolves.toBeNull();
  proxy.heal();
  await until("it is carried out", async () => (await stored("a")) === "1");
});
