/** How often the tokens of a login travel from Redis for one request, by Redis' own statistics. */
import { randomBytes } from "node:crypto";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import { loginOf, type ResourceServerOptions } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import {
  recordingServer,
  type RecordingServer,
} from "../support/recording-server.js";
import { nodeRedisClient, type OpenClient } from "../support/redis-clients.js";
import { redisCommand } from "../support/redis-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import type { TestBrowser } from "../support/test-browser.js";

/**
 * What makes a login's tokens so large that nothing else counts. It cannot be
 * compressed, and stands in the ID Token alone: the login's claims are without it.
 */
const LARGE_BYTES = 32 * 1024;
const LARGE_CLAIM = {
  s_hash: randomBytes(LARGE_BYTES).toString("base64url"),
};

const LIFETIME_SECONDS = 60;

let redis: RedisServer;
let open: OpenClient;
let w: LyingWorld;
let api: RecordingServer;
let browser: TestBrowser;
/** What Redis sends where the tokens are read once. */
let bytesOfOneRead: number;
beforeAll(async () => {
  redis = await startRedis();
  open = await nodeRedisClient({ url: redis.url });
  takeClock();
  // This process has not seen these tokens, and they are good.
  await start({});
  bytesOfOneRead = await bytesFor("/forward");
  await stop();
});
beforeEach(takeClock);
afterEach(stop);
afterAll(async () => {
  await open.close();
  await redis.stop();
});

async function start(server: Partial<ResourceServerOptions>): Promise<void> {
  api = await recordingServer();
  w = await lyingWorld({
    redis: open.client,
    provider: { accessTokenSeconds: LIFETIME_SECONDS },
    kit: {
      scope: "openid offline_access",
      resourceServers: {
        orders: { url: `${api.url}/v1`, ...server },
      },
    },
    routes(app, kit) {
      app.use("/forward", kit.requireAuth(), kit.forward("orders"));
      app.get("/fetch", kit.requireAuth(), async (req, res) => {
        const answer = await loginOf(req).fetch(`${api.url}/v1/orders`);
        res.status(answer.status).end();
      });
    },
  });
  w.provider.misbehave = {
    idToken: { grantType: "authorization_code", claims: LARGE_CLAIM },
  };
  browser = await w.signIn("alice");
}

async function stop(): Promise<void> {
  releaseClock();
  await Promise.all([w.close(), api.close()]);
}

/** Bytes that Redis has sent to anybody so far. */
async function bytesSent(): Promise<number> {
  const info = await redisCommand(redis.url, ["INFO", "stats"]);
  return Number(/total_net_output_bytes:(\d+)/.exec(String(info))?.[1]);
}

/** Bytes that Redis sends for a request, which succeeds. */
async function bytesFor(path: string): Promise<number> {
  const before = await bytesSent();
  const answer = await browser.fetchJson(w.url + path);
  expect(answer.status).toBe(200);
  return (await bytesSent()) - before;
}

/** How often the tokens are read for it. */
async function readsFor(path: string): Promise<number> {
  return Math.round((await bytesFor(path)) / bytesOfOneRead);
}

const tokenRequests = (): number =>
  w.provider.requests.filter((request) => request === "POST /token").length;

describe.each(["/forward", "/fetch"])("%s: tokens are read", (path) => {
  test("once where this process has not seen them, and its token is good", async () => {
    await start({});
    expect(bytesOfOneRead).toBeGreaterThan(LARGE_BYTES);
    expect(await readsFor(path)).toBe(1);
    expect(tokenRequests()).toBe(1);
  });

  test.each<[string, Partial<ResourceServerOptions>]>([
    ["a resource server's token is fetched", { resource: "urn:api" }],
    ["a token is exchanged", { tokenExchange: true }],
  ])("twice where %s", async (_what, server) => {
    await start(server);
    expect(await readsFor(path)).toBe(2);
    expect(tokenRequests()).toBe(2);
  });

  test.each<[string, Partial<ResourceServerOptions>]>([
    ["the login's token is refreshed", {}],
    ["a resource server's token is refreshed", { resource: "urn:api" }],
  ])("at most twice where %s", async (_what, server) => {
    await start(server);
    await readsFor(path);
    passSeconds(LIFETIME_SECONDS);
    const before = tokenRequests();
    const reads = await readsFor(path);
    // One under the lock, and one before where the guard's look was not recent.
    expect([1, 2]).toContain(reads);
    expect(tokenRequests()).toBe(before + 1);
  });

  test("once more where the token that is exchanged has to be refreshed first", async () => {
    await start({ tokenExchange: true });
    await readsFor(path);
    passSeconds(LIFETIME_SECONDS);
    const before = tokenRequests();
    const reads = await readsFor(path);
    expect([2, 3]).toContain(reads);
    expect(tokenRequests()).toBe(before + 2);
  });
});

test("a token that is good and known to this process is not read again", async () => {
  await start({ resource: "urn:api" });
  await readsFor("/forward");
  await readsFor("/forward");
  expect([0, 1]).toContain(await readsFor("/forward"));
});
