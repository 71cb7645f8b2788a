/** What a Logout Token ends, once, and what is left of it. */
import { randomUUID } from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { createClient } from "redis";

import { NOTE } from "../../lib/stores/redis/redis-scripts.js";
import { passSeconds, takeClock } from "../support/clock.js";
import {
  logoutWorld,
  type LogoutWorldOptions,
} from "../support/logout-world.js";
import { redisCommand } from "../support/redis-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import { createTestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { closeRedis } from "../support/world.js";
import {
  withAlice,
  fromNow,
  alice,
  tokenOf,
  expectAccepted,
  expectRefused,
  expectInvalidRequest,
  send,
  FORM,
  TOLERANCE,
  startWorld,
  endWorld,
  w,
} from "../support/backchannel.js";

afterEach(endWorld);
afterAll(closeRedis);

describe("BCL-10: jti", () => {
  test("BCL-10: a token without it is refused", async () => {
    await withAlice();
    await expectRefused(
      await w.postToken(tokenOf({ claims: { jti: undefined } })),
      /jti/,
    );
  });

  test.each([
    ["Redis", { redis: "shared" as const }],
    ["the embedded store", {}],
  ])(
    "BCL-10: in %s, a token that comes again is refused, and the login made in between lives on",
    async (_store, options) => {
      await withAlice(options);
      const token = tokenOf({ claims: { sid: undefined } });
      expect((await w.postToken(token)).status).toBe(200);
      await w.signIn("alice");
      await expectInvalidRequest(await w.postToken(token), /jti/);
      expect(await w.isSignedIn()).toBe(true);
    },
  );

  test("BCL-10: it is remembered for as long as the token could be used", async () => {
    takeClock();
    await withAlice();
    const claims = { sid: undefined, exp: fromNow(600) };
    const token = tokenOf({ claims });
    expect((await w.postToken(token)).status).toBe(200);
    passSeconds(120 + TOLERANCE - 2);
    await w.signIn("alice");
    await expectInvalidRequest(await w.postToken(token), /jti/);
    passSeconds(4);
    await expectInvalidRequest(await w.postToken(token), /too long ago/);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("BCL-10: a token that was refused for something else may come again", async () => {
    await withAlice();
    const jti = randomUUID();
    await expectRefused(
      await w.postToken(tokenOf({ claims: { jti }, key: "foreign" })),
    );
    await expectAccepted(await w.postToken(tokenOf({ claims: { jti } })));
  });

  test("BCL-10: 20 of the same token at once have one effect", async () => {
    await withAlice({ redis: "shared" });
    const token = tokenOf();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => w.postToken(token)),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 400)]);
    expect(w.app.ended).toHaveLength(1);
  });

  describe("BCL-10: when Redis fails", () => {
    let redis: RedisServer;
    let client: ReturnType<typeof createClient>;

    /** A world with a Redis of its own; `onEffect` runs when a logout begins to have its effect. */
    async function withOwnRedis(onEffect: () => Promise<void>): Promise<void> {
      redis = await startRedis();
      client = createClient({ url: redis.url });
      client.on("error", () => undefined);
      await client.connect();
      const evaluate = client.eval.bind(client);
      let isFirst = true;
      Object.assign(client, {
        async eval(...call: Parameters<typeof evaluate>) {
          if (isFirst && call[0] === NOTE) {
            isFirst = false;
            await onEffect();
          }
          return await evaluate(...call);
        },
      });
      await withAlice({
        redis,
        kit: { redis: client, storeTimeoutSeconds: 1 },
      });
    }

    afterEach(async () => {
      await endWorld();
      client.destroy();
      await redis.stop();
    });

    test("BCL-10: a token whose effect found Redis hanging works when it is sent again", async () => {
      await withOwnRedis(async () => {
        redis.pause();
        await Promise.resolve();
      });
      const token = tokenOf();
      const failed = await w.postToken(token);
      redis.resume();
      expect(failed.status).toBe(503);
      expect(failed.headers.get("cache-control")).toBe("no-store");
      await expectAccepted(await w.postToken(token));
    });

    test("BCL-10: a token that came while Redis hung works when it is sent again", async () => {
      await withOwnRedis(() => Promise.resolve());
      const token = tokenOf();
      redis.pause();
      const failed = await w.postToken(token);
      redis.resume();
      expect(failed.status).toBe(503);
      await expectAccepted(await w.postToken(token));
    });

    test("BCL-10: a token whose effect found Redis read-only, as during a failover, is asked for again until it works, and never called invalid", async () => {
      await withOwnRedis(async () => {
        await redisCommand(redis.url, ["REPLICAOF", "127.0.0.1", "1"]);
      });
      const token = tokenOf();
      const statuses = [(await w.postToken(token)).status];
      await redisCommand(redis.url, ["REPLICAOF", "NO", "ONE"]);
      await until(
        "it works",
        async () => {
          const { status } = await send({
            headers: FORM,
            body: `logout_token=${token}`,
          });
          statuses.push(status);
          return status !== 503;
        },
        20_000,
      );
      expect(statuses).toEqual([...statuses.slice(1).map(() => 503), 200]);
      expect(await w.isSignedIn()).toBe(false);
    });
  });
});

