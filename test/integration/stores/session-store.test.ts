/** GuardedSessionStore behind the real express-session: no session comes back from the dead. */
import { createHmac, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import express, { type Request, type Response } from "express";
import session from "express-session";

import { readConfig } from "../../../lib/config/config.js";
import type { LoginStore } from "../../../lib/stores/login-store.js";
import type { RedisClient } from "../../../lib/stores/redis/redis-command.js";
import { loginIdOf } from "../../../lib/logins/session-id.js";
import { createKnownProviders } from "../../../lib/config/known-providers.js";
import { createEvents } from "../../../lib/telling/events.js";
import { createFinishing } from "../../../lib/stores/finishing.js";
import { createLoginEnding } from "../../../lib/logins/login-ending.js";
import type { SessionBackend } from "../../../lib/stores/session-backend.js";
import { GuardedSessionStore } from "../../../lib/express/session-store.js";
import { keysWith, nodeRedisClient } from "../../support/redis-clients.js";
import { beforeControl } from "../../support/before-control.js";
import { redisCommand } from "../../support/redis-process.js";
import { type RedisServer, startRedis } from "../../support/redis-server.js";
import { createLogin } from "../../support/create-login.js";
import { storeIn } from "../../support/stores.js";
import { ENDS_AT, loginRecord, origin, tokenSet } from "./contract/subjects.js";

const SECRET = "a session secret of thirty-two characters";
const LIFETIME_SECONDS = 3600;

const config = readConfig(
  {
    issuer: "https://op.example",
    clientId: "shop",
    clientSecret: "a client secret",
    baseUrl: "https://shop.example",
    session: { secret: SECRET },
  },
  { nodeEnv: "test" },
);

interface Backend {
  readonly sessions: SessionBackend;
  readonly logins: LoginStore;
  readonly close: () => Promise<void>;
}

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
});

const backends: Record<string, () => Promise<Backend>> = {
  "in memory": () => {
    return Promise.resolve({
      ...stores(undefined),
      close: () => Promise.resolve(),
    });
  },
  "in Redis": async () => {
    const opened = await nodeRedisClient({ url: redis.url });
    return { ...stores(opened.client), close: opened.close };
  },
};

