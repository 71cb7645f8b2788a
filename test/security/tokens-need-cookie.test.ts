/** The option `session.tokensNeedCookie`: all of Redis and the server's secrets do not open tokens whose browser is away. */
import { randomUUID } from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import express, { type Express } from "express";
import session from "express-session";
import { createClient } from "redis";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitEvents,
  type LoginKitOptions,
  loginOf,
  type SessionOptions,
} from "../../lib/index.js";
import { Secret } from "../../lib/base/secret.js";
import { keyPrefixOf } from "../../lib/stores/key-prefix.js";
import type { LoginStore, TokenSet } from "../../lib/stores/login-store.js";
import { listening } from "../../lib/testing/listening.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { loginIdAt, lyingKitOptions } from "../support/lying-world.js";
import {
  type LogoutWorld,
  logoutWorld,
  type LogoutWorldOptions,
} from "../support/logout-world.js";
import { landingOf } from "../support/sign-out.js";
import { storeIn } from "../support/stores.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";
import {
  CLIENT_ID,
  closeRedis,
  SESSION_SECRET,
  sharedRedis,
} from "../support/world.js";

/** Past the life of an access token, in seconds. */
const EXPIRY = 301;
const NEW_SECRET = "a new secret of thirty-two characters, at the least";

type NotRevoked = LoginKitEvents["token.not_revoked"][0];

let w: LogoutWorld;
let redisKeyPrefix: string;
let notRevoked: NotRevoked[];
const others: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  releaseClock();
  for (const close of others.splice(0)) await close();
  await w.close();
});
afterAll(closeRedis);

async function start(
  tokensNeedCookie: boolean,
  kit: Partial<LoginKitOptions> = {},
  options: LogoutWorldOptions = {},
): Promise<void> {
  redisKeyPrefix = `${randomUUID()}:`;
  w = await logoutWorld({
    redis: "shared",
    kit: {
      redisKeyPrefix,
      session: {
        secret: SESSION_SECRET,
        cookieName: "session",
        tokensNeedCookie,
      },
      ...kit,
    },
    routes: showTokens,
    ...options,
  });
  notRevoked = [];
  w.app.kit.events.on("token.not_revoked", (event) => notRevoked.push(event));
  await w.signIn("alice");
}

function showTokens(app: Express, kit: LoginKit): void {
  app.get("/token", kit.requireAuth(), async (req, res) => {
    const token = await loginOf(req).accessToken();
    res.json({ token: token.value });
  });
  app.get("/user-info", kit.requireAuth(), async (req, res) => {
    res.json({ token: (await loginOf(req).userInfo()).sub });
  });
}

/** The same application, started with other options of the session. */
async function deployed(options: Partial<SessionOptions>): Promise<string> {
  const server = await listening();
  const kit = createLoginKit({
    ...lyingKitOptions(w.provider, w.app.url),
    redis: await sharedRedis(),
    redisKeyPrefix,
    session: { secret: SESSION_SECRET, cookieName: "session", ...options },
  });
  const app = express();
  app.set("env", "test");
  app.use(kit.routes);
  showTokens(app, kit);
  app.use(kit.errorHandler);
  server.serve(app);
  others.push(async () => {
    await kit.close();
    await server.close();
  });
  return server.url;
}

/** What a page of the application gets, of the process at this origin. */
async function ask(path: string, origin = w.app.url): Promise<string> {
  const answer = await w.browser.fetchJson(origin + path);
  const { token } = (await answer.json()) as { token?: string };
  return token ?? String(answer.status);
}

/** The store, opened with all that the server knows. */
async function thief(
  secrets: readonly [string, ...string[]] = [SESSION_SECRET],
): Promise<LoginStore> {
  return storeIn(await sharedRedis(), { secrets, keyPrefix: keyPrefix() })
    .loginStore;
}

function keyPrefix(): string {
  return keyPrefixOf(redisKeyPrefix, [w.provider.issuer, CLIENT_ID]);
}

/** The thief's tokens: the access token, as far as it is opened. */
async function stolen(secret?: string): Promise<string | undefined> {
  const store = await thief(secret === undefined ? undefined : [secret]);
  const id = await loginIdAt(w.app.url, w.browser);
  return valueIn((await store.readTokens(id))?.tokens);
}

function valueIn(tokens: TokenSet | undefined): string | undefined {
  return tokens?.accessTokens[""]?.value.reveal();
}

/** The id of the browser's session, as its cookie has it. */
async function sessionIdOf(browser: TestBrowser): Promise<string> {
  const cookies = await browser.jar.getCookies(w.app.url);
  const cookie = cookies.find(({ key }) => key === "session")?.value ?? "";
  return /^s:([^.]{32})\./.exec(decodeURIComponent(cookie))?.[1] ?? "";
}