describe("BCL-14: what ends", () => {
  // Shows: ASVS 7.6.1
  test("BCL-14: a token with sid ends the logins of that session only", async () => {
    await withAlice();
    const sameSession = w.withProviderSessionOf(w.browser);
    await w.signIn("alice", sameSession);
    const { sid } = alice();
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    expect((await w.postLogout({ sub: "alice", sid })).status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
    expect(await w.isSignedIn(sameSession)).toBe(false);
    expect(await w.isSignedIn(elsewhere)).toBe(true);
  });

  test("BCL-14: a token with sub only ends all logins of that user, and nobody else's", async () => {
    await withAlice();
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    expect((await w.postLogout({ sub: "alice" })).status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
    expect(await w.isSignedIn(elsewhere)).toBe(false);
    expect(await w.isSignedIn(bob)).toBe(true);
    expect(w.app.ended.map(({ reason }) => reason)).toEqual([
      "provider_logout",
      "provider_logout",
    ]);
  });

  test("BCL-14: sid does not end a login of that sub in another session, whatever sub says", async () => {
    await withAlice();
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    const sid = w.provider.sidOf("bob");
    expect((await w.postLogout({ sub: "alice", sid })).status).toBe(200);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("BCL-14: a token with sid and sub ends also the user's logins whose ID Token had no sid", async () => {
    await withAlice({ misbehave: { idToken: { claims: { sid: undefined } } } });
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    expect((await w.postLogout(alice())).status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
    expect(await w.isSignedIn(bob)).toBe(true);
  });

  test("BCL-14: a token with sid alone does not end a login whose ID Token had no sid", async () => {
    await withAlice({ misbehave: { idToken: { claims: { sid: undefined } } } });
    expect((await w.postLogout({ sid: alice().sid })).status).toBe(200);
    expect(await w.isSignedIn()).toBe(true);
  });

  test.each([{ sid: "one for both" }, { sub: "alice" }])(
    "BCL-14: %j of one issuer does not end the login of another's, in the same Redis",
    async (claims) => {
      const options: LogoutWorldOptions = {
        redis: "shared",
        kit: { redisKeyPrefix: `${randomUUID()}:` },
        misbehave: { idToken: { claims: { sid: "one for both" } } },
      };
      const other = await logoutWorld({ ...options, signedInAs: "alice" });
      try {
        await withAlice(options);
        expect((await w.postLogout(claims)).status).toBe(200);
        expect(await w.isSignedIn()).toBe(false);
        expect(await other.isSignedIn()).toBe(true);
      } finally {
        await other.close();
      }
    },
  );

  test("BCL-14: a login at another process ends too", async () => {
    await withAlice({ redis: "shared" });
    const other = await w.startAnother();
    const answer = await w.provider.postLogoutToken(
      `${other.url}/backchannel-logout`,
      tokenOf(),
    );
    await expectAccepted(answer);
  });
});

test.each([
  // With both, also for a login whose ID Token names no session.
  ["sid and sub", (sid: string) => ({ sub: "alice", sid }), ["no-sid", "sid"]],
  ["sid", (sid: string) => ({ sid }), ["sid"]],
  ["sub", () => ({ sub: "alice" }), ["user"]],
])(
  "BCL-15: by %s, only the logout is left in Redis, and for a minute what the login was",
  async (_what, claims, kinds) => {
    await startWorld({ redis: "shared" });
    const { keys: allKeys } = w;
    // What came of the sign-in is told for a while, sealed.
    const keysOfLogins = async (): Promise<string[]> =>
      (await allKeys()).filter((key) => !/^(transaction|outcome):/.test(key));
    expect(await keysOfLogins()).toEqual([]);
    await w.signIn("alice");
    // The login, and its places among the user's and the session's.
    expect(await keysOfLogins()).toHaveLength(3);
    const answer = await w.postLogout(claims(w.provider.sidOf("alice")));
    expect(answer.status).toBe(200);
    const keys = await keysOfLogins();
    expect(keys.filter((key) => key.endsWith(":ended"))).toHaveLength(1);
    expect(keys.filter((key) => !key.endsWith(":ended"))).toEqual([
      expect.stringMatching(/^\{jti\.[\w-]+\}:lock$/),
      ...kinds.map((kind): unknown =>
        expect.stringMatching(
          new RegExp(`^\\{${kind}\\.[\\w-]+\\}:logged-out$`),
        ),
      ),
    ]);
  },
);

test.each([
  ["a token of the same session", () => alice()],
  ["a token of the same user", () => ({ sub: "alice" })],
])(
  "BCL-16: after a login has ended, %s is a success",
  async (_what, claims) => {
    await withAlice();
    const again = w.provider.logoutToken(claims());
    await expectAccepted(await w.postToken(tokenOf()));
    expect((await w.postToken(again)).status).toBe(200);
    expect(w.app.ended).toHaveLength(1);
  },
);

test("BCL-16: after the user signed out here, the provider's token is a success", async () => {
  await withAlice();
  await w.browser.fetchJson(`${w.app.url}/logout`, { method: "POST" });
  const answer = await w.postLogout(alice());
  expect(answer.status).toBe(200);
  expect(w.app.ended.map(({ reason }) => reason)).toEqual(["logout"]);
});

describe("BCL-17: revocation", () => {
  /** What the token endpoint gives, and remembers. */
  async function withTokens(scopeOf: (count: number) => string) {
    const issued: { access_token: string; refresh_token: string }[] = [];
    await withAlice({
      misbehave: {
        tokenResponse: (right) => {
          issued.push(right as unknown as (typeof issued)[number]);
          return { ...right, scope: scopeOf(issued.length) };
        },
      },
    });
    return issued;
  }

  test("BCL-17: refresh and access token are revoked where offline_access was not granted", async () => {
    const [tokens] = await withTokens(() => "openid");
    await expectAccepted(await w.postToken(tokenOf()));
    await until("they are revoked", () => w.provider.revoked.length === 2);
    expect([...w.provider.revoked].sort()).toEqual(
      [tokens?.access_token, tokens?.refresh_token].sort(),
    );
  });

  // Shows: OA-06
  test("BCL-17: tokens that were granted for offline use are not revoked", async () => {
    const issued = await withTokens((count) =>
      count === 1 ? "openid offline_access" : "openid",
    );
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    expect((await w.postLogout({ sub: "alice" })).status).toBe(200);
    expect(w.app.ended).toHaveLength(2);
    // The first login would have been the first in turn.
    await until("the second's are revoked", () =>
      w.provider.revoked.includes(issued[1]?.refresh_token ?? ""),
    );
    // More would have come before this.
    await w.signIn("bob", createTestBrowser());
    expect(w.provider.revoked).not.toContain(issued[0]?.refresh_token);
    expect(w.provider.revoked).not.toContain(issued[0]?.access_token);
  });

  test("BCL-17: tokens that end with the provider's session are not revoked", async () => {
    await withAlice({ kit: { tokensEndWithSession: true } });
    await expectAccepted(await w.postToken(tokenOf()));
    // Waits for what is being revoked.
    await w.app.kit.close();
    expect(w.provider.revoked).toEqual([]);
  });

  test("BCL-17: the provider is answered before its revocation endpoint is", async () => {
    await withAlice();
    const held = w.provider.hold("/revoke", "request");
    await expectAccepted(await w.postToken(tokenOf()));
    await held.reached;
    held.release();
  });

  test("BCL-17: a revocation that fails is told, and the logout stands", async () => {
    await withAlice({
      misbehave: {
        intercept: (req, res, next) => {
          if (req.path === "/revoke") res.status(500).end();
          else next();
        },
      },
    });
    const failed: string[] = [];
    w.app.kit.events.on("token.revocation_failed", ({ subject }) =>
      failed.push(subject),
    );
    await expectAccepted(await w.postToken(tokenOf()));
    await until("it is told", () => failed.length > 0);
    expect(failed).toEqual(["alice"]);
  });
});

describe("BCL-23: after a logout of a session at the provider", () => {
  test.each([
    ["Redis", { redis: "shared" as const }],
    ["the embedded store", {}],
  ])(
    "BCL-23: with %s, a login that rests on it does not come about",
    async (_store, options) => {
      await withAlice(options);
      await expectAccepted(await w.postLogout(alice()));
      // The provider still knows the browser and asks nothing.
      const page = await w.signIn("alice");
      expect(page.response.status).toBe(401);
      expect(page.body).toContain("ERR_LOGGED_OUT_MEANWHILE");
      expect(await w.isSignedIn()).toBe(false);
    },
  );

  test("BCL-23: a new authentication in it does", async () => {
    await withAlice();
    // Times are whole seconds: what follows is surely later.
    const claims = { iat: fromNow(-2) };
    await expectAccepted(await w.postToken(tokenOf({ claims })));
    const login = `${w.app.url}/login?prompt=login&return_to=/me`;
    const page = await w.browser.navigate(login);
    expect(page.response.status).toBe(200);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("BCL-23: a login in another session of the same user does", async () => {
    await withAlice();
    await expectAccepted(await w.postLogout(alice()));
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    expect(await w.isSignedIn(elsewhere)).toBe(true);
  });
});
