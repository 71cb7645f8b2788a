/** `kit.health()`: what probes are told, and what that costs. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitOptions,
  type StoreDriver,
} from "../../lib/index.js";
import { redisClient } from "../../lib/redis/redis-client.js";
import { createMemoryDriver } from "../../lib/stores/memory/memory-driver.js";
import { beforeControl } from "../support/before-control.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import {
  clientAt,
  lyingKitOptions,
  lyingWorld,
} from "../support/lying-world.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import { until } from "../support/until.js";

const APP = "http://127.0.0.1:3000";
const METADATA = "GET /.well-known/openid-configuration";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  releaseClock();
  for (const end of ends.splice(0).reverse()) await end();
});

let server: RedisServer | undefined;
afterAll(() => server?.stop());

async function start(options: Partial<LoginKitOptions> = {}): Promise<{
  readonly kit: LoginKit;
  readonly provider: LyingProvider;
  readonly probes: () => number;
}> {
  const provider = await startLyingProvider({ clients: [clientAt([APP])] });
  ends.push(() => provider.close());
  const kit = createLoginKit({
    ...lyingKitOptions(provider, APP),
    ...options,
  });
  ends.push(() => kit.close());
  const probes = (): number =>
    provider.requests.filter((request) => request === METADATA).length;
  return { kit, provider, probes };
}

/** A store whose reads are counted, and fail or hang on demand. */
function countedStore(): {
  readonly store: StoreDriver;
  readonly reads: () => number;
  answer: "right" | "failure" | "none";
} {
  const driver = createMemoryDriver(Date.now);
  let count = 0;
  const counted = {
    answer: "right" as "right" | "failure" | "none",
    reads: () => count,
    store: {
      ...driver,
      read(key: string, fields: readonly string[]) {
        count += 1;
        if (counted.answer === "none") {
          return new Promise<never>((_resolve, reject) => {
            ends.push(() => {
              reject(new Error("the test is over"));
            });
          });
        }
        if (counted.answer === "failure") {
          return Promise.reject(new Error("the disk of db-7 is full"));
        }
        return driver.read(key, fields);
      },
    },
  };
  return counted;
}

describe("kit.health()", () => {
  test("tells that store and provider answer", async () => {
    const { kit } = await start();
    expect(await kit.health()).toEqual({
      live: true,
      ready: true,
      store: { state: "up", checkedAt: expect.any(Date) },
      providers: { default: { state: "up", checkedAt: expect.any(Date) } },
    });
  });

  test("is not ready where the store fails, and says why without its words", async () => {
    const counted = countedStore();
    const { kit } = await start({ store: counted.store });
    counted.answer = "failure";
    const health = await kit.health();
    expect(health).toMatchObject({
      live: true,
      ready: false,
      store: { state: "down", code: "ERR_STORE_UNAVAILABLE" },
    });
    expect(JSON.stringify(health)).not.toContain("db-7");
  });

  test("does not wait for a store or a provider that hangs", async () => {
    const counted = countedStore();
    const { kit, provider } = await start({
      store: counted.store,
      storeTimeoutSeconds: 60,
      providerTimeoutSeconds: 60,
    });
    counted.answer = "none";
    const held = provider.hold("/.well-known/openid-configuration");
    const health = await beforeControl(20_000, kit.health());
    expect(health.ready).toBe(false);
    expect(health.providers["default"]).toEqual({ state: "unknown" });
    held.release();
  });

  test("is ready where the provider is down, and tells that it is", async () => {
    const { kit, provider } = await start();
    provider.setDown(true);
    const { ready, providers } = await kit.health();
    expect(ready).toBe(true);
    expect(providers["default"]).toMatchObject({
      state: "down",
      code: "ERR_PROVIDER_UNAVAILABLE",
    });
  });

  test("tells of metadata that are no good", async () => {
    const { kit, provider } = await start();
    provider.misbehave = {
      metadata: (right) => ({ ...right, issuer: "https://else.example" }),
    };
    const { providers } = await kit.health();
    expect(providers["default"]).toMatchObject({
      state: "down",
      code: "ERR_DISCOVERY_INVALID",
    });
  });

  test("notices that the provider goes down and comes back, by requests of its own", async () => {
    takeClock();
    const { kit, provider } = await start();
    const state = async (): Promise<string | undefined> =>
      (await kit.health()).providers["default"]?.state;
    expect(await state()).toBe("up");
    provider.setDown(true);
    passSeconds(16);
    expect(await state()).toBe("down");
    provider.setDown(false);
    passSeconds(16);
    expect(await state()).toBe("up");
  });

  test("is not ready while the kit closes, and lives", async () => {
    const { kit } = await start();
    expect((await kit.health()).ready).toBe(true);
    await kit.close();
    expect(await kit.health()).toMatchObject({ live: true, ready: false });
  });

  test("does not live where only the Redis client was closed", async () => {
    server ??= await startRedis();
    const redis = await redisClient({ url: server.url, connectSeconds: 20 });
    const { kit } = await start({ redis });
    expect((await kit.health()).live).toBe(true);
    takeClock();
    passSeconds(2);
    await redis.close();
    expect(await kit.health()).toMatchObject({ live: false, ready: false });
  });

  test("lives while Redis does not answer, and is ready when it does again", async () => {
    takeClock();
    server ??= await startRedis();
    const { url } = server;
    const redis = await redisClient({
      url,
      onError: () => undefined,
      connectSeconds: 20,
    });
    ends.push(() => redis.close());
    const { kit } = await start({ redis });
    server.pause();
    ends.push(() => server?.resume());
    expect(await kit.health()).toMatchObject({ live: true, ready: false });
    server.resume();
    await until("it is ready", async () => {
      passSeconds(1);
      return (await kit.health()).ready;
    });
  });
});

describe("kit.health() floods nobody:", () => {
  test("in one second it reads the store once and asks the provider once", async () => {
    takeClock();
    const counted = countedStore();
    const { kit, probes } = await start({ store: counted.store });
    await Promise.all(Array.from({ length: 100 }, () => kit.health()));
    await kit.health();
    expect(counted.reads()).toBe(1);
    expect(probes()).toBe(1);
    passSeconds(1);
    await kit.health();
    expect(counted.reads()).toBe(2);
    expect(probes()).toBe(1);
  });

  test("a provider is asked once in 15 seconds, however long it hangs", async () => {
    takeClock();
    const { kit, provider, probes } = await start();
    await kit.health();
    const held = provider.hold("/.well-known/openid-configuration");
    for (let probe = 0; probe < 3; probe++) {
      passSeconds(16);
      await kit.health();
    }
    expect(probes()).toBe(2);
    held.release();
  });

  test("a provider that was just heard of is not asked", async () => {
    takeClock();
    const w = await lyingWorld();
    ends.push(() => w.close());
    await w.kit.health();
    passSeconds(14);
    await w.signIn("alice");
    passSeconds(14);
    const before = w.provider.requests.length;
    expect((await w.kit.health()).providers["default"]?.state).toBe("up");
    expect(w.provider.requests).toHaveLength(before);
  });

  test("the first look fetches the metadata that the first sign-in needs", async () => {
    const w = await lyingWorld();
    ends.push(() => w.close());
    await w.kit.health();
    await w.signIn("alice");
    const fetched = w.provider.requests.filter((one) => one === METADATA);
    expect(fetched).toHaveLength(1);
  });
});