/** Every key, field and value that Redis has of this application. */
async function everything(): Promise<Buffer[]> {
  const client = createClient({ url: process.env["TEST_REDIS_URL"] ?? "" });
  await client.connect();
  const binary = client.withTypeMapping({ 36: Buffer });
  const parts: (string | Buffer)[] = [];
  for (const key of await client.keys(`${redisKeyPrefix}*`)) {
    parts.push(key);
    const type = await client.type(key);
    if (type === "zset") parts.push(...(await client.zRange(key, 0, -1)));
    else if (type === "hash") {
      parts.push(...Object.entries(await binary.hGetAll(key)).flat());
    } else parts.push((await binary.get(key)) as unknown as Buffer);
  }
  client.destroy();
  return parts.map((part) => Buffer.from(part));
}

describe("whoever has all of Redis and the server's secrets", () => {
  test.each([
    ["opens the tokens of a login without the option", false],
    ["does not open them with it", true],
  ])("%s", async (_what, tokensNeedCookie) => {
    await start(tokensNeedCookie);
    const token = await ask("/token");
    expect(token.length).toBeGreaterThan(20);
    expect(await stolen()).toBe(tokensNeedCookie ? undefined : token);
  });

  test("does not open them with anything that Redis holds; the session id does", async () => {
    await start(true);
    const token = await ask("/token");
    const id = await loginIdAt(w.app.url, w.browser);
    const store = await thief();
    const opened = async (part: string): Promise<string | undefined> =>
      valueIn((await store.readTokens(id, () => new Secret(part)))?.tokens);
    const held = (await everything()).map((bytes) => bytes.toString());
    const candidates = held.flatMap((text) => [text, ...text.split(/[{}:]/)]);
    for (const part of new Set(candidates)) {
      expect(await opened(part)).toBeUndefined();
    }
    expect(await opened(await sessionIdOf(w.browser))).toBe(token);
  });

  test("finds the session id nowhere, neither in clear nor in what came of the sign-in", async () => {
    await start(true);
    const answer = await w.browser.fetchJson(`${w.app.url}/me`);
    expect(answer.status).toBe(200);
    const sessionId = await sessionIdOf(w.browser);
    expect(sessionId).toHaveLength(32);
    const held = Buffer.concat(await everything());
    expect(held.includes(sessionId)).toBe(false);
    const [, hash = ""] = /outcome:\{([\w-]{43})\}/.exec(String(held)) ?? [];
    const redis = createClient({ url: process.env["TEST_REDIS_URL"] ?? "" });
    await redis.connect();
    const record = `${keyPrefix()}transaction:{${hash}}`;
    const owner = (await redis.hGet(record, "o")) ?? "";
    redis.destroy();
    const found = await (await thief()).takeTransaction(hash, owner, 60);
    const outcome =
      found?.outcome instanceof Secret ? found.outcome : undefined;
    expect(outcome?.reveal()).toContain("location");
    expect(outcome?.reveal()).not.toContain(sessionId);
  });

  test("does not open what remains of a login that has ended", async () => {
    await start(true);
    const id = await loginIdAt(w.app.url, w.browser);
    await w.pressLogout();
    const remains = await (await thief()).remainsOf(id);
    expect(remains?.record.identity.claims.sub).toBe("alice");
    expect(remains?.tokens).toBeUndefined();
  });

  test("does not open tokens that a refresh has brought", async () => {
    takeClock();
    await start(true);
    const first = await ask("/token");
    passSeconds(EXPIRY);
    const second = await ask("/token");
    expect(second).not.toBe(first);
    expect(second.length).toBeGreaterThan(20);
    expect(await stolen()).toBeUndefined();
  });
});

