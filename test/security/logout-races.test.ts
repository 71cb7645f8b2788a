/** A logout that the provider tells of, and a login that is just being made. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { createClient } from "redis";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { freePort } from "../support/free-port.js";
import { type LogoutWorld, logoutWorld } from "../support/logout-world.js";
import {
  type LogoutTokenOptions,
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import { clientAt, signInAt } from "../support/lying-world.js";
import { endNodeProcesses, startNode } from "../support/node-process.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";
import {
  CLIENT_ID,
  CLIENT_SECRET,
  closeRedis,
  SESSION_SECRET,
} from "../support/world.js";

let w: LogoutWorld | undefined;
afterEach(async () => {
  releaseClock();
  await w?.close();
  w = undefined;
});
afterAll(closeRedis);

const clients: { destroy: () => void }[] = [];
afterAll(() => {
  for (const client of clients) client.destroy();
});

/** A client whose methods a test may replace. */
async function ownClient() {
  const client = createClient({ url: process.env["TEST_REDIS_URL"] ?? "" });
  client.on("error", () => undefined);
  clients.push(client);
  return await client.connect();
}

const stores = [
  ["Redis", { redis: "shared" as const }],
  ["the embedded store", {}],
] as const;

/** What may stay in Redis: that a logout was, that its token was used, and for a while what has ended and what came of a sign-in. */
const LOGOUT_KEY =
  /^\{(?:jti|sid|no-sid|user)\.[\w-]+\}:(?:lock|logged-out)$|^\{[\w-]+\}:ended$|^(?:transaction|outcome):\{[\w-]{43}\}$/;

describe.each(stores)("with %s, after a logout of a user", (_name, options) => {
  test("old logins stay dead, and a new one elsewhere lives, also within the same second", async () => {
    const here = (w = await logoutWorld({ ...options, signedInAs: "alice" }));
    const other = createTestBrowser();
    await here.signIn("alice", other);
    takeClock();
    passSeconds(1.1 - (Date.now() % 1_000) / 1_000);
    const second = Math.floor(Date.now() / 1_000);
    expect((await here.postLogout({ sub: "alice" })).status).toBe(200);
    passSeconds(0.01);
    const elsewhere = createTestBrowser();
    const page = await here.signIn("alice", elsewhere);
    expect(Math.floor(Date.now() / 1_000)).toBe(second);
    expect(page.response.status).toBe(200);
    expect(await here.isSignedIn(elsewhere)).toBe(true);
    expect(await here.isSignedIn()).toBe(false);
    expect(await here.isSignedIn(other)).toBe(false);
  });

  test("a login in a later second lives", async () => {
    const here = (w = await logoutWorld({ ...options, signedInAs: "alice" }));
    expect((await here.postLogout({ sub: "alice" })).status).toBe(200);
    takeClock();
    passSeconds(1);
    const elsewhere = createTestBrowser();
    await here.signIn("alice", elsewhere);
    expect(await here.isSignedIn(elsewhere)).toBe(true);
    expect(await here.isSignedIn()).toBe(false);
  });

  test("in the session that was logged out, a silent login does not come about, again and again", async () => {
    const here = (w = await logoutWorld({ ...options, signedInAs: "alice" }));
    expect(await here.isSignedIn()).toBe(true);
    const sid = here.provider.sidOf("alice");
    expect((await here.postLogout({ sub: "alice", sid })).status).toBe(200);
    for (let attempt = 0; attempt < 2; attempt++) {
      const page = await here.browser.navigate(
        `${here.app.url}/login?prompt=none`,
      );
      expect(page.body).toContain("ERR_LOGGED_OUT_MEANWHILE");
      expect(await here.isSignedIn()).toBe(false);
    }
    // The provider did sign in silently, into this very session.
    const silent = [...here.provider.idTokens.values()];
    expect(silent.map((token) => token.sid)).toEqual([sid, sid, sid]);
  });
});