describe.each(Object.entries(backends))("a session %s", (_name, open) => {
  let app: SessionApp;

  beforeAll(async () => {
    app = await startApp(await open());
  });

  afterAll(async () => {
    await app.close();
  });

  test("is there in the next request, with what was put into it", async () => {
    const cookie = await app.newSession();
    await app.get("/put?cart=apples", cookie);
    expect(await app.session(cookie)).toMatchObject({ cart: "apples" });
  });

  test("is not stored as long as nothing was put into it", async () => {
    expect((await app.get("/")).cookie).toBe("");
  });

  // Shows: ASVS 7.4.1
  test("is not written back by a request that was running while it was destroyed", async () => {
    const cookie = await app.newSession();
    const slow = app.hold(cookie);
    await slow.isRunning;
    await app.get("/destroy", cookie);
    slow.putAndFinish();
    await slow.answer;
    expect(await app.session(cookie)).toBeUndefined();
  });

  test("is not written back by a request that saves it itself", async () => {
    const cookie = await app.newSession();
    const slow = app.hold(cookie);
    await slow.isRunning;
    await app.get("/destroy", cookie);
    slow.saveAndFinish();
    await slow.answer;
    expect(await app.session(cookie)).toBeUndefined();
  });

  test("is not written back by a request that loads it anew before", async () => {
    const cookie = await app.newSession();
    const slow = app.hold(cookie);
    await slow.isRunning;
    await app.get("/destroy", cookie);
    slow.reloadAndFinish();
    await slow.answer;
    expect(await app.session(cookie)).toBeUndefined();
  });

  test("is not written back by any of many requests that run while it is destroyed", async () => {
    for (let round = 0; round < 20; round++) {
      const cookie = await app.newSession();
      await Promise.all([
        app.get("/put?cart=1", cookie),
        app.get("/put?cart=2", cookie),
        app.get("/destroy", cookie),
        app.get("/put?cart=3", cookie),
        app.get("/put?cart=4", cookie),
      ]);
      expect(await app.session(cookie)).toBeUndefined();
    }
  });

  test("is still written by a request that created it and saves it twice", async () => {
    const { cookie } = await app.get("/put-twice?cart=apples");
    expect(await app.session(cookie)).toMatchObject({ cart: "apples" });
  });

  test("has another id after regenerate, and the old one is over", async () => {
    const before = await app.newSession();
    const { cookie: after } = await app.get("/regenerate", before);
    expect(after).not.toBe("");
    expect(after).not.toBe(before);
    expect(await app.session(before)).toBeUndefined();
    expect(await app.session(after)).toMatchObject({ regenerated: true });
  });

  test("ends its login when it is destroyed", async () => {
    const cookie = await app.newSession();
    const id = loginIdOf(sessionIdIn(cookie));
    await createLogin(app.logins, id, loginRecord(), tokenSet("1"), origin());
    await app.get("/destroy", cookie);
    await expect(app.logins.readLogin(id)).resolves.toBeUndefined();
  });

  test("ends its login when it is regenerated", async () => {
    const cookie = await app.newSession();
    const id = loginIdOf(sessionIdIn(cookie));
    await createLogin(app.logins, id, loginRecord(), tokenSet("1"), origin());
    await app.get("/regenerate", cookie);
    await expect(app.logins.readLogin(id)).resolves.toBeUndefined();
  });

  test("is over when its login has ended", async () => {
    const cookie = await app.newSession();
    const id = loginIdOf(sessionIdIn(cookie));
    await createLogin(app.logins, id, loginRecord(), tokenSet("1"), origin());
    await app.get("/mark", cookie);
    expect(await app.session(cookie)).toMatchObject({ began: true });
    await app.logins.endLogin(id);
    expect(await app.session(cookie)).toBeUndefined();
  });

  test("is over when its login was not used for the idle timeout", async () => {
    const cookie = await app.newSession();
    const id = loginIdOf(sessionIdIn(cookie));
    await createLogin(app.logins, id, loginRecord(), tokenSet("1"), origin());
    await app.get("/mark", cookie);
    const idle = config.session.idleTimeoutSeconds * 1000;
    await app.logins.recordUse(id, Date.now() - idle, ENDS_AT);
    expect(await app.session(cookie)).toBeUndefined();
  });

  test("of a login is stored with the first value, and not before", async () => {
    const { cookie, id } = await app.newLogin();
    expect(await app.session(cookie)).toMatchObject({ loginKit: {} });
    expect((await app.sessions.read(id)) ?? null).toBeNull();
    await app.get("/put?cart=apples", cookie);
    await expect(app.sessions.read(id)).resolves.toMatchObject({
      cart: "apples",
    });
    await app.get("/put?cart=pears", cookie);
    expect(await app.session(cookie)).toMatchObject({ cart: "pears" });
  });

  test("gets no first value from a request that was running while its login ended", async () => {
    const { cookie, id } = await app.newLogin();
    const slow = app.hold(cookie);
    await slow.isRunning;
    await app.get("/destroy", cookie);
    slow.putAndFinish();
    await slow.answer;
    expect((await app.sessions.read(id)) ?? null).toBeNull();
  });

  test("of one browser is not that of another", async () => {
    const [mine, other] = [await app.newSession(), await app.newSession()];
    await app.get("/put?cart=mine", mine);
    await app.get("/destroy", other);
    expect(await app.session(mine)).toMatchObject({ cart: "mine" });
  });

  test("with an id that nobody handed out is a new one", async () => {
    const planted = randomUUID();
    const { cookie } = await app.get("/put?cart=1", cookieOf(planted));
    expect(cookie).not.toBe("");
    expect(sessionIdIn(cookie)).not.toBe(planted);
  });
});

