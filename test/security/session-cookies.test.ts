/** What somebody else can put into a browser's cookies is neither a login nor a failure. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { type SessionWorld, sessionWorld } from "../support/session-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { closeRedis, SESSION_SECRET } from "../support/world.js";

const NEW_SECRET = "another session secret, also long enough";

let w: SessionWorld;
afterEach(() => w.close());
afterAll(closeRedis);

describe("a session that somebody else put into the browser before the login (fixation, ASVS 7.2.4)", () => {
  test("is neither the login's nor known to it, and nothing that is written to it later reaches the login", async () => {
    w = await sessionWorld();
    const attacker = createTestBrowser();
    await w.ask("/note/planted", attacker);
    const planted = await w.sessionCookie(attacker);
    const victim = createTestBrowser();
    await victim.jar.setCookie(`${planted}; Path=/`, w.url);
    await w.signIn("alice", victim);
    expect(await w.sessionCookie(victim)).not.toBe(planted);
    expect(await w.ask("/both", victim)).toEqual([200, ["alice", null]]);
    expect(await w.ask("/note/later", attacker)).toEqual([200, {}]);
    expect(await w.statusFor(attacker)).toBe(401);
    expect(await w.ask("/both", victim)).toEqual([200, ["alice", null]]);
  });

  test("with an id that nobody handed out gives the login no such id", async () => {
    w = await sessionWorld();
    const victim = createTestBrowser();
    await victim.jar.setCookie("session=s%3Achosen.signed; Path=/", w.url);
    await w.signIn("alice", victim);
    expect(await w.sessionCookie(victim)).not.toContain("chosen");
    expect(await w.redis.keys(`${w.prefix}*chosen*`)).toEqual([]);
  });
});

describe("a cookie that is not as it was handed out (ASVS 7.2.1)", () => {
  test("is no login and no session, whatever was changed, and breaks nothing", async () => {
    w = await sessionWorld();
    const alice = await w.signedIn("alice");
    const value = decodeURIComponent(
      (await w.sessionCookie(alice)).slice("session=".length),
    );
    const other = decodeURIComponent(
      (await w.sessionCookie(await w.signedIn("bob"))).slice("session=".length),
    );
    const [id = "", signature = ""] = value.slice(2).split(".");
    const [otherId = "", otherSignature = ""] = other.slice(2).split(".");
    const changed = [
      ...Array.from(value, (_char, at) => changedAt(value, at)),
      `s:${id}.${otherSignature}`,
      `s:${otherId}.${signature}`,
      `s:${id}`,
      `s:${id}.`,
      `s:.${signature}`,
      `s:${id}.${signature}.`,
      `s:${id}.${signature}=`,
      `s:${id}..${signature}`,
      `s:${id}.${id}.${signature}`,
      `s:${signature}.${id}`,
      `s:${id}.${signature.replaceAll("+", "-").replaceAll("/", "_")}x`,
      `s:s:${id}.${signature}`,
      `${id}.${signature}`,
      id,
      `j:{"id":"${id}"}`,
      `S:${id}.${signature}`,
      ` s:${id}.${signature} x`,
      `s:${id}\u0000.${signature}`,
      `s:${id.toUpperCase()}.${signature}`,
    ];
    for (const one of changed) {
      const cookie = `session=${encodeURIComponent(one)}`;
      expect([one, ...(await w.ask("/me", alice, { cookie }))]).toEqual([
        one,
        401,
        expect.objectContaining({ code: "ERR_LOGIN_REQUIRED" }),
      ]);
      expect(await w.ask("/session", alice, { cookie })).toEqual([
        200,
        { active: false, login_url: "/login" },
      ]);
      expect(await w.ask("/note", alice, { cookie })).toEqual([
        200,
        { note: null },
      ]);
    }
    expect(await w.ask("/both", alice)).toEqual([200, ["alice", "alice"]]);
  });
});

describe("session.secret is changed", () => {
  test("while the old one is accepted, session and login are there, and can be ended", async () => {
    w = await sessionWorld();
    const alice = await w.signedIn("alice");
    const origin = await w.deployedWith([NEW_SECRET, SESSION_SECRET]);
    expect(await w.ask("/both", alice, { origin })).toEqual([
      200,
      ["alice", "alice"],
    ]);
    expect(await w.ask("/logout", alice, { origin, method: "POST" })).toEqual([
      200,
      expect.anything(),
    ]);
    expect(await w.statusFor(alice)).toBe(401);
  });

  test("when the old one is gone, so are session and login, and a new cookie takes the old one's place", async () => {
    w = await sessionWorld();
    const alice = await w.signedIn("alice");
    const origin = await w.deployedWith(NEW_SECRET);
    expect(await w.ask("/both", alice, { origin })).toMatchObject([401, {}]);
    expect(await w.ask("/note", alice, { origin })).toEqual([
      200,
      { note: null },
    ]);
    await w.ask("/note/new", alice, { origin });
    expect(await w.ask("/note", alice, { origin })).toEqual([
      200,
      { note: "new" },
    ]);
  });
});

describe("two cookies of one name", () => {
  test("of two logins: the first counts, for the login and for the session", async () => {
    w = await sessionWorld();
    const alice = await w.sessionCookie(await w.signedIn("alice"));
    const bob = await w.sessionCookie(await w.signedIn("bob"));
    const nobody = createTestBrowser();
    const both = (cookie: string) => w.ask("/both", nobody, { cookie });
    expect(await both(`${alice}; ${bob}`)).toEqual([200, ["alice", "alice"]]);
    expect(await both(`${bob}; ${alice}`)).toEqual([200, ["bob", "bob"]]);
    // And the first is the one that signs out.
    const cookie = `${alice}; ${bob}`;
    expect(
      await w.ask("/logout", nobody, { cookie, method: "POST" }),
    ).toMatchObject([200, {}]);
    expect(await w.ask("/me", nobody, { cookie: alice })).toMatchObject([
      401,
      {},
    ]);
    expect(await w.ask("/me", nobody, { cookie: bob })).toMatchObject([
      200,
      {},
    ]);
  });

  test("however they are written, nobody's login comes with another's session", async () => {
    w = await sessionWorld();
    const cookies = {
      alice: await w.sessionCookie(await w.signedIn("alice")),
      bob: await w.sessionCookie(await w.signedIn("bob")),
    };
    const nobody = createTestBrowser();
    const piece = fc.oneof(
      fc.constantFrom(
        ...["{alice}", "{bob}"],
        ...["session={alice value}", "session={bob value}"],
        ...['session="{alice value}"', 'session="{bob value}"'],
        ...["session= {alice value} ", " session={bob value}", "session"],
        ...["Session={alice value}", "session={alice value}x", "session="],
        ...["session=x", "session=%", "session==", '"session"={alice value}'],
        ...["$Version=1", "a=b", "", "=", "=x", ",", "__proto__=x"],
      ),
      fc.string({
        unit: fc.constantFrom(...Array.from('abc"=;, %\\\t$')),
        maxLength: 6,
      }),
    );
    const separator = fc.constantFrom("; ", ";", " ;", ",", ", ", ";;");
    const header = fc
      .array(fc.tuple(piece, separator), { minLength: 1, maxLength: 5 })
      .map((parts) =>
        parts
          .flat()
          .join("")
          .replaceAll("{alice}", cookies.alice)
          .replaceAll("{bob}", cookies.bob)
          .replaceAll("{alice value}", cookies.alice.slice(8))
          .replaceAll("{bob value}", cookies.bob.slice(8)),
      );
    let served = 0;
    await fc.assert(
      fc.asyncProperty(header, async (cookie) => {
        const [status, body] = await w.ask("/both", nobody, { cookie });
        expect([200, 401]).toContain(status);
        if (status !== 200) return;
        served += 1;
        const [user, note] = body as string[];
        expect(note).toBe(user);
      }),
      { numRuns: 500 },
    );
    // A run without any login would prove nothing.
    expect(served).toBeGreaterThan(20);
  });
});

describe("many cookies", () => {
  const many = (bytes: number): string =>
    Array.from(
      { length: Math.floor(bytes / 100) },
      (_, at) => `other${String(at).padStart(5, "0")}=${"x".repeat(87)}`,
    ).join("; ");

  test("15 kB of others disturb neither login nor session", async () => {
    w = await sessionWorld();
    const alice = await w.signedIn("alice");
    const own = await w.sessionCookie(alice);
    const cookie = `${many(15_000)}; ${own}`;
    expect(cookie.length).toBeGreaterThan(14_800);
    expect(await w.ask("/both", alice, { cookie })).toEqual([
      200,
      ["alice", "alice"],
    ]);
    expect((await w.ask("/login", alice, { cookie }))[0]).toBe(303);
  });

  test("with 16 kB the request is refused, and the login goes on", async () => {
    w = await sessionWorld();
    const alice = await w.signedIn("alice");
    const cookie = `${many(16_384)}; ${await w.sessionCookie(alice)}`;
    for (const path of [
      "/me",
      "/login",
      "/session",
      "/callback?state=a&code=b",
    ]) {
      expect((await w.ask(path, alice, { cookie }))[0]).toBe(431);
    }
    expect(await w.statusFor(alice)).toBe(200);
  });

  test.each([
    ["as the kit names them", (at: number) => `session-login-${String(at)}`],
    ["with a space", (at: number) => `session-login-${String(at)} x`],
    [
      "with bytes beyond ASCII",
      (at: number) => `session-login-${String(at)}\u00e9`,
    ],
    [
      "with quotes and brackets",
      (at: number) => `session-login-${String(at)}"(<[{`,
    ],
    ["__proto__", () => "session-login-__proto__"],
  ])(
    "ASVS 3.3.5: fifteen logins in progress whose names are written %s do not keep anybody from signing in",
    async (_how, name) => {
      w = await sessionWorld();
      const cookie = Array.from(
        { length: 15 },
        (_, at) => `${name(at)}=${String(at)}`,
      ).join("; ");
      expect((await w.ask("/login", createTestBrowser(), { cookie }))[0]).toBe(
        303,
      );
    },
  );
});

/** The value with one character that is another. */
function changedAt(value: string, at: number): string {
  const other = value[at] === "A" ? "B" : "A";
  return value.slice(0, at) + other + value.slice(at + 1);
}
