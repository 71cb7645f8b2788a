/** Clients of every kind of Redis, as an application would make them, and what is in its servers. */
import { createClient, createCluster, createSentinel } from "redis";

import type { RedisClient } from "../../lib/stores/redis/redis-command.js";
import {
  redisClient,
  type RedisLocation,
} from "../../lib/redis/redis-client.js";
import { redisCommand } from "./redis-process.js";
import type {
  RedisCluster,
  RedisSentinel,
  RedisServer,
} from "./redis-server.js";

/** A client and how to end it. */
export interface OpenClient {
  readonly client: RedisClient;
  readonly close: () => Promise<void>;
}

/** A client made with node-redis alone, with its defaults. */
export async function nodeRedisClient(
  location: RedisLocation,
): Promise<OpenClient> {
  const client =
    "url" in location
      ? createClient({ url: location.url })
      : "cluster" in location
        ? createCluster({
            rootNodes: location.cluster.urls.map((url) => ({ url })),
          })
        : createSentinel({
            name: location.sentinel.name,
            sentinelRootNodes: [...location.sentinel.nodes],
          });
  client.on("error", () => undefined);
  await client.connect();
  return {
    client,
    close: () => {
      void client.destroy();
      return Promise.resolve();
    },
  };
}

/** A client made with `redisClient` of express-login-kit/redis. */
export async function kitRedisClient(
  location: RedisLocation,
): Promise<OpenClient> {
  const client = await redisClient({
    ...location,
    // The default, 2, is for applications that may start without Redis.
    connectSeconds: 20,
    onError: () => undefined,
  });
  return { client, close: () => client.close() };
}

/** How to reach a server that a test started. */
export function locationOf(
  started: RedisServer | RedisCluster | RedisSentinel,
): RedisLocation {
  if ("rootNodes" in started) {
    return { cluster: { urls: started.rootNodes.map(({ url }) => url) } };
  }
  if ("sentinels" in started) {
    return { sentinel: { name: started.name, nodes: started.sentinels } };
  }
  return { url: started.url };
}

/** Names of all keys, on whatever server, that hold this text. */
export async function keysWith(
  started: RedisServer | RedisCluster | RedisSentinel,
  text: string,
): Promise<string[]> {
  const found = await Promise.all(
    (await dataServersOf(locationOf(started))).map((url) =>
      redisCommand(url, ["KEYS", `*${text}*`]),
    ),
  );
  return found.flat().map(String);
}

/** URLs of the servers that hold data. */
export async function dataServersOf(
  location: RedisLocation,
): Promise<readonly string[]> {
  if ("url" in location) return [location.url];
  if ("cluster" in location) return location.cluster.urls;
  const [node] = location.sentinel.nodes;
  if (node === undefined) throw new Error("there is no Sentinel");
  const [host, port] = (await redisCommand(
    `redis://${node.host}:${node.port}`,
    ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", location.sentinel.name],
  )) as string[];
  return [`redis://${host}:${port}`];
}
