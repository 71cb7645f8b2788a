/** Clients of every kind of Redis, as an application would make them, and what is in its servers. */
import { createClient, createCluster, createSentinel } from "redis";

import {
  isClosed,
  type RedisClient,
} from "../../lib/stores/redis/redis-command.js";
import {
  redisClient,
  type RedisLocation,
} from "../../lib/redis/redis-client.js";
import { until } from "./until.js";
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
  return {
    client: "sentinel" in location ? whenConnected(client) : client,
    close: () => client.close(),
  };
}

/** What a client says of a command that it has not sent. */
const NOT_SENT = "not connected; connecting anew";

/**
 * Sends what was not sent when it can: on a busy machine a Sentinel's client may
 * connect anew, which redis-client.test.ts is about.
 *
 * @param root the client that can be closed, where this is a view of it
 */
function whenConnected(
  client: RedisClient,
  root: RedisClient = client,
): RedisClient {
  const send = async (command: () => Promise<unknown>): Promise<unknown> => {
    let answer: unknown;
    await until("it is connected", async () => {
      try {
        answer = await command();
        return true;
      } catch (error) {
        const isUnsent = error instanceof Error && error.message === NOT_SENT;
        if (isUnsent && !isClosed(root)) return false;
        throw error;
      }
    });
    return answer;
  };
  const waiting: RedisClient & { readonly isClosed: boolean } = {
    // One that was closed is not waited for.
    get isClosed() {
      return isClosed(root);
    },
    get: (key) => send(() => client.get(key)),
    set: (key, value, options) => send(() => client.set(key, value, options)),
    del: (keys) => send(() => client.del(keys)),
    hmGet: (key, fields) => send(() => client.hmGet(key, fields)),
    eval: (script, options) => send(() => client.eval(script, options)),
    subscribe: (channel, listener) =>
      send(() => client.subscribe(channel, listener)),
    unsubscribe: (channel, listener) =>
      send(() => client.unsubscribe(channel, listener)),
    withTypeMapping: (mapping) =>
      whenConnected(client.withTypeMapping(mapping) as RedisClient, root),
  };
  return waiting;
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
