/** Whoever can write to Redis becomes nobody else, and makes no login last longer. */
import { createHash } from "node:crypto";

import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import { signInCookiePrefix } from "../../lib/base/cookie-names.js";
import { hashOfState } from "../../lib/sign-in/state.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { type SessionWorld, sessionWorld } from "../support/session-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { answerOf, closeRedis, isCallback } from "../support/world.js";

let w: SessionWorld;
let alice: TestBrowser;
let bob: TestBrowser;
let aliceKey: string;
let bobKey: string;

beforeEach(async () => {
  w = await sessionWorld();
  alice = await w.signedIn("alice");
  aliceKey = await keyOf("login");
  bob = await w.signedIn("bob");
  bobKey = await keyOf("login", aliceKey);
});
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

/** The one key of this kind, beside one that is known. */
async function keyOf(kind: string, known?: string): Promise<string> {
  const keys = await w.redis.keys(`${w.prefix}*:${kind}`);
  const [key, ...others] = keys.filter((one) => one !== known);
  if (key === undefined || others.length > 0) throw new Error("not one key");
  return key;
}

/** The fields of a record, as they are. */
async function fieldsOf(key: string): Promise<Record<string, Buffer>> {
  const binary = w.redis.withTypeMapping({ 36: Buffer });
  return await binary.hGetAll(key);
}

async function expectNobody(browser: TestBrowser): Promise<void> {
  expect(await w.ask("/me", browser)).toMatchObject([401, {}]);
  expect(await w.ask("/session", browser)).toMatchObject([
    200,
    { active: false },
  ]);
}

describe("who writes to Redis is not signed in as somebody else", () => {
  test("by a copy of the other one's login", async () => {
    await w.redis.sendCommand(["COPY", aliceKey, bobKey, "REPLACE"]);
    await expectNobody(bob);
    expect(await w.ask("/me", alice)).toMatchObject([200, {}]);
  });

  test("by a copy that is made while the own login is in use", async () => {
    expect(await w.ask("/me", bob)).toMatchObject([200, {}]);
    const { i, s } = await fieldsOf(aliceKey);
    await w.redis.hSet(bobKey, { i: i ?? "", s: s ?? "" });
    await expectNobody(bob);
  });

  test("by exchanging both logins", async () => {
    await w.redis.sendCommand(["RENAME", aliceKey, `${aliceKey}:aside`]);
    await w.redis.sendCommand(["RENAME", bobKey, aliceKey]);
    await w.redis.sendCommand(["RENAME", `${aliceKey}:aside`, bobKey]);
    await expectNobody(bob);
    await expectNobody(alice);
  });

  test("by altering any part of the record", async () => {
    const { i = Buffer.alloc(0) } = await fieldsOf(bobKey);
    for (const index of [0, 1, 2, 20, 40, i.length - 1]) {
      const altered = Buffer.from(i);
      altered[index] = (altered[index] ?? 0) ^ 1;
      await w.redis.hSet(bobKey, "i", altered);
      await expectNobody(bob);
    }
    await w.redis.hSet(bobKey, "i", i);
    expect(await w.ask("/me", bob)).toMatchObject([200, {}]);
  });

  test("by writing a record of one's own", async () => {
    const record = {
      version: 1,
      identity: { claims: { iss: w.provider.issuer, sub: "alice" } },
      createdAt: Date.now(),
      endsAt: Date.now() + 3_600_000,
    };
    await w.redis.hSet(bobKey, "i", JSON.stringify(record));
    await expectNobody(bob);
  });

  test("by putting back a login of one's own that has ended: it is nobody else's", async () => {
    const before = await fieldsOf(bobKey);
    await w.ask("/logout", bob, { method: "POST" });
    await expectNobody(bob);
    await w.redis.hSet(aliceKey, before);
    await expectNobody(alice);
  });
});

describe("a login is not used later than it was", () => {
  test("by writing a time into its record", async () => {
    takeClock();
    passSeconds(31 * 60);
    await w.redis.hSet(bobKey, "s", String(Date.now()));
    await expectNobody(bob);
  });

  test("by the time of another login", async () => {
    takeClock();
    passSeconds(20 * 60);
    expect(await w.ask("/me", alice)).toMatchObject([200, {}]);
    passSeconds(20 * 60);
    const { s = "" } = await fieldsOf(aliceKey);
    await w.redis.hSet(bobKey, "s", s);
    await expectNobody(bob);
  });
});

describe("a sign-in of another browser is not taken over", () => {
  const SECRET = "a secret of whoever can write to Redis";

  /** The address with which the victim's browser is to come back; the attacker has seen it. */
  async function answerFor(victim: TestBrowser): Promise<URL> {
    const page = await victim.navigate(`${w.url}/login?login_hint=alice`, {
      stopBefore: isCallback,
    });
    return answerOf(page);
  }

  /** Who comes with an owner's secret that was written into the record. */
  async function comesInstead(answer: URL) {
    const hash = hashOfState(answer.searchParams.get("state") ?? "");
    const record = `${w.prefix}transaction:{${hash}}`;
    expect(await w.redis.exists(record)).toBe(1);
    const owner = createHash("sha256").update(SECRET).digest("base64url");
    await w.redis.hSet(record, "o", owner);
    const name = `${signInCookiePrefix("session")}${hash.slice(0, 10)}`;
    const attacker = createTestBrowser();
    return attacker.request(answer, {
      headers: { cookie: `${name}=0.${SECRET}` },
    });
  }

  test("by writing one's own name into its record", async () => {
    const victim = createTestBrowser();
    const answer = await answerFor(victim);
    const taken = await comesInstead(answer);
    expect(taken.status).toBe(400);
    expect(taken.headers.get("set-cookie") ?? "").not.toContain("session=");
  });

  test("by writing one's own name into the record of one that is done", async () => {
    const victim = createTestBrowser();
    const answer = await answerFor(victim);
    await victim.navigate(answer);
    const asked = await comesInstead(answer);
    expect(asked.status).toBe(400);
    expect(asked.headers.get("set-cookie") ?? "").not.toContain("session=");
  });
});
