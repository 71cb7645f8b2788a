import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { createClient } from "redis";

import { loginOf, type RedisClient } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  type LyingWorld,
  lyingWorld,
  type LyingWorldOptions,
} from "../support/lying-world.js";
import { redisCommand } from "../support/redis-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";

let redis: RedisServer;
let client: RedisClient & { destroy: () => void };
const worlds: LyingWorld[] = [];

beforeAll(async () => {
  redis = await startRedis();
});

beforeEach(async () => {
  await redisCommand(redis.url, ["FLUSHALL"]);
  const connected = createClient({ url: redis.url });
  connected.on("error", () => undefined);
  await connected.connect();
  client = connected;
});

afterEach(async () => {
  releaseClock();
  redis.resume();
  await Promise.all(worlds.splice(0).map((w) => w.close()));
  client.destroy();
});

afterAll(async () => {
  await redis.stop();
});

describe.each(["Redis", "the embedded store"])("with %s", (store) => {
  /** An application where users can end their other logins themselves. */
  async function start(kit: LyingWorldOptions["kit"] = {}) {
    const w = await lyingWorld({
      kit,
      redis: store === "Redis" ? client : undefined,
      routes(app, { requireAuth, sessions }) {
        app.post("/end-others", requireAuth(), async (req, res) => {
          res.json(await sessions.endOthers(loginOf(req)));
        });
      },
    });
    worlds.push(w);
    return w;
  }

  const endOthers = async (
    { url }: LyingWorld,
    browser: TestBrowser,
  ): Promise<unknown> => {
    const answer = await browser.fetchJson(`${url}/end-others`, {
      method: "POST",
    });
    return await answer.json();
  };

  describe("list", () => {
    // Shows: ASVS 7.5.2
    test("shows the user's own live logins, the oldest first", async () => {
      const w = await start();
      const one = await w.signIn("alice");
      await w.signIn("bob");
      const two = await w.signIn("alice");
      const three = await w.signIn("alice");
      await two.fetchJson(`${w.url}/logout`, { method: "POST" });
      const four = await w.signIn("alice");
      const ids = (await w.kit.sessions.list("alice")).map(({ id }) => id);
      expect(ids).toEqual([
        await w.loginId(one),
        await w.loginId(three),
        await w.loginId(four),
      ]);
    });

    /** Leaves before the answer of the callback comes. */
    const signInAndLeave = async (w: LyingWorld): Promise<TestBrowser> => {
      const browser = createTestBrowser();
      await browser.navigate(`${w.url}/login?login_hint=alice`, {
        stopBefore: ({ pathname }) => pathname === "/",
      });
      return browser;
    };

    test("leaves out a login until its browser comes back with it", async () => {
      const w = await start();
      const browser = await signInAndLeave(w);
      expect(await w.kit.sessions.list("alice")).toEqual([]);
      const status = await browser.fetchJson(`${w.url}/session`);
      expect(status.status).toBe(200);
      expect(await w.kit.sessions.list("alice")).toHaveLength(1);
    });

    test("a login that is never used is over after ten minutes", async () => {
      takeClock();
      const w = await start();
      const late = await signInAndLeave(w);
      const intime = await signInAndLeave(w);
      passSeconds(9 * 60);
      expect(await w.statusFor(intime)).toBe(200);
      passSeconds(61);
      expect(await w.statusFor(intime)).toBe(200);
      expect(await w.statusFor(late)).toBe(401);
    });

    test("a login that is not used yet counts for the limit, and is ended with the others", async () => {
      const w = await start({
        session: {
          secret: "a session secret of thirty-two characters",
          maxLoginsPerUser: 2,
        },
      });
      const first = await signInAndLeave(w);
      const second = await signInAndLeave(w);
      const third = await signInAndLeave(w);
      expect(w.ended.map(({ reason }) => reason)).toEqual(["limit"]);
      expect(await w.kit.sessions.endAll("alice")).toBe(2);
      for (const browser of [first, second, third]) {
        expect(await w.statusFor(browser)).toBe(401);
      }
    });

    test("tells when a login began, was last used and will end", async () => {
      takeClock();
      const w = await start();
      const startedAt = new Date();
      const browser = await w.signIn("alice");
      passSeconds(10 * 60);
      expect(await w.statusFor(browser)).toBe(200);
      expect(await w.kit.sessions.list("alice")).toEqual([
        {
          id: await w.loginId(browser),
          startedAt,
          lastSeenAt: new Date(startedAt.getTime() + 10 * 60_000),
          expiresAt: new Date(startedAt.getTime() + 40 * 60_000),
          userAgent: undefined,
          address: undefined,
        },
      ]);
    });

    test("does not count as use of the logins", async () => {
      takeClock();
      const w = await start();
      const browser = await w.signIn("alice");
      passSeconds(20 * 60);
      expect(await w.kit.sessions.list("alice")).toHaveLength(1);
      passSeconds(11 * 60);
      expect(await w.statusFor(browser)).toBe(401);
    });

    test("leaves out logins whose idle timeout is over", async () => {
      takeClock();
      const w = await start();
      await w.signIn("alice");
      passSeconds(31 * 60);
      const browser = await w.signIn("alice");
      const ids = (await w.kit.sessions.list("alice")).map(({ id }) => id);
      expect(ids).toEqual([await w.loginId(browser)]);
    });

    test("is empty for a user who has no login", async () => {
      const w = await start();
      await w.signIn("alice");
      expect(await w.kit.sessions.list("bob")).toEqual([]);
    });

    test("shows the user agent, cut to 256 characters, and the address with recordDevice only", async () => {
      const headers = { "user-agent": `Browser/1 ${"x".repeat(300)}` };
      const w = await start({
        session: {
          secret: "a session secret of thirty-two characters",
          recordDevice: true,
        },
      });
      const browser = createTestBrowser();
      const login = "/login?login_hint=alice&return_to=/me";
      await browser.navigate(w.url + login, { headers });
      expect(await w.kit.sessions.list("alice")).toMatchObject([
        {
          userAgent: headers["user-agent"].slice(0, 256),
          address: "127.0.0.1",
        },
      ]);

      const plain = await start();
      await browser.navigate(plain.url + login, { headers });
      expect(await plain.kit.sessions.list("alice")).toMatchObject([
        { userAgent: undefined, address: undefined },
      ]);
    });
  });

  describe("end", () => {
    test("ASVS 7.5.2: ends this login and no other of the user", async () => {
      const w = await start();
      const one = await w.signIn("alice");
      const other = await w.signIn("alice");
      const loginId = await w.loginId(one);
      expect(await w.kit.sessions.end("alice", loginId)).toBe(true);
      expect(await w.statusFor(one)).toBe(401);
      expect(await w.statusFor(other)).toBe(200);
      expect(w.ended).toEqual([
        {
          loginId,
          provider: "default",
          issuer: w.provider.issuer,
          subject: "alice",
          reason: "revoked",
        },
      ]);
    });

    test("of a login of somebody else is false and has no effect", async () => {
      const w = await start();
      const bob = await w.signIn("bob");
      const loginId = await w.loginId(bob);
      expect(await w.kit.sessions.end("alice", loginId)).toBe(false);
      expect(await w.statusFor(bob)).toBe(200);
      expect(w.ended).toEqual([]);
    });

    test.each([
      ["an empty id", ""],
      ["an unknown id", "a".repeat(22)],
      ["braces", "}{"],
      ["a pattern", "*"],
      ["a line break", "login\nid"],
      ["10,000 characters", "x".repeat(10_000)],
    ])("of a login that is not there is false: %s", async (_what, loginId) => {
      const w = await start();
      const browser = await w.signIn("alice");
      expect(await w.kit.sessions.end("alice", loginId)).toBe(false);
      expect(await w.statusFor(browser)).toBe(200);
    });

    test("is true once", async () => {
      const w = await start();
      const loginId = await w.loginId(await w.signIn("alice"));
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => w.kit.sessions.end("alice", loginId)),
      );
      expect(answers.filter(Boolean)).toHaveLength(1);
      expect(w.ended).toHaveLength(1);
    });
  });

  describe("endOthers", () => {
    // Shows: ASVS 7.5.2
    test("keeps the login that asks, and says how many it ended", async () => {
      const w = await start();
      const before = await w.signIn("alice");
      const current = await w.signIn("alice");
      const after = await w.signIn("alice");
      const bob = await w.signIn("bob");
      expect(await endOthers(w, current)).toBe(2);
      expect(await w.statusFor(before)).toBe(401);
      expect(await w.statusFor(after)).toBe(401);
      expect(await w.statusFor(current)).toBe(200);
      expect(await w.statusFor(bob)).toBe(200);
      expect(w.ended.map(({ reason }) => reason)).toEqual([
        "revoked",
        "revoked",
      ]);
    });

    test("ends also a login that is just being completed", async () => {
      const w = await start();
      const current = await w.signIn("alice");
      const late = await completing(w, "alice");
      expect(await endOthers(w, current)).toBe(0);
      expect(await late.complete()).toEqual(LOGGED_OUT_MEANWHILE);
      expect(await w.statusFor(late.browser)).toBe(401);
      expect(await w.statusFor(current)).toBe(200);
    });
  });

  describe("endAll", () => {
    // Shows: ASVS 7.4.5
    test("ASVS 7.4.2: ends every login of the user and nobody else's, and says how many there were", async () => {
      const w = await start();
      const browsers = [
        await w.signIn("alice"),
        await w.signIn("alice"),
        await w.signIn("alice"),
      ];
      const bob = await w.signIn("bob");
      expect(await w.kit.sessions.endAll("alice")).toBe(3);
      const statuses = await Promise.all(browsers.map(w.statusFor));
      expect(statuses).toEqual([401, 401, 401]);
      expect(await w.statusFor(bob)).toBe(200);
      expect(await w.kit.sessions.list("alice")).toEqual([]);
      expect(await w.kit.sessions.endAll("alice")).toBe(0);
    });

    test("ends also a login that is just being completed", async () => {
      const w = await start();
      const late = await completing(w, "alice");
      expect(await w.kit.sessions.endAll("alice")).toBe(0);
      expect(await late.complete()).toEqual(LOGGED_OUT_MEANWHILE);
      expect(await w.statusFor(late.browser)).toBe(401);
      expect(await w.kit.sessions.list("alice")).toEqual([]);
    });

    test("lets another user's login be completed", async () => {
      const w = await start();
      const late = await completing(w, "bob");
      await w.kit.sessions.endAll("alice");
      expect(await late.complete()).toMatchObject({ status: 200 });
      expect(await w.statusFor(late.browser)).toBe(200);
    });

    test("does not keep the user from signing in again", async () => {
      const w = await start();
      const browser = await w.signIn("alice");
      await w.kit.sessions.endAll("alice");
      expect(await w.statusFor(browser)).toBe(401);
      await w.signIn("alice", browser);
      expect(await w.statusFor(browser)).toBe(200);
    });
  });

  describe("session.maxLoginsPerUser", () => {
    const session = {
      secret: "a session secret of thirty-two characters",
      maxLoginsPerUser: 3,
    };

    test("one login more ends the oldest, and the reason is limit", async () => {
      const w = await start({ session });
      const browsers: TestBrowser[] = [];
      for (let count = 0; count < 3; count += 1) {
        browsers.push(await w.signIn("alice"));
      }
      const ids = await Promise.all(browsers.map(w.loginId));
      // The oldest login, although it is the one that was used last.
      const [oldest] = browsers;
      if (oldest === undefined) throw new Error("nobody is signed in");
      expect(await w.statusFor(oldest)).toBe(200);
      browsers.push(await w.signIn("alice"));
      expect(await Promise.all(browsers.map(w.statusFor))).toEqual([
        401, 200, 200, 200,
      ]);
      expect(w.ended).toMatchObject([{ loginId: ids[0], reason: "limit" }]);
    });

    test("logins of other users do not count", async () => {
      const w = await start({ session });
      const browsers: TestBrowser[] = [];
      for (const user of ["alice", "bob", "alice", "bob", "alice", "bob"]) {
        browsers.push(await w.signIn(user));
      }
      expect(await Promise.all(browsers.map(w.statusFor))).toEqual(
        browsers.map(() => 200),
      );
      expect(w.ended).toEqual([]);
    });

    test("logins whose idle timeout is over do not count", async () => {
      takeClock();
      const w = await start({ session });
      await w.signIn("alice");
      await w.signIn("alice");
      passSeconds(31 * 60);
      const browsers: TestBrowser[] = [];
      for (let count = 0; count < 3; count += 1) {
        browsers.push(await w.signIn("alice"));
      }
      expect(await Promise.all(browsers.map(w.statusFor))).toEqual([
        200, 200, 200,
      ]);
      expect(w.ended.filter(({ reason }) => reason === "limit")).toEqual([]);
    });

    test("twenty sign-ins at the same time leave no more than three logins", async () => {
      const w = await start({ session });
      const browsers = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const browser = createTestBrowser();
          // Its login may be over before the page is there.
          await browser.navigate(`${w.url}/login?login_hint=alice`);
          return browser;
        }),
      );
      const statuses = await Promise.all(browsers.map(w.statusFor));
      const live = statuses.filter((status) => status === 200);
      expect(live.length).toBeGreaterThan(0);
      expect(live.length).toBeLessThanOrEqual(3);
    });
  });

  describe("the tokens of revoked logins", () => {
    const LOGINS = 10;

    async function withLogins() {
      const w = await start();
      for (let count = 0; count < LOGINS; count += 1) await w.signIn("alice");
      return w;
    }

    test("reach the provider's revocation endpoint, at most four at a time, and endAll does not wait for it", async () => {
      const w = await withLogins();
      const hold = w.provider.hold("/revoke", "request");
      expect(await w.kit.sessions.endAll("alice")).toBe(LOGINS);
      await until("four wait", () => hold.count() >= 4);
      // Who asks the provider later is served: a fifth would have come.
      await w.signIn("bob");
      expect(hold.count()).toBe(4);
      expect(w.provider.revoked).toEqual([]);
      hold.release();
      // Of each login its refresh token and its access token.
      await until("all are revoked", () => {
        return w.provider.revoked.length === 2 * LOGINS;
      });
      expect(new Set(w.provider.revoked).size).toBe(2 * LOGINS);
    });

    test("reach it after end and endOthers as well", async () => {
      const w = await withLogins();
      const [first] = await w.kit.sessions.list("alice");
      await w.kit.sessions.end("alice", first?.id ?? "");
      await until("it is revoked", () => w.provider.revoked.length === 2);
      const current = await w.signIn("alice");
      expect(await endOthers(w, current)).toBe(LOGINS - 1);
      await until("all are revoked", () => {
        return w.provider.revoked.length === 2 * LOGINS;
      });
      // More would have come before this.
      await w.signIn("bob");
      expect(w.provider.revoked).toHaveLength(2 * LOGINS);
    });

    test("that the provider does not take back are told as token.revocation_failed, and the logins are over all the same", async () => {
      const w = await start();
      const browser = await w.signIn("alice");
      const loginId = await w.loginId(browser);
      const failures: unknown[] = [];
      w.kit.events.on("token.revocation_failed", (event) =>
        failures.push(event),
      );
      w.provider.misbehave = {
        intercept(req, res, next) {
          if (req.path === "/revoke") res.status(500).end();
          else next();
        },
      };
      expect(await w.kit.sessions.endAll("alice")).toBe(1);
      expect(await w.statusFor(browser)).toBe(401);
      await until("it is told", () => failures.length > 0);
      expect(failures).toEqual([
        {
          loginId,
          provider: "default",
          issuer: w.provider.issuer,
          subject: "alice",
          code: "ERR_PROVIDER_UNAVAILABLE",
        },
      ]);
    });
  });

  test("users of the same name at two issuers are apart", async () => {
    const [one, two] = [await start(), await start()];
    const here = await one.signIn("alice");
    const there = await two.signIn("alice");
    expect(await one.kit.sessions.list("alice")).toHaveLength(1);
    const loginId = await two.loginId(there);
    expect(await one.kit.sessions.end("alice", loginId)).toBe(false);
    const late = await completing(two, "alice");
    expect(await one.kit.sessions.endAll("alice")).toBe(1);
    expect(await one.statusFor(here)).toBe(401);
    expect(await two.statusFor(there)).toBe(200);
    expect(await late.complete()).toMatchObject({ status: 200 });
    expect(await two.kit.sessions.list("alice")).toHaveLength(2);
  });
});

