/** What pages and applications learn of the end of a login, and what it costs. */
import { getEventListeners, once } from "node:events";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Response as ServerResponse } from "express";
import { createClient, type RedisClientOptions } from "redis";

import { type Login, LoginKitError, loginOf } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { freePort } from "../support/free-port.js";
import { openSocket, openStream } from "../support/live-connections.js";
import { startLyingProvider } from "../support/lying-provider.js";
import {
  clientAt,
  lyingKitOptions,
  type LyingWorld,
  lyingWorld,
  type LyingWorldOptions,
  signInAt,
} from "../support/lying-world.js";
import { endNodeProcesses, startNode } from "../support/node-process.js";
import { connections, subscribers } from "../support/redis-connections.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";

let redis: RedisServer;
let w: LyingWorld | undefined;
/** The login of the newest request for `/quiet`, and its answer. */
let quiet: { readonly login: Login; readonly res: ServerResponse } | undefined;
const clients: { destroy: () => void }[] = [];

beforeAll(async () => {
  redis = await startRedis();
});

afterEach(async () => {
  releaseClock();
  redis.resume();
  await w?.close();
  w = undefined;
  for (const client of clients.splice(0)) client.destroy();
  await endNodeProcesses();
});

afterAll(async () => {
  await redis.stop();
});

/** An application with an answer that lasts and does not ask when the login ends. */
async function start(options: LyingWorldOptions = {}): Promise<LyingWorld> {
  w = await lyingWorld({
    ...options,
    routes(app, kit) {
      app.get("/quiet", kit.requireAuth(), (req, res) => {
        quiet = { login: loginOf(req), res };
        res.write("hello");
      });
    },
  });
  return w;
}

async function startOnRedis(
  options: RedisClientOptions = { url: redis.url },
): Promise<LyingWorld> {
  const client = createClient(options);
  client.on("error", () => undefined);
  await client.connect();
  clients.push(client);
  return await start({ redis: client });
}

describe("GET /session/events", () => {
  test("without a login: 401 problem+json", async () => {
    const { url } = await start();
    const answer = await createTestBrowser().fetchJson(`${url}/session/events`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("content-type")).toBe(
      "application/problem+json; charset=utf-8",
    );
    expect(await answer.json()).toMatchObject({
      code: "ERR_LOGIN_REQUIRED",
      login_url: "/login",
    });
  });

  test.each(["http://evil.example", "http://127.0.0.1:1"])(
    "from a page of %s: 403",
    async (initiator) => {
      const { url, signIn } = await start();
      const browser = await signIn("alice");
      const answer = await browser.fetchJson(`${url}/session/events`, {
        initiator,
      });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({
        code: "ERR_CROSS_SITE_REQUEST",
      });
    },
  );

  test("from a browser that says nothing of the page, as some before 2023: served", async () => {
    const { url, signIn } = await start();
    const browser = await signIn(
      "alice",
      createTestBrowser({ sendsFetchMetadata: false }),
    );
    const stream = await openStream(browser, `${url}/session/events`);
    expect(stream.text()).toBe(": the login lives\n\n");
    stream.abort();
  });

  test.each(["POST", "HEAD", "DELETE"])(
    "by %s: 405, and Allow says GET",
    async (method) => {
      const { url, signIn } = await start();
      const browser = await signIn("alice");
      const answer = await browser.fetchJson(`${url}/session/events`, {
        method,
      });
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe("GET");
    },
  );

  test("is an event stream that nobody stores, changes, sniffs or keeps back", async () => {
    const { url, signIn } = await start();
    const stream = await openStream(
      await signIn("alice"),
      `${url}/session/events`,
    );
    const { headers } = stream.response;
    expect(headers.get("content-type")).toBe(
      "text/event-stream; charset=utf-8",
    );
    expect(headers.get("cache-control")).toBe("no-store, no-transform");
    expect(headers.get("x-accel-buffering")).toBe("no");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBeNull();
    stream.abort();
  });

  test("tells of the end of this login, and ends", async () => {
    const { url, kit, signIn } = await start();
    const stream = await openStream(
      await signIn("alice"),
      `${url}/session/events`,
    );
    await kit.sessions.endAll("alice");
    await stream.ended;
    expect(stream.text()).toBe(
      ': the login lives\n\nevent: session-ended\ndata: {"login_url":"/login"}\n\n',
    );
  });

  test("names the login address that the application has", async () => {
    const { url, kit, signIn } = await start({
      kit: { paths: { login: "/login", sessionEvents: "/my/events" } },
    });
    const stream = await openStream(await signIn("alice"), `${url}/my/events`);
    await kit.sessions.endAll("alice");
    await stream.ended;
    expect(stream.text()).toContain('data: {"login_url":"/login"}');
  });

  test("stays silent when another user's login ends", async () => {
    const { url, kit, signIn } = await start();
    const stream = await openStream(
      await signIn("alice"),
      `${url}/session/events`,
    );
    const bobs = await openStream(await signIn("bob"), `${url}/session/events`);
    expect(await kit.sessions.endAll("bob")).toBe(1);
    await bobs.ended;
    expect(stream.isOpen()).toBe(true);
    expect(stream.text()).toBe(": the login lives\n\n");
    stream.abort();
  });

  test("ASVS 7.3.1: listening does not extend the login", async () => {
    takeClock();
    const { url, kit, signIn } = await start();
    const browser = await signIn("alice");
    const [before] = await kit.sessions.list("alice");
    passSeconds(20 * 60);
    const stream = await openStream(browser, `${url}/session/events`);
    expect(await kit.sessions.list("alice")).toEqual([before]);
    stream.abort();
    passSeconds(11 * 60);
    const late = await browser.fetchJson(`${url}/session/events`);
    expect(late.status).toBe(401);
  });
});

