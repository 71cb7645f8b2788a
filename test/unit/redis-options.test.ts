/** What redisClient refuses before it connects. */
import { expect, test } from "@jest/globals";

import { ConfigError } from "../../lib/index.js";
import { redisClient } from "../../lib/redis/redis-client.js";

const url = "redis://a";
const TLS_URL = "rediss://a";

test.each<[unknown, string]>([
  [undefined, "options: is missing; must be an object"],
  ["redis://a", "options: must be a plain object; this is a string"],
  [{}, "options: must have one of url, sentinel and cluster"],
  [{ url, cluster: { urls: [url] } }, "options: must have one of url"],
  [{ uri: url }, "options: unknown option uri; did you mean url?"],
  [
    { url: undefined },
    "url: is undefined (an environment variable that is not set?); must be like redis://host:6379",
  ],
  [{ url: "" }, "url: must be like redis://host:6379"],
  [{ url: "a:6379" }, "url: must be like redis://host:6379"],
  [{ url: "https://a" }, "url: must be like redis://host:6379"],
  [{ url: "redis://:hush%@a" }, "url: has a user name or password that is not"],
  [{ cluster: { urls: [] } }, "cluster.urls: must name a node"],
  [{ cluster: [url] }, "cluster: must be a plain object"],
  [{ cluster: { urls: [url, "b"] } }, "cluster.urls.1: must be like redis://"],
  [
    { cluster: { urls: ["redis://:hush@a", "redis://:hush2@b"] } },
    "cluster.urls: differ in scheme, user name or password",
  ],
  [{ cluster: { urls: [url, TLS_URL] } }, "cluster.urls: differ in scheme"],
  [{ cluster: { urls: [url], password: "hush" } }, "unknown option password"],
  [
    { sentinel: { name: "shop", nodes: [{ host: "a" }] } },
    "sentinel.nodes.0.port: must be a port number",
  ],
  [
    { sentinel: { name: "shop", nodes: [], password: "hush" } },
    "sentinel: unknown option password; there are name, nodes, options",
  ],
  [{ url, options: { pasword: "hush" } }, "did you mean password?"],
  [{ url, options: { password: undefined } }, "options.password: must be a"],
  [
    { url, options: { disableOfflineQueue: false } },
    "options: unknown option disableOfflineQueue",
  ],
  [{ url, options: { socket: { tls: true } } }, "must begin with rediss://"],
  [
    { cluster: { urls: [url] }, options: { socket: { ca: "hush" } } },
    "options: socket is for TLS: a URL beside it must begin with rediss://",
  ],
  [
    { url: TLS_URL, options: { socket: { ca: undefined } } },
    "options.socket.ca: must be a text or Buffer in PEM",
  ],
  [{ url: TLS_URL, options: { socket: { ca: [""] } } }, "options.socket.ca"],
  [
    { url: TLS_URL, options: { socket: { tls: false } } },
    "options.socket.tls: must be true, or left out",
  ],
  [
    { url: TLS_URL, options: { socket: { cert: "hush" } } },
    "options.socket: cert and key go together",
  ],
  [
    { url: TLS_URL, options: { socket: { rejectUnauthorized: false } } },
    "options.socket: unknown option rejectUnauthorized",
  ],
  [{ url, onError: "log" }, "onError: must be a function"],
  [{ url, connectSeconds: "2" }, "connectSeconds: must be a number of seconds"],
])("redisClient refuses %j before it connects", async (options, problem) => {
  const error: unknown = await redisClient(options as { url: string }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigError);
  const { problems, message } = error as ConfigError;
  expect(problems).toContainEqual(expect.stringContaining(problem));
  expect(message).toMatch(/^redisClient: \d wrong options?\n/);
  expect(message).not.toContain("hush");
});
