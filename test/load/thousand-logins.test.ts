/**
 * One user with as many logins as the kit allows, all of them real, and the call
 * that ends them.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import {
  type ManagedRedisClient,
  redisClient,
} from "../../lib/redis/redis-client.js";
import { beforeControl } from "../support/before-control.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { keysWith } from "../support/redis-clients.js";
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

let redis: RedisServer;
let client: ManagedRedisClient;
let w: LyingWorld;
let browsers: readonly TestBrowser[];
let keysBefore: readonly string[];
let keysAfter: readonly string[];

beforeAll(async () => {
  redis = await startRedis();
  client = await redisClient({ url: redis.url });
  w = await lyingWorld({ redis: client });
  await w.signIn("bob");
  browsers = await signInOften("alice");
  keysBefore = await keysWith(redis, "");
}, 300_000);

afterAll(async () => {
  // Of each login that was ended: its refresh token and its access token.
  await until(
    "the revocations are over",
    () => w.provider.revoked.length >= 2 * LOGINS,
    60_000,
  );
  await w.close();
  await client.close();
  await redis.stop();
});

test("a user has that many logins at the same time", () => {
  expect(named(keysBefore, ":login")).toHaveLength(LOGINS + 1);
});

// Shows: ASVS 7.4.2
test("ASVS 7.4.5: kit.sessions.endAll ends them before a control of 2 s", async () => {
  // The provider of this test is in the same process, and would use its time.
  const revocations = w.provider.hold("/revoke", "request");
  const count = await beforeControl(
    DEAD_WITHIN,
    w.kit.sessions.endAll("alice"),
  );
  revocations.release();
  keysAfter = await keysWith(redis, "");
  expect(count).toBe(LOGINS);
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
  // Each user's group, and the group of each session at the provider.
  expect(named(keysBefore, ":logins")).toHaveLength(2 + LOGINS + 1);
  expect(named(keysAfter, ":login")).toHaveLength(1);
  expect(named(keysAfter, ":logins")).toHaveLength(2);
  expect(keysAfter.filter((key) => key.includes(":session:"))).toEqual([]);
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

function named(keys: readonly string[], end: string): string[] {
  return keys.filter((key) => key.endsWith(end));
}
