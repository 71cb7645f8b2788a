/**
 * One user with as many logins as the kit allows, all of them real, and the call
 * that ends them.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import {
  type ManagedRedisClient,
  redisClient,
} from "../../lib/redis/redis-client.js";
import { bestOf } from "../support/best-of.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { keysWith } from "../support/redis-clients.js";
import { redisCommand } from "../support/redis-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { volume } from "../support/volume.js";

/** So many of their cookies are tried afterwards. */
const SAMPLE = 50;
const LOGINS = volume(100, 1_000);
/** Sign-ins that are under way at the same time. */
const AT_ONCE = 16;
/** Milliseconds. */
const DEAD_WITHIN = 2_000;
/** Others use this machine too: the best of so many rounds counts. */
const ROUNDS = 10;
/** Between two rounds, in milliseconds: what takes the machine now may be over then. */
const PAUSE = 3_000;

/** All that is in Redis is kept aside in another of its databases, and put back. */
const KEEP = `for _, key in ipairs(redis.call("KEYS", "*")) do
  redis.call("COPY", key, key, "DB", 1)
end`;
const PUT_BACK = `redis.call("FLUSHDB")
redis.call("SELECT", 1)
for _, key in ipairs(redis.call("KEYS", "*")) do
  redis.call("COPY", key, key, "DB", 0)
end`;

/** What happened when the logins were ended. */
interface Round {
  /** How many logins the call says it ended. */
  readonly count: number;
  /** Milliseconds. */
  readonly took: number;
  readonly keysAfter: readonly string[];
}

let redis: RedisServer;
let client: ManagedRedisClient;
let w: LyingWorld;
let browsers: readonly TestBrowser[];
let keysBefore: readonly string[];
/** Milliseconds, of the best round. */
let took: number;
let last: Round;

beforeAll(async () => {
  redis = await startRedis();
  client = await redisClient({ url: redis.url });
  w = await lyingWorld({ redis: client });
  await w.signIn("bob");
  browsers = await signInOften("alice");
  keysBefore = await keysWith(redis, "");
  await redisCommand(redis.url, ["EVAL", KEEP, "0"]);
  took = await bestOf(
    DEAD_WITHIN,
    async (index) => {
      if (index > 0) {
        await sleep(PAUSE);
        await redisCommand(redis.url, ["EVAL", PUT_BACK, "0"]);
      }
      last = await round();
      return last.took;
    },
    ROUNDS,
  );
}, 300_000);

afterAll(async () => {
  await until("the revocations are over", async () => {
    const before = w.provider.requests.length;
    await sleep(200);
    return w.provider.requests.length === before;
  });
  await w.close();
  await client.close();
  await redis.stop();
});

test("a user has that many logins at the same time", () => {
  expect(named(keysBefore, ":login")).toHaveLength(LOGINS + 1);
  expect(last.count).toBe(LOGINS);
});

// Shows: ASVS 7.4.2
test("ASVS 7.4.5: kit.sessions.endAll ends them within 2 s, also where other tests run at the same time", () => {
  expect(took).toBeLessThan(DEAD_WITHIN);
});

test("the cookies of a sample open nothing afterwards", async () => {
  const sample = browsers.filter(
    (_browser, index) => index % (LOGINS / SAMPLE) === 0,
  );
  expect(sample).toHaveLength(SAMPLE);
  const statuses = await Promise.all(sample.map(w.statusFor));
  expect(statuses).toEqual(sample.map(() => 401));
});

test("no key of these logins, their sessions or their groups is left in Redis; another user's are", () => {
  const { keysAfter } = last;
  // Each user's group, and the group of each session at the provider.
  expect(named(keysBefore, ":logins")).toHaveLength(2 + LOGINS + 1);
  expect(named(keysAfter, ":login")).toHaveLength(1);
  expect(named(keysAfter, ":logins")).toHaveLength(2);
  expect(keysAfter.filter((key) => key.includes(":session:"))).toHaveLength(1);
  // For a minute there is what they were; it opens nothing.
  const isNew = (key: string) =>
    !keysBefore.includes(key) && !key.endsWith(":ended");
  expect(named(keysAfter, ":ended")).toHaveLength(LOGINS);
  expect(keysAfter.filter(isNew)).toEqual([
    expect.stringMatching(
      /^login-kit:[\w-]{10}:\{user\.[\w-]{22}\}:logged-out$/,
    ),
  ]);
});

test("the user has no login, and may sign in again", async () => {
  expect(await w.kit.sessions.list("alice")).toEqual([]);
  const browser = await w.signIn("alice");
  expect(await w.statusFor(browser)).toBe(200);
});

async function signInOften(user: string): Promise<TestBrowser[]> {
  const signedIn: TestBrowser[] = [];
  let begun = 0;
  const visitor = async (): Promise<void> => {
    while (begun < LOGINS) {
      begun += 1;
      signedIn.push(await w.signIn(user));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visitor));
  return signedIn;
}

async function round(): Promise<Round> {
  // The provider of this test is in the same process, and would use its time.
  const revocations = w.provider.hold("/revoke", "request");
  const from = performance.now();
  const count = await w.kit.sessions.endAll("alice");
  const took = performance.now() - from;
  revocations.release();
  return { count, took, keysAfter: await keysWith(redis, "") };
}

function named(keys: readonly string[], end: string): string[] {
  return keys.filter((key) => key.endsWith(end));
}
