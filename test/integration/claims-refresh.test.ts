/** Claims that are kept fresh: the option `claimsRefreshSeconds`. */
import { randomUUID } from "node:crypto";

import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import express from "express";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitEvents,
  type LoginKitOptions,
  loginOf,
} from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import type { Misbehaviour } from "../support/lying-provider.js";
import {
  lyingKitOptions,
  type LyingWorld,
  lyingWorld,
} from "../support/lying-world.js";
import { type TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { closeRedis, sharedRedis } from "../support/world.js";

/** The interval, in seconds. */
const INTERVAL = 100;

type Failure = LoginKitEvents["claims.refresh_failed"][0];

let w: LyingWorld;
let browser: TestBrowser;
let refreshed: number;
let failures: Failure[];
const others: (() => Promise<unknown>)[] = [];

beforeEach(takeClock);
afterEach(async () => {
  releaseClock();
  for (const close of others.splice(0)) await close();
  await w.close();
});
afterAll(closeRedis);

const OPTIONS: Partial<LoginKitOptions> = {
  scope: "openid profile offline_access",
  claimsRefreshSeconds: INTERVAL,
  // Longer than the tests' time, so that a login ends by what they do alone.
  session: { idleTimeoutSeconds: 20_000 } as never,
};

/** These claims are the user's, in UserInfo. */
const inUserInfo = (claims: object): Misbehaviour => ({
  userinfo: (right) => ({ ...right, ...claims }),
});

/** These claims are the user's, in ID Tokens. */
const inIdToken = (claims: object): Misbehaviour => ({
  idToken: { claims: claims as Readonly<Record<string, unknown>> },
});

async function start(
  misbehave: Misbehaviour = inUserInfo({ roles: ["admin"] }),
  kit: Partial<LoginKitOptions> = {},
): Promise<void> {
  const redisKeyPrefix = `${randomUUID()}:`;
  const redis = await sharedRedis();
  const options = { ...OPTIONS, redisKeyPrefix, redis, ...kit };
  w = await lyingWorld({ kit: options, routes: showClaims });
  w.provider.misbehave = misbehave;
  [refreshed, failures] = [0, []];
  listenTo(w.kit);
  browser = await w.signIn("alice");
}

function showClaims(app: express.Express, kit: LoginKit): void {
  app.get("/claims", kit.requireAuth(), (req, res) => {
    const { claims } = loginOf(req);
    res.json(claims);
    Object.assign(claims, { sub: "mallory", roles: ["root"] });
  });
}

function listenTo(kit: LoginKit): void {
  kit.events.on("claims.refreshed", () => (refreshed += 1));
  kit.events.on("claims.refresh_failed", (failure) => failures.push(failure));
}

/** One more process of the application, as far as the kit can tell. */
async function another(kit: Partial<LoginKitOptions>): Promise<string> {
  const server = await listening();
  const second = createLoginKit({
    ...lyingKitOptions(w.provider, w.url),
    ...kit,
    session: { ...lyingKitOptions(w.provider, w.url).session, ...kit.session },
  });
  listenTo(second);
  const app = express();
  showClaims(app, second);
  server.serve(app);
  others.push(
    () => second.close(),
    () => server.close(),
  );
  return server.url;
}

interface Seen {
  readonly status: number;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What a guarded request gets. */
async function ask(url = w.url): Promise<Seen> {
  const answer = await browser.fetchJson(`${url}/claims`);
  const claims = (await answer.json()) as Seen["claims"];
  return { status: answer.status, claims };
}

const asked = (path: string): number =>
  w.provider.requests.filter((request) => request.endsWith(path)).length;

describe.each([
  ["UserInfo", inUserInfo],
  ["the ID Token", inIdToken],
])("claims of %s", (_name, having) => {
  test("a user who lost a role loses it at the next request after the interval", async () => {
    await start(having({ roles: ["admin", "clerk"] }));
    w.provider.misbehave = having({ roles: ["clerk"] });
    passSeconds(INTERVAL - 1);
    expect((await ask()).claims["roles"]).toEqual(["admin", "clerk"]);
    passSeconds(1);
    expect((await ask()).claims["roles"]).toEqual(["clerk"]);
    expect([refreshed, failures]).toEqual([1, []]);
  });

  test("a claim that is not sent any more is gone", async () => {
    await start(having({ roles: ["admin"] }));
    w.provider.misbehave = {};
    passSeconds(INTERVAL);
    expect((await ask()).claims).not.toHaveProperty("roles");
  });
});

test("what UserInfo says counts more than the ID Token of the login, where a refresh brings none", async () => {
  await start({
    ...inIdToken({ roles: ["admin"], groups: ["a"] }),
    tokenResponse: (right, grantType) =>
      grantType === "refresh_token" ? { ...right, id_token: undefined } : right,
  });
  w.provider.misbehave = {
    ...w.provider.misbehave,
    ...inUserInfo({ roles: [] }),
  };
  passSeconds(INTERVAL);
  expect((await ask()).claims).toMatchObject({ roles: [], groups: ["a"] });
});

test("who signed in, when and how stays as at login", async () => {
  await start(inIdToken({ acr: "gold", amr: ["pwd"], auth_time: 1000 }));
  const { claims } = await ask();
  w.provider.misbehave = {
    idToken: {
      claims: { acr: "bronze", amr: ["face"], auth_time: 2000, sid: "another" },
    },
  };
  passSeconds(INTERVAL);
  expect((await ask()).claims).toEqual(claims);
  expect(claims).toMatchObject({ acr: "gold", amr: ["pwd"], auth_time: 1000 });
  expect(refreshed).toBe(1);
});

test("without the option claims stay, and nobody is asked", async () => {
  await start(undefined, { claimsRefreshSeconds: undefined as never });
  w.provider.misbehave = inUserInfo({ roles: [] });
  const before = w.provider.requests.length;
  passSeconds(10 * INTERVAL);
  expect((await ask()).claims["roles"]).toEqual(["admin"]);
  expect(w.provider.requests).toHaveLength(before);
});

test("a login from before the option was set has its claims renewed too", async () => {
  const redisKeyPrefix = `${randomUUID()}:`;
  const redis = await sharedRedis();
  await start(undefined, {
    claimsRefreshSeconds: undefined as never,
    redisKeyPrefix,
  });
  await ask();
  w.provider.misbehave = inUserInfo({ roles: [] });
  const deployed = await another({ ...OPTIONS, redis, redisKeyPrefix });
  passSeconds(INTERVAL);
  expect((await ask(deployed)).claims["roles"]).toEqual([]);
});

describe("many requests in two processes", () => {
  let second: string;

  beforeEach(async () => {
    const redisKeyPrefix = `${randomUUID()}:`;
    const redis = await sharedRedis();
    await start(undefined, { redisKeyPrefix });
    second = await another({ ...OPTIONS, redis, redisKeyPrefix });
  });

  test("claims are renewed once for all of them, and all get the new ones", async () => {
    const before = [asked("/token"), asked("/userinfo")];
    w.provider.misbehave = inUserInfo({ roles: [] });
    passSeconds(INTERVAL);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        ask(index % 2 === 0 ? w.url : second),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(
      new Set([200]),
    );
    expect(answers.flatMap(({ claims }) => claims["roles"])).toEqual([]);
    expect([asked("/token"), asked("/userinfo")]).toEqual(
      before.map((count) => count + 1),
    );
    expect([refreshed, failures]).toEqual([1, []]);
  });

  test("each request has claims of its own", async () => {
    passSeconds(INTERVAL);
    const all = await Promise.all([ask(), ask(), ask(second)]);
    // What a page does to them (see showClaims), no other sees.
    for (const { claims } of [...all, await ask()]) {
      expect(claims).toMatchObject({ sub: "alice", roles: ["admin"] });
    }
  });
});

test("a sign-out while claims are renewed is final", async () => {
  await start();
  passSeconds(INTERVAL);
  const held = w.provider.hold("/userinfo");
  const waiting = ask();
  await held.reached;
  const other = browser.clone();
  await other.fetchJson(`${w.url}/logout`, { method: "POST" });
  held.release();
  expect((await waiting).status).toBe(401);
  expect((await ask()).status).toBe(401);
  expect(w.ended.map(({ reason }) => reason)).toEqual(["logout"]);
  expect(refreshed).toBe(0);
});

describe("a user who is gone at the provider", () => {
  test("is signed out: the refresh token is rejected", async () => {
    await start();
    w.provider.misbehave = {
      intercept: (req, res, next) => {
        if (req.path !== "/token") next();
        else res.status(400).json({ error: "invalid_grant" });
      },
    };
    passSeconds(INTERVAL);
    expect((await ask()).status).toBe(401);
    expect(w.ended.map(({ reason }) => reason)).toEqual(["refresh_rejected"]);
    expect(failures).toMatchObject([{ code: "ERR_REFRESH_REJECTED" }]);
  });

  test("is signed out: UserInfo refuses the token that it was just given, which is revoked", async () => {
    await start();
    w.provider.misbehave = {
      intercept: (req, res, next) => {
        if (req.path !== "/userinfo") next();
        else {
          res.set("WWW-Authenticate", 'Bearer error="invalid_token"');
          res.status(401).end();
        }
      },
    };
    passSeconds(INTERVAL);
    expect((await ask()).status).toBe(401);
    expect(w.ended.map(({ reason }) => reason)).toEqual(["refresh_rejected"]);
    await w.kit.close();
    expect(w.provider.revoked).not.toEqual([]);
  });

  test("is signed out: the refreshed ID Token is another user's", async () => {
    await start();
    w.provider.misbehave = inIdToken({ sub: "mallory" });
    passSeconds(INTERVAL);
    expect((await ask()).status).toBe(401);
    expect(w.ended.map(({ reason }) => reason)).toEqual(["refresh_rejected"]);
  });
});

describe("a provider that cannot be asked", () => {
  test("the claims there are count for one more interval, then 503; afterwards new ones", async () => {
    await start();
    w.provider.setDown(true);
    passSeconds(INTERVAL);
    const old = await ask();
    expect(old).toMatchObject({ status: 200, claims: { roles: ["admin"] } });
    expect(failures).toMatchObject([
      { code: "ERR_PROVIDER_UNAVAILABLE", subject: "alice" },
    ]);
    passSeconds(INTERVAL - 1);
    expect((await ask()).status).toBe(200);
    passSeconds(1);
    const { status, claims: problem } = await ask();
    expect([status, problem["code"]]).toEqual([
      503,
      "ERR_PROVIDER_UNAVAILABLE",
    ]);
    expect(w.ended).toEqual([]);
  });

  test("a failure holds off the next attempt, so that not each request asks", async () => {
    await start();
    w.provider.misbehave = {
      intercept: (req, res, next) => {
        if (req.path !== "/userinfo") next();
        else res.status(500).end();
      },
    };
    passSeconds(INTERVAL);
    const before = asked("/token");
    const answers = [];
    for (let round = 0; round < 5; round += 1) answers.push(await ask());
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(200));
    // An attempt may come after the shortest pause.
    expect(asked("/token") - before).toBeLessThan(5);
  });

  test("another sub in UserInfo brings no claims: first the old ones, then 503", async () => {
    await start();
    w.provider.misbehave = inUserInfo({ sub: "mallory", roles: ["root"] });
    passSeconds(INTERVAL);
    expect((await ask()).claims).toMatchObject({ roles: ["admin"] });
    expect(failures).toMatchObject([{ code: "ERR_USERINFO_INVALID" }]);
    passSeconds(INTERVAL);
    expect((await ask()).status).toBe(503);
    expect(w.ended).toEqual([]);
    w.provider.misbehave = inUserInfo({ roles: ["clerk"] });
    await until("the pause is over", async () => (await ask()).status === 200);
    expect((await ask()).claims).toMatchObject({ roles: ["clerk"] });
  });
});

describe("a login that has nothing to renew its claims by", () => {
  test("ends after one more interval, and the event says what is missing", async () => {
    await start(
      {
        tokenResponse: (right) => ({ ...right, refresh_token: undefined }),
      },
      { userInfo: false },
    );
    passSeconds(INTERVAL);
    expect((await ask()).status).toBe(200);
    expect(failures[0]).toMatchObject({ code: "ERR_NO_ACCESS_TOKEN" });
    expect(failures[0]?.diagnosis).toContain("offline_access");
    passSeconds(INTERVAL);
    // The last failure holds off the next attempt for a moment.
    await until("it ends", async () => (await ask()).status === 401);
    expect(w.ended.map(({ reason }) => reason)).toEqual(["expired"]);
  });
});
