import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";
import { createClient } from "redis";

import { closeRedis, world, type World } from "../support/world.js";

const url = process.env["TEST_REDIS_URL"] ?? "";
const redis = createClient({ url });
let prefix: string;
let w: World;
beforeEach(async () => {
  if (!redis.isOpen) await redis.connect();
  prefix = `damaged-${String(Math.random()).slice(2)}:`;
  w = await world({
    kit: { redisKeyPrefix: prefix },
    routes(app, kit) {
      app.get("/session-keys", kit.session, (req, res) => {
        res.json(Object.keys(req.session));
      });
      app.get("/visits", kit.session, kit.requireAuth(), (req, res) => {
        const session = req.session as { visits?: number };
        session.visits = (session.visits ?? 0) + 1;
        res.json(session.visits);
      });
    },
    signedInAs: "alice",
  });
});
afterEach(() => w.close());
afterAll(() => {
  redis.destroy();
  closeRedis();
});

async function loginKey(): Promise<string> {
  const keys = await redis.keys(`${prefix}*:login`);
  expect(keys).toHaveLength(1);
  return keys[0] ?? "";
}

async function status(path: string): Promise<number> {
  return (await w.browser.fetchJson(w.app.url + path)).status;
}

test.each([
  ["not JSON", "{"],
  ["null", "null"],
  ["a list", "[]"],
  ["of another version", '{"version":99,"who":"alice"}'],
  ["without a version", '{"identity":{"claims":{"sub":"alice"}}}'],
])(
  "ASVS 16.5.3: a login record that is %s is no login, and no failure",
  async (_what, value) => {
    await redis.hSet(await loginKey(), "i", value);
    expect(await status("/me")).toBe(401);
    expect(await status("/session")).toBe(200);
    const page = await w.signIn();
    expect(page.response.status).toBe(200);
  },
);

test.each([
  ["lost", undefined],
  ["not JSON", "{"],
  ["no object", "42"],
])(
  "ASVS 16.5.3: a session that is %s is an empty one: the user stays signed in",
  async (_what, value) => {
    const visits = async (): Promise<unknown> => {
      const answer = await w.browser.fetchJson(`${w.app.url}/visits`);
      expect(answer.status).toBe(200);
      return answer.json();
    };
    expect(await visits()).toBe(1);
    expect(await visits()).toBe(2);
    const [key = ""] = await redis.keys(`${prefix}*:session:*`);
    if (value === undefined) await redis.del(key);
    else await redis.set(key, value);
    expect(await visits()).toBe(1);
    expect(await visits()).toBe(2);
    expect(await w.app.kit.sessions.list("alice")).toHaveLength(1);
    // What was put into it goes with the login.
    const cookie = w.browser.clone();
    await w.app.kit.sessions.endAll("alice");
    expect(await status("/visits")).toBe(401);
    const keys = await cookie.fetchJson(`${w.app.url}/session-keys`);
    expect(await keys.json()).not.toContain("visits");
  },
);

test.each([
  ["altered", (sealed: Buffer) => Buffer.from(sealed).fill(0, 40, 50)],
  ["cut off", (sealed: Buffer) => sealed.subarray(0, 20)],
  ["empty", () => Buffer.alloc(0)],
])(
  "ASVS 16.5.3: sealed tokens that are %s give no token: signed out, and nothing is sent",
  async (_what, damage) => {
    const key = await loginKey();
    const binary = redis.withTypeMapping({ 36: Buffer });
    const sealed = (await binary.hGet(key, "t")) as unknown as Buffer;
    await redis.hSet(key, "t", damage(sealed));
    const before = w.provider.tokenRequests();
    expect(await status("/api/orders")).toBe(401);
    expect(w.provider.tokenRequests()).toBe(before);
  },
);

test("OA-14: sealed tokens of one login do not open in another's record", async () => {
  const alice = await loginKey();
  const binary = redis.withTypeMapping({ 36: Buffer });
  const sealed = (await binary.hGet(alice, "t")) as unknown as Buffer;
  await redis.del(alice);
  const bob = w.browser.clone();
  await bob.jar.removeAllCookies();
  await w.signIn({ user: "bob", browser: bob });
  await redis.hSet(await loginKey(), "t", sealed);
  const answer = await bob.fetchJson(`${w.app.url}/api/orders`);
  expect(answer.status).toBe(401);
});

test("ASVS 15.3.6: __proto__ in a stored session changes nothing", async () => {
  expect(await status("/visits")).toBe(200);
  const [key = ""] = await redis.keys(`${prefix}*:session:*`);
  const session = JSON.parse((await redis.get(key)) ?? "{}") as object;
  const json = JSON.stringify(session).replace(
    /\}$/,
    ',"__proto__":{"polluted":true},"extra":1}',
  );
  await redis.set(key, json);
  expect(await status("/session-keys")).toBe(200);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