// Shows: ERR_STORE_UNAVAILABLE
test("every method rejects with ERR_STORE_UNAVAILABLE when Redis does not answer", async () => {
  const w = await lyingWorld({
    redis: client,
    kit: { storeTimeoutSeconds: 1.5 },
    routes(app, { requireAuth, sessions }) {
      app.post("/end-others", requireAuth(), async (req, res) => {
        redis.pause();
        res.json(await sessions.endOthers(loginOf(req)));
      });
    },
  });
  worlds.push(w);
  const browser = await w.signIn("alice");
  const loginId = await w.loginId(browser);
  // The error handler of the kit answers what the route throws.
  const answer = await browser.fetchJson(`${w.url}/end-others`, {
    method: "POST",
  });
  expect(answer.status).toBe(503);
  const { sessions } = w.kit;
  const refusals = await Promise.allSettled([
    sessions.list("alice"),
    sessions.end("alice", loginId),
    sessions.endAll("alice"),
  ]);
  redis.resume();
  expect(refusals).toMatchObject(
    refusals.map(() => ({
      status: "rejected",
      reason: { code: "ERR_STORE_UNAVAILABLE" },
    })),
  );
});

/** What the browser is shown whose login was ended while it came into being. */
const LOGGED_OUT_MEANWHILE = { status: 401, code: "ERR_LOGGED_OUT_MEANWHILE" };

/** A login that waits for the provider's answer to its token request. */
async function completing({ url, provider }: LyingWorld, user: string) {
  const browser = createTestBrowser();
  const hold = provider.hold("/token");
  const login = browser.navigate(
    `${url}/login?login_hint=${user}&return_to=/me`,
  );
  await hold.reached;
  return {
    browser,
    async complete() {
      hold.release();
      const { response, body } = await login;
      return { status: response.status, code: /ERR_\w+/.exec(body)?.[0] };
    },
  };
}