describe("with the browser there", () => {
  test("two processes refresh, once for both, and ask for claims", async () => {
    takeClock();
    await start(true);
    const another = (await w.startAnother()).url;
    const first = await ask("/token");
    passSeconds(EXPIRY);
    const asked = w.provider.requests.length;
    const tokens = await Promise.all([
      ask("/token", another),
      ask("/token"),
      ask("/token", another),
    ]);
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).not.toBe(first);
    const requests = w.provider.requests.slice(asked);
    expect(requests.filter((one) => one === "POST /token")).toHaveLength(1);
    expect(await ask("/user-info", another)).toBe("alice");
  });

  test("claims are renewed, which needs the tokens", async () => {
    takeClock();
    await start(true, { claimsRefreshSeconds: 100 });
    const renewed: string[] = [];
    w.app.kit.events.on("claims.refreshed", ({ subject }) =>
      renewed.push(subject),
    );
    passSeconds(101);
    expect(await w.isSignedIn()).toBe(true);
    expect(renewed).toEqual(["alice"]);
  });

  test("signing out has the ID Token for a hint, and the tokens are revoked", async () => {
    await start(true);
    const page = await w.browser.fetchJson(`${w.app.url}/logout`, {
      method: "POST",
    });
    const { location } = (await page.json()) as { location: string };
    expect(new URL(location).searchParams.get("id_token_hint")).toMatch(/^ey/);
    await w.browser.request(landingOf(location));
    await until("they are revoked", () => w.provider.revoked.length === 2);
    expect(notRevoked).toEqual([]);
  });

  test("a refresh that the provider refuses ends the login, and its tokens are revoked", async () => {
    takeClock();
    await start(true, {}, { misbehave: {} });
    w.provider.misbehave = {
      intercept: (req, res, next) => {
        if (req.path !== "/token") next();
        else res.status(400).json({ error: "invalid_grant" });
      },
    };
    passSeconds(EXPIRY);
    expect(await ask("/token")).toBe("401");
    await until("they are revoked", () => w.provider.revoked.length === 2);
    expect(w.app.ended).toMatchObject([{ reason: "refresh_rejected" }]);
    expect(notRevoked).toEqual([]);
  });

  test("an express-session of the application carries the login, and is told to be no place for it", async () => {
    const told: string[] = [];
    const { warn } = console;
    console.warn = (line: string) => told.push(line);
    try {
      takeClock();
      await start(
        true,
        {},
        {
          before: session({
            secret: "the application's own secret",
            name: "app.sid",
            resave: false,
            saveUninitialized: true,
          }),
        },
      );
      const first = await ask("/token");
      passSeconds(EXPIRY);
      expect((await ask("/token")).length).toBe(first.length);
      expect(await stolen()).toBeUndefined();
      await w.pressLogout();
      expect(notRevoked).toEqual([]);
    } finally {
      console.warn = warn;
    }
    expect(told.join("\n")).toMatch(
      /session\.tokensNeedCookie .* express-session/,
    );
  });
});

describe("with the browser away", () => {
  test("a back-channel logout ends the login, and tells that its tokens are not revoked", async () => {
    await start(true);
    const answer = await w.postLogout({ claims: { sub: "alice" } });
    expect(answer.status).toBe(200);
    expect(w.app.ended).toMatchObject([{ reason: "provider_logout" }]);
    expect(notRevoked).toMatchObject([
      { subject: "alice", reason: "provider_logout" },
    ]);
    expect(await w.isSignedIn()).toBe(false);
    await w.app.kit.close();
    expect(w.provider.revoked).toEqual([]);
  });

  test("tokens for offline use are to stay after it, and nothing is told", async () => {
    await start(true, { scope: "openid offline_access" });
    const answer = await w.postLogout({ claims: { sub: "alice" } });
    expect(answer.status).toBe(200);
    expect(w.app.ended).toHaveLength(1);
    expect(notRevoked).toEqual([]);
  });

  test("kit.sessions ends the login, and tells the same", async () => {
    await start(true);
    expect(await w.app.kit.sessions.endAll("alice")).toBe(1);
    expect(notRevoked).toMatchObject([{ reason: "revoked" }]);
    expect(await w.isSignedIn()).toBe(false);
  });

  test("one login too many ends, whose tokens would not be revoked anyway", async () => {
    await start(true, {
      session: {
        secret: SESSION_SECRET,
        cookieName: "session",
        tokensNeedCookie: true,
        maxLoginsPerUser: 1,
      },
    });
    await w.signIn("alice", createTestBrowser());
    await until("the first is over", async () => !(await w.isSignedIn()));
    expect(w.app.ended).toMatchObject([{ reason: "limit" }]);
    expect(notRevoked).toEqual([]);
  });

  test("the same without the option is revoked", async () => {
    await start(false);
    await w.app.kit.sessions.endAll("alice");
    await until("they are revoked", () => w.provider.revoked.length === 2);
    expect(notRevoked).toEqual([]);
  });
});

describe("logins in the store go on when", () => {
  test("the option is set: their tokens need the cookie from the next refresh on", async () => {
    takeClock();
    await start(false);
    const first = await ask("/token");
    const after = await deployed({ tokensNeedCookie: true });
    expect(await ask("/token", after)).toBe(first);
    expect(await stolen()).toBe(first);
    passSeconds(EXPIRY);
    const second = await ask("/token", after);
    expect(second).not.toBe(first);
    expect(await stolen()).toBeUndefined();
    // Processes that have not got the option yet go on as well.
    expect(await ask("/token")).toBe(second);
  });

  test("the option is taken away: their tokens are the server's from the next refresh on", async () => {
    takeClock();
    await start(true);
    const first = await ask("/token");
    const after = await deployed({ tokensNeedCookie: false });
    expect(await ask("/token", after)).toBe(first);
    passSeconds(EXPIRY);
    const second = await ask("/token", after);
    expect(second).not.toBe(first);
    expect(await stolen()).toBe(second);
  });

  test("the secret is changed", async () => {
    takeClock();
    await start(true);
    const first = await ask("/token");
    const after = await deployed({
      secret: [NEW_SECRET, SESSION_SECRET],
      tokensNeedCookie: true,
    });
    expect(await ask("/token", after)).toBe(first);
    passSeconds(EXPIRY);
    const second = await ask("/token", after);
    expect(second).not.toBe(first);
    expect(await stolen(NEW_SECRET)).toBeUndefined();
  });
});