describe("in Redis", () => {
  let app: SessionApp;

  beforeAll(async () => {
    const opened = await nodeRedisClient({ url: redis.url });
    app = await startApp({ ...stores(opened.client), close: opened.close });
  });

  afterAll(async () => {
    await app.close();
  });

  test.each([
    ["broken JSON", '{"cookie":{'],
    ["nothing", ""],
    ["no object", "42"],
    ["null", "null"],
    ["a list", "[]"],
    ["an object without a cookie", '{"cart":"apples"}'],
    ["a cookie that is none", '{"cookie":null,"cart":"apples"}'],
    ["bytes", "\u0000\ufffd"],
  ])("%s is a new session, not a failure", async (_what, value) => {
    const cookie = await app.newSession();
    const [key = ""] = await keysWith(redis, loginIdOf(sessionIdIn(cookie)));
    await redisCommand(redis.url, ["SET", key, value]);
    const answer = await app.get("/put?cart=1", cookie);
    expect(answer.status).toBe(200);
    expect(answer.cookie).not.toBe("");
    expect(await app.session(answer.cookie)).toMatchObject({ cart: "1" });
  });

  test("no key and no value holds a session id in clear", async () => {
    const cookie = await app.newSession();
    const id = sessionIdIn(cookie);
    await createLogin(
      app.logins,
      loginIdOf(id),
      loginRecord(),
      tokenSet("1"),
      origin(),
    );
    const keys = await keysWith(redis, "");
    expect(keys.join()).toContain(loginIdOf(id));
    expect(keys.join()).not.toContain(id);
    for (const key of await keysWith(redis, loginIdOf(id))) {
      const value = await redisCommand(redis.url, ["DUMP", key]);
      expect(String(value)).not.toContain(id);
    }
  });

  test("a session does not stay for ever", async () => {
    const cookie = await app.newSession();
    const [key = ""] = await keysWith(redis, loginIdOf(sessionIdIn(cookie)));
    const left = Number(await redisCommand(redis.url, ["TTL", key]));
    expect(left).toBeGreaterThan(LIFETIME_SECONDS - 60);
    expect(left).toBeLessThanOrEqual(LIFETIME_SECONDS);
  });

  test("a silent server is a failure in time, and no new session", async () => {
    const cookie = await app.newSession();
    redis.pause();
    try {
      const answer = await beforeControl(20_000, app.get("/", cookie));
      expect(answer).toMatchObject({ status: 503, cookie: "" });
    } finally {
      redis.resume();
    }
    expect(await app.session(cookie)).toMatchObject({ began: true });
  });

  test("destroying a session fails in time while the server is silent", async () => {
    const cookie = await app.newSession();
    const slow = app.hold(cookie);
    await slow.isRunning;
    redis.pause();
    try {
      slow.destroyAndFinish();
      expect((await slow.answer).status).toBe(503);
    } finally {
      redis.resume();
    }
  });
});

function stores(client: RedisClient | undefined) {
  const { loginStore, sessionBackend } = storeIn(client, {
    secrets: [SECRET],
    sessionSeconds: LIFETIME_SECONDS,
    timeoutSeconds: 1,
  });
  return { sessions: sessionBackend, logins: loginStore };
}

interface Answer {
  readonly status: number;
  /** The session cookie that was set, as a browser would send it; "" for none. */
  readonly cookie: string;
  readonly body: unknown;
}

/** A request that waits inside of its handler. */
interface HeldRequest {
  readonly isRunning: Promise<void>;
  readonly answer: Promise<Answer>;
  readonly putAndFinish: () => void;
  readonly saveAndFinish: () => void;
  readonly reloadAndFinish: () => void;
  readonly destroyAndFinish: () => void;
}

interface SessionApp {
  readonly logins: LoginStore;
  readonly sessions: SessionBackend;
  get(path: string, cookie?: string): Promise<Answer>;
  /** A session with something in it: its cookie. */
  newSession(): Promise<string>;
  /** A login whose session nothing was put into: its cookie, and its id. */
  newLogin(): Promise<{ readonly cookie: string; readonly id: string }>;
  /** What is in a session; undefined when there is none. */
  session(cookie: string): Promise<unknown>;
  hold(cookie: string): HeldRequest;
  close(): Promise<void>;
}