describe("loginOf(req).signal", () => {
  test("that nobody reads is not watched: no second connection to Redis", async () => {
    const { url, signIn, statusFor } = await startOnRedis();
    const browser = await signIn("alice");
    const before = await connections(redis.url);
    const stream = await openStream(browser, `${url}/quiet`);
    // More round trips to Redis than a connection takes.
    for (let trip = 0; trip < 10; trip++) await statusFor(browser);
    expect(await subscribers(redis.url)).toBe(0);
    expect(await connections(redis.url)).toBe(before);
    expect(quiet?.login.signal.aborted).toBe(false);
    await until("watched", async () => (await subscribers(redis.url)) === 1);
    expect(await connections(redis.url)).toBe(before + 1);
    stream.abort();
  });

  test("that a hundred streams read takes one connection, and it serves those that come after them", async () => {
    const { url, kit, signIn } = await startOnRedis();
    const browsers = await Promise.all(
      ["alice", "bob", "carol"].map((user) => signIn(user)),
    );
    const before = await connections(redis.url);
    await openAndLeave(browsers, url, 100);
    await until("watched", async () => (await subscribers(redis.url)) === 1);
    const [browser = createTestBrowser()] = browsers;
    const next = await openStream(browser, `${url}/session/events`);
    expect(await connections(redis.url)).toBe(before + 1);
    await kit.sessions.endAll("alice");
    await next.ended;
    expect(next.text()).toContain("event: session-ended\n");
  });

  test("is one and the same however often it is read, and reading adds no listeners", async () => {
    const { url, signIn } = await start();
    const stream = await openStream(await signIn("alice"), `${url}/quiet`);
    const { login, res } = quiet ?? noRequest();
    const { signal } = login;
    const listeners = res.listenerCount("close");
    for (let times = 0; times < 100; times += 1) {
      expect(login.signal).toBe(signal);
    }
    expect(res.listenerCount("close")).toBe(listeners);
    stream.abort();
  });

  test("is aborted for whoever reads it after the end", async () => {
    const { url, kit, signIn } = await start();
    const stream = await openStream(await signIn("alice"), `${url}/quiet`);
    const { login } = quiet ?? noRequest();
    const { signal } = login;
    await kit.sessions.endAll("alice");
    expect(signal.aborted).toBe(true);
    expect(login.signal.aborted).toBe(true);
    stream.abort();
  });

  test("that is first read after the end is aborted very soon", async () => {
    const { url, kit, signIn } = await start();
    const stream = await openStream(await signIn("alice"), `${url}/quiet`);
    const { login } = quiet ?? noRequest();
    await kit.sessions.endAll("alice");
    const { signal } = login;
    if (!signal.aborted) await once(signal, "abort");
    expect(signal.aborted).toBe(true);
    stream.abort();
  });

  test("has a reason that says what happened", async () => {
    const { url, kit, signIn } = await start();
    const stream = await openStream(await signIn("alice"), `${url}/quiet`);
    const { signal } = quiet?.login ?? noRequest();
    await kit.sessions.endAll("alice");
    expect(signal.reason).toMatchObject({ code: "ERR_LOGIN_REQUIRED" });
    stream.abort();
  });
});

