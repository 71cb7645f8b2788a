/** What is left in Redis or in a session by another version, another user or a hostile provider is neither a login nor a failure. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import { type SessionWorld, sessionWorld } from "../support/session-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { closeRedis } from "../support/world.js";

let w: SessionWorld;
afterEach(() => w.close());
afterAll(closeRedis);

describe("ASVS 16.5.3: Redis holds what this version cannot read: no login, and no failure", () => {
  test.each([
    ["no identity", '{"version":1}'],
    ["null for an identity", '{"version":1,"identity":null}'],
    ["a text for an identity", '{"version":1,"identity":"alice"}'],
    ["no claims", '{"version":1,"identity":{},"createdAt":1,"endsAt":9e15}'],
    [
      "null for claims",
      '{"version":1,"identity":{"claims":null},"endsAt":9e15}',
    ],
    [
      "no times",
      '{"version":1,"identity":{"claims":{"iss":"{iss}","sub":"alice"}}}',
    ],
    [
      "texts for times",
      '{"version":1,"identity":{"claims":{"iss":"{iss}","sub":"alice"}},"createdAt":"x","endsAt":"never"}',
    ],
    [
      "no sub",
      '{"version":1,"identity":{"claims":{"iss":"{iss}"}},"createdAt":1,"endsAt":9e15}',
    ],
    ["a number", "1"],
    [
      "a version that is a text",
      '{"version":"1","identity":{"claims":{"iss":"{iss}","sub":"alice"}}}',
    ],
  ])("a login record with %s", async (_what, value) => {
    w = await sessionWorld();
    const alice = await w.signedIn("alice");
    const [key = ""] = await w.redis.keys(`${w.prefix}*:login`);
    await w.redis.hSet(key, "i", value.replace("{iss}", w.provider.issuer));
    expect(await w.ask("/me", alice)).toMatchObject([401, {}]);
    expect(await w.ask("/session", alice)).toMatchObject([
      200,
      { active: false },
    ]);
    expect(await w.ask("/note", alice)).toMatchObject([200, { note: null }]);
    expect(await w.kit.sessions.list("alice")).toEqual([]);
    await w.signIn("alice", alice);
    expect(await w.statusFor(alice)).toBe(200);
  });

  test.each([
    ["a time that is none", { expires: "never", originalMaxAge: 1 }],
    ["an age that is none", { originalMaxAge: "x", maxAge: {} }],
    ["a path and a domain that are none", { path: 5, domain: {} }],
    ["other rules", { httpOnly: false, secure: "auto", sameSite: 7 }],
    [
      "keys of objects",
      JSON.parse('{"__proto__":{"a":1},"serialize":1}') as object,
    ],
  ])("a session whose cookie has %s", async (_what, cookie) => {
    w = await sessionWorld();
    const alice = await w.signedIn("alice");
    const [key = ""] = await w.redis.keys(`${w.prefix}session:*`);
    const session = JSON.parse((await w.redis.get(key)) ?? "") as object;
    await w.redis.set(key, JSON.stringify({ ...session, cookie }));
    expect(await w.ask("/both", alice)).toMatchObject([
      200,
      ["alice", "alice"],
    ]);
    expect(await w.ask("/note/changed", alice)).toMatchObject([200, {}]);
    expect(await w.ask("/logout", alice, { method: "POST" })).toMatchObject([
      200,
      {},
    ]);
  });

  test.each(["transaction", "response"])(
    "a %s that is sealed with nothing we know",
    async (kind) => {
      w = await sessionWorld({ responseMode: "form_post" });
      const browser = createTestBrowser();
      const form = await browser.navigate(`${w.url}/login?login_hint=alice`);
      const parked = await browser.submitForm(
        form,
        {},
        { stopBefore: (url) => url.searchParams.has("parked_response") },
      );
      const [key = ""] = await w.redis.keys(`${w.prefix}${kind}:*`);
      expect(key).not.toBe("");
      await w.redis.set(key, "a text of another version");
      const page = await browser.navigate(
        new URL(parked.response.headers.get("location") ?? "", w.url),
      );
      expect(page.response.status).toBe(400);
      expect(page.body).toContain("ERR_TRANSACTION_USED");
    },
  );
});

describe("ASVS 15.3.6: __proto__ and constructor among the claims", () => {
  const poisoned = JSON.parse(
    '{"__proto__":{"isAdmin":true,"sub":"root"},"constructor":{"prototype":{"isAdmin":true}}}',
  ) as object;

  test.each(["the ID Token", "UserInfo"])(
    "%s change nothing",
    async (where) => {
      w = await sessionWorld({
        userInfo: true,
        sessionClaims: ["sub", "__proto__", "constructor", "isAdmin"],
      });
      w.provider.misbehave =
        where === "UserInfo"
          ? { userinfo: (right) => ({ ...right, ...poisoned }) }
          : { idToken: { claims: (right) => ({ ...right, ...poisoned }) } };
      const browser = await w.signIn("alice");
      expect(await w.ask("/claims", browser)).toMatchObject([
        200,
        { claims: { sub: "alice" }, isAdmin: null },
      ]);
      expect(await w.ask("/session", browser)).toMatchObject([
        200,
        { claims: { sub: "alice" } },
      ]);
      expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
    },
  );
});

describe("another user signs in in the same browser", () => {
  test("and finds nothing of the first one's session; the first one's cookie opens nothing, and nothing of it is left", async () => {
    w = await sessionWorld();
    const browser = await w.signedIn("alice");
    const before = await w.sessionCookie(browser);
    await w.signIn("bob", browser);
    expect(await w.ask("/both", browser)).toEqual([200, ["bob", null]]);
    const cookie = before;
    expect(await w.ask("/me", browser, { cookie })).toMatchObject([401, {}]);
    expect(await w.ask("/note", browser, { cookie })).toEqual([
      200,
      { note: null },
    ]);
    expect(w.ended).toMatchObject([{ subject: "alice", reason: "replaced" }]);
    expect(await w.redis.keys(`${w.prefix}session:*`)).toEqual([]);
    expect(await w.redis.keys(`${w.prefix}*:login`)).toHaveLength(1);
  });

  test("and finds nothing of it under carryOver either, which is for what was there before a login", async () => {
    w = await sessionWorld({ carryOver: ["note"] });
    const anonymous = createTestBrowser();
    await w.ask("/note/before", anonymous);
    await w.signIn("carol", anonymous);
    expect(await w.ask("/both", anonymous)).toEqual([200, ["carol", "before"]]);
    const browser = await w.signedIn("alice");
    await w.signIn("bob", browser);
    expect(await w.ask("/both", browser)).toEqual([200, ["bob", null]]);
  });
});