describe.each(stores)("with %s, a logout arrives", (name, options) => {
  const inRedis = name === "Redis";

  describe.each([
    ["while the code is being exchanged", "/token"],
    ["while UserInfo is being fetched", "/userinfo"],
  ])("%s", (_when, path) => {
    const logouts: [string, (here: LogoutWorld) => LogoutTokenOptions][] = [
      ["sub", () => ({ sub: "alice" })],
      ["sid", ({ provider }) => ({ sid: provider.sidOf("alice") })],
      [
        "sub and sid",
        ({ provider }) => ({ sub: "alice", sid: provider.sidOf("alice") }),
      ],
    ];

    /** The page where the sign-in ends. */
    async function signInDuring(
      logout: (here: LogoutWorld) => LogoutTokenOptions,
    ): Promise<Page> {
      const here = (w = await logoutWorld({
        ...options,
        kit: { scope: "openid profile" },
      }));
      const held = here.provider.hold(path);
      const login = here.signIn("alice");
      await held.reached;
      expect((await here.postLogout(logout(here))).status).toBe(200);
      held.release();
      return await login;
    }

    // Shows: ERR_LOGGED_OUT_MEANWHILE
    test.each(logouts)(
      "by %s: the login does not come about",
      async (_by, logout) => {
        const page = await signInDuring(logout);
        expect(page.response.status).toBe(401);
        expect(page.body).toContain("ERR_LOGGED_OUT_MEANWHILE");
        expect(await w?.isSignedIn()).toBe(false);
      },
    );

    if (!inRedis) return;
    test.each(logouts)(
      "by %s: nothing of the login is left in Redis",
      async (_by, logout) => {
        await signInDuring(logout);
        const others = async (): Promise<string[]> => {
          const keys = (await w?.keys()) ?? [];
          expect(keys.length).toBeGreaterThan(0);
          return keys.filter((key) => !LOGOUT_KEY.test(key));
        };
        // Nobody waits for it.
        await until("it is cleared", async () => (await others()).length === 0);
      },
    );
  });

  test("by sid and sub while the code is being exchanged for an ID Token without sid: the login does not come about", async () => {
    const here = (w = await logoutWorld({
      ...options,
      misbehave: { idToken: { claims: { sid: undefined } } },
    }));
    const held = here.provider.hold("/token");
    const login = here.signIn("alice");
    await held.reached;
    const sid = here.provider.sidOf("alice");
    expect((await here.postLogout({ sub: "alice", sid })).status).toBe(200);
    held.release();
    await login;
    expect(await here.isSignedIn()).toBe(false);
  });

  test("of somebody else while the code is being exchanged: the login comes about", async () => {
    const here = (w = await logoutWorld({ ...options, signedInAs: "bob" }));
    const sidOfBob = here.provider.sidOf("bob");
    const browser = createTestBrowser();
    const held = here.provider.hold("/token");
    const login = here.signIn("alice", browser);
    await held.reached;
    await here.postLogout({ sub: "bob" });
    await here.postLogout({ sid: sidOfBob });
    held.release();
    await login;
    expect(await here.isSignedIn(browser)).toBe(true);
  });
});

describe.each(["sub", "sid"])(
  "a logout by %s arrives between the login's record and its last step",
  (by) => {
    async function signInDuring(): Promise<LogoutWorld> {
      const client = await ownClient();
      const statuses: number[] = [];
      let steps = 0;
      const logOut = async (key = ""): Promise<void> => {
        // The login is made live once its record and its entries are there.
        if (!key.endsWith(":login") || (steps += 1) !== 2) return;
        const subject =
          by === "sub"
            ? { sub: "alice" }
            : { sid: here.provider.sidOf("alice") };
        statuses.push((await here.postLogout(subject)).status);
      };
      const viewAs = client.withTypeMapping.bind(client);
      // The kit asks through a view of the client.
      Object.assign(client, {
        withTypeMapping(...given: Parameters<typeof viewAs>) {
          const view = viewAs(...given);
          const evaluate = view.eval.bind(view);
          return Object.assign(view, {
            async eval(...call: Parameters<typeof evaluate>) {
              await logOut((call[1] as { keys?: string[] }).keys?.[0]);
              return await evaluate(...call);
            },
          });
        },
      });
      const here: LogoutWorld = (w = await logoutWorld({
        redis: "shared",
        // A whole logout happens inside one command.
        kit: { redis: client, storeTimeoutSeconds: 60 },
      }));
      await here.signIn("alice");
      expect(statuses).toEqual([200]);
      return here;
    }

    test("the login does not come about, and nobody is told of its end", async () => {
      const here = await signInDuring();
      expect(here.app.ended).toEqual([]);
      expect(await here.isSignedIn()).toBe(false);
    });

    test("nothing of the login stays in Redis", async () => {
      const here = await signInDuring();
      await until("it is cleared", async () => {
        const keys = await here.keys();
        expect(keys.length).toBeGreaterThan(0);
        return keys.every((key) => LOGOUT_KEY.test(key));
      });
    });
  },
);