async function startApp({
  sessions,
  logins,
  close,
}: Backend): Promise<SessionApp> {
  const { signal: stop } = new AbortController();
  const now = (): number => Date.now();
  const ground = {
    config,
    knownProviders: createKnownProviders(config, now, () => undefined),
    now,
    stop,
    events: createEvents(),
    loginStore: logins,
    finishing: createFinishing(stop),
    watched: { by: undefined },
  };
  const held = new Map<string, (req: Request, res: Response) => void>();
  const app = express();
  app.use(
    session({
      name: "session",
      secret: SECRET,
      store: new GuardedSessionStore(
        ground,
        createLoginEnding(ground, sessions, {
          later: () => undefined,
          afterLogout: () => undefined,
        }),
        sessions,
      ),
      resave: false,
      saveUninitialized: false,
    }),
  );
  app.get("/", (req, res) => {
    const content = Object.entries(req.session).filter(
      ([name]) => name !== "cookie",
    );
    res.json(content.length === 0 ? null : Object.fromEntries(content));
  });
  app.get("/put", (req, res) => {
    put(req);
    res.json("put");
  });
  app.get("/mark", (req, res) => {
    // As the kit does when a user signs in.
    Object.assign(req.session, { loginKit: { loginId: "any" } });
    res.json("marked");
  });
  app.get("/put-twice", (req, res, next) => {
    put(req, "pears");
    req.session.save((error: unknown) => {
      put(req);
      if (error) next(error);
      else res.json("put");
    });
  });
  app.get("/destroy", (req, res, next) => {
    req.session.destroy((error: unknown) => {
      if (error) next(error);
      else res.json("destroyed");
    });
  });
  app.get("/regenerate", (req, res, next) => {
    req.session.regenerate((error: unknown) => {
      Object.assign(req.session, { regenerated: true });
      if (error) next(error);
      else res.json("regenerated");
    });
  });
  app.get("/hold/:name", (req, res) => {
    held.get(req.params.name)?.(req, res);
  });
  app.use(((error: { status?: number }, _req, res, _next) => {
    res.status(error.status ?? 500).json("failed");
  }) satisfies express.ErrorRequestHandler);

  const server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  const get = async (path: string, cookie = ""): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { cookie, connection: "close" },
    });
    const [set = ""] = response.headers.getSetCookie();
    return {
      status: response.status,
      cookie: set.split(";")[0] ?? "",
      body: await response.json(),
    };
  };

  return {
    logins,
    sessions,
    get,
    async newLogin() {
      const sessionId = randomUUID();
      const id = loginIdOf(sessionId);
      await createLogin(logins, id, loginRecord(), tokenSet("1"), origin());
      return { cookie: cookieOf(sessionId), id };
    },
    newSession: async () => (await get("/put?began=true")).cookie,
    session: async (cookie) => (await get("/", cookie)).body ?? undefined,
    hold(cookie) {
      const name = randomUUID();
      let go: (act: (req: Request, res: Response) => void) => void;
      let running: () => void;
      const isRunning = new Promise<void>((resolve) => (running = resolve));
      held.set(name, (req, res) => {
        go = (act) => {
          act(req, res);
        };
        running();
      });
      const finish = (res: Response) => (error?: unknown) => {
        // express-session tells a session that is gone as an error of reload().
        res.status(isStoreFailure(error) ? 503 : 200).json("finished");
      };
      return {
        isRunning,
        answer: get(`/hold/${name}`, cookie),
        putAndFinish: () => {
          go((req, res) => {
            put(req, "late");
            finish(res)();
          });
        },
        saveAndFinish: () => {
          go((req, res) => {
            put(req, "late");
            req.session.save(finish(res));
          });
        },
        reloadAndFinish: () => {
          go((req, res) => {
            req.session.reload(() => {
              put(req, "late");
              finish(res)();
            });
          });
        },
        destroyAndFinish: () => {
          go((req, res) => {
            req.session.destroy(finish(res));
          });
        },
      };
    },
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
      await close();
    },
  };
}

/** Puts the query's values, or the given cart, into the session. */
function put(req: Request, cart?: string): void {
  const values = cart === undefined ? req.query : { cart };
  Object.assign(req.session, values, values["began"] && { began: true });
}

function isStoreFailure(error: unknown): boolean {
  return (
    (error as { code?: unknown } | undefined)?.code === "ERR_STORE_UNAVAILABLE"
  );
}

/** The session id in a cookie that express-session has signed. */
function sessionIdIn(cookie: string): string {
  const value = decodeURIComponent(cookie.slice("session=".length));
  return value.slice("s:".length, value.lastIndexOf("."));
}

/** A cookie with an id that the store has never seen, signed as ours are. */
function cookieOf(sessionId: string): string {
  return `session=${encodeURIComponent(`s:${sessionId}.${signatureOf(sessionId)}`)}`;
}

function signatureOf(sessionId: string): string {
  return createHmac("sha256", SECRET)
    .update(sessionId)
    .digest("base64")
    .replace(/=+$/, "");
}