describe("streams that are opened and left", () => {
  /** What is left is counted: one stream would be enough, were it not for chance. */
  const STREAMS = 150;

  test("leave one connection that listens, and kit.close() closes it", async () => {
    const { url, kit, signIn } = await startOnRedis();
    const browsers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => signIn(`user ${index}`)),
    );
    const before = await connections(redis.url);
    await openAndLeave(browsers, url, STREAMS);
    await until("one is left", async () => {
      return (await connections(redis.url)) === before + 1;
    });
    expect(await subscribers(redis.url)).toBe(1);
    void kit.close();
    await until("nobody is subscribed", async () => {
      return (await connections(redis.url)) === before;
    });
  });

  test("leave no listener on the signal of a stream that stays", async () => {
    const { url, signIn } = await start();
    const browser = await signIn("alice");
    const staying = await openStream(browser, `${url}/quiet`);
    const { signal } = quiet?.login ?? noRequest();
    const before = getEventListeners(signal, "abort").length;
    await openAndLeave([browser], url, STREAMS);
    await until("none is left", () => {
      return getEventListeners(signal, "abort").length === before;
    });
    staying.abort();
  });

  test("leave nothing that keeps the process alive", async () => {
    const { app, url, close } = await startProcess();
    const browser = await signInAt(url, "alice");
    await openAndLeave([browser], url, STREAMS);
    expect(await app.end("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(app.output()).not.toMatch(/warning/i);
    await close();
  });

  test("and one that is left while the login is looked up neither", async () => {
    const { app, url, close } = await startProcess();
    const browser = await signInAt(url, "alice");
    redis.pause();
    const leave = new AbortController();
    const answer = browser.fetchJson(`${url}/session/events`, {
      signal: leave.signal,
    });
    await laterRequestsAreServed(url);
    leave.abort();
    await expect(answer).rejects.toThrow();
    await laterRequestsAreServed(url);
    redis.resume();
    await until("the store answers", async () => {
      return (await fetch(`${url}/readyz`)).ok;
    });
    expect(await app.end("SIGTERM")).toEqual({ code: 0, signal: null });
    await close();
  });
});

describe("kit.close()", () => {
  test("closes the connection that listens, and ends streams without saying that the login has ended", async () => {
    const { url, kit, signIn, statusFor } = await startOnRedis();
    const browser = await signIn("alice");
    const stream = await openStream(browser, `${url}/session/events`);
    await until("watched", async () => (await subscribers(redis.url)) === 1);
    const before = await connections(redis.url);
    void kit.close();
    await stream.ended;
    expect(stream.text()).toBe(": the login lives\n\n");
    expect(await statusFor(browser)).toBe(200);
    await until("closed", async () => {
      return (await connections(redis.url)) === before - 1;
    });
    expect(await subscribers(redis.url)).toBe(0);
  });

  test("aborts the signals of streams for a reason that is no LoginKitError", async () => {
    const { url, kit, signIn } = await start();
    const stream = await openStream(await signIn("alice"), `${url}/quiet`);
    const { signal } = quiet?.login ?? noRequest();
    void kit.close();
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(Error);
    expect(signal.reason).not.toBeInstanceOf(LoginKitError);
    stream.abort();
  });

  test("closes it although it is not connected yet", async () => {
    const lookups: (() => void)[] = [];
    const { url, kit, signIn } = await startOnRedis({
      socket: {
        host: "localhost",
        port: redis.port,
        // A name server that takes its time, but for the first connection.
        lookup: (_name, _options, found) => {
          const answer = (): void => {
            found(null, [{ address: "127.0.0.1", family: 4 }]);
          };
          if (lookups.push(answer) === 1) setImmediate(answer);
        },
      },
    });
    const browser = await signIn("alice");
    const before = await connections(redis.url);
    const stream = await openStream(browser, `${url}/session/events`);
    await until("it connects", () => lookups.length === 2);
    void kit.close();
    lookups[1]?.();
    // Others that connect later are connected.
    for (let round = 0; round < 5; round++) await connections(redis.url);
    await until("none is left", async () => {
      return (await connections(redis.url)) === before;
    });
    stream.abort();
  });

  test("lets a process end by itself that has streams and WebSockets open", async () => {
    const { app, url, close } = await startProcess();
    const browser = await signInAt(url, "alice");
    const stream = await openStream(browser, `${url}/session/events`);
    const socket = await openSocket(browser, `${url}/socket`);
    expect(await app.end("SIGTERM")).toEqual({ code: 0, signal: null });
    await Promise.all([stream.ended, socket.ended]);
    await close();
  });
});

/** Opens streams, fifty at the same time, and leaves each as soon as it has begun. */
async function openAndLeave(
  browsers: readonly TestBrowser[],
  url: string,
  count: number,
): Promise<void> {
  let opened = 0;
  const visitor = async (): Promise<void> => {
    while (opened < count) {
      const browser = browsers[opened % browsers.length];
      opened += 1;
      if (browser === undefined) throw new Error("nobody is signed in");
      const stream = await openStream(browser, `${url}/session/events`);
      stream.abort();
      await expect(stream.ended).rejects.toThrow();
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, 50) }, visitor));
}

/** The application in a process of its own, which ends by itself on SIGTERM. */
async function startProcess() {
  const url = `http://127.0.0.1:${await freePort()}`;
  const provider = await startLyingProvider({ clients: [clientAt([url])] });
  const app = startNode(["test/e2e/fixtures/live-app.js"], {
    env: {
      PORT: new URL(url).port,
      REDIS_URL: redis.url,
      REDIS_CLIENT: "kit",
      KIT_OPTIONS: JSON.stringify(lyingKitOptions(provider, url)),
    },
  });
  await app.prints(/listening/);
  return { app, url, close: provider.close };
}

/** What was sent to the process before has come there, then. */
async function laterRequestsAreServed(url: string): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await fetch(`${url}/after?seconds=0`);
  }
}

function noRequest(): never {
  throw new Error("/quiet was not asked for");
}