test("two processes get the same token at the same time: one 200, one 400, and each login ends once", async () => {
  const here = (w = await logoutWorld({ redis: "shared" }));
  const other = await here.startAnother();
  for (let round = 0; round < 5; round++) {
    const user = `user ${round}`;
    const browsers = [0, 1, 2].map(() => createTestBrowser());
    await Promise.all(browsers.map((browser) => here.signIn(user, browser)));
    const token = here.provider.logoutToken({ sub: user });
    const statuses = await postToBoth([here.app.url, other.url], token);
    expect(statuses.sort()).toEqual([200, 400]);
    const ended = [...here.app.ended, ...other.ended].filter(
      ({ subject }) => subject === user,
    );
    expect(ended).toHaveLength(3);
    expect(new Set(ended.map(({ loginId }) => loginId)).size).toBe(3);
    for (const browser of browsers) {
      expect(await here.isSignedIn(browser)).toBe(false);
    }
  }
});

describe("two processes of their own", () => {
  let provider: LyingProvider | undefined;
  afterEach(async () => {
    await endNodeProcesses();
    await provider?.close();
  });

  test("get the same token at the same time: one 200, one 400, and the login is over at both", async () => {
    const ports = [await freePort(), await freePort()];
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    const [first = "", second = ""] = urls;
    const running = (provider = await startLyingProvider({
      clients: [clientAt(urls)],
    }));
    await Promise.all(
      ports.map(async (port) => {
        const started = startNode(["test/e2e/fixtures/redis-app.js"], {
          env: {
            OIDC_ISSUER: running.issuer,
            OIDC_CLIENT_ID: CLIENT_ID,
            OIDC_CLIENT_SECRET: CLIENT_SECRET,
            SESSION_SECRET,
            BASE_URL: first,
            PORT: String(port),
            REDIS_URL: process.env["TEST_REDIS_URL"] ?? "",
            REDIS_CLIENT: "kit",
          },
        });
        await started.prints(/listening/);
      }),
    );
    const browser = await signInAt(first, "alice");
    expect(await statusesAt(urls, browser)).toEqual([200, 200]);
    const token = running.logoutToken({
      sub: "alice",
      sid: running.sidOf("alice"),
    });
    const statuses = await postToBoth([first, second], token);
    expect(statuses.sort()).toEqual([200, 400]);
    expect(await statusesAt(urls, browser)).toEqual([401, 401]);
  });
});

/** Statuses of the back-channel endpoints of several applications. */
async function postToBoth(
  urls: readonly string[],
  token: string,
): Promise<number[]> {
  return await Promise.all(
    urls.map(async (url) => {
      const answer = await fetch(`${url}/backchannel-logout`, {
        method: "POST",
        body: new URLSearchParams({ logout_token: token }),
      });
      return answer.status;
    }),
  );
}

async function statusesAt(
  urls: readonly string[],
  browser: TestBrowser,
): Promise<number[]> {
  const answers = await Promise.all(
    urls.map((url) => browser.fetchJson(`${url}/me`)),
  );
  return answers.map(({ status }) => status);
}
