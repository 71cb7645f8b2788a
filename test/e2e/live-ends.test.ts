/**
 * Two processes of one application: streams and WebSockets at one, and the end of
 * the login at the other.
 */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import { freePort } from "../support/free-port.js";
import {
  type LiveSocket,
  type LiveStream,
  openSocket,
  openStream,
} from "../support/live-connections.js";
import {
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import {
  clientAt,
  loginIdAt,
  lyingKitOptions,
  signInAt,
} from "../support/lying-world.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { keysWith } from "../support/redis-clients.js";
import { redisCommand } from "../support/redis-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { SESSION_SECRET } from "../support/world.js";

/** A user of Redis who may not listen: its process finds ends by looking, after 15 seconds. */
const DEAF = "deaf";
/** The idle timeout of the third process, in seconds. */
const SHORT_IDLE = 4;

type ClientKind = "kit" | "node-redis";

let redis: RedisServer;
let provider: LyingProvider;
/** Origins of the processes. */
let urls: Record<ClientKind | "deaf" | "short idle timeout", string>;
/** By their origins. */
const processes = new Map<string, NodeProcess>();
let browser: TestBrowser;
let loginId: string;

beforeAll(async () => {
  redis = await startRedis();
  urls = {
    kit: await freeOrigin(),
    "node-redis": await freeOrigin(),
    deaf: await freeOrigin(),
    "short idle timeout": await freeOrigin(),
  };
  provider = await startLyingProvider({
    clients: [clientAt(Object.values(urls))],
  });
  const rules = ["on", `>${DEAF}`, "allkeys", "resetchannels", "+@all"];
  await redisCommand(redis.url, ["ACL", "SETUSER", DEAF, ...rules]);
  await Promise.all([
    startApp(urls.kit, "kit"),
    startApp(urls.deaf, "node-redis", { user: DEAF }),
    startApp(urls["node-redis"], "node-redis"),
    startApp(urls["short idle timeout"], "kit", {
      session: { idleTimeoutSeconds: SHORT_IDLE },
    }),
  ]);
});

afterAll(async () => {
  redis.resume();
  await endNodeProcesses();
  await provider.close();
  await redis.stop();
});

beforeEach(async () => {
  await redisCommand(redis.url, ["FLUSHALL"]);
  browser = await signInAt(urls.kit, "alice");
  loginId = await loginIdAt(urls.kit, browser);
});

/** What ends alice's login at a process; the status says that it did. */
const ends = {
  "a logout by POST": async (url: string): Promise<number> => {
    const answer = await browser.fetchJson(`${url}/logout`, { method: "POST" });
    return answer.status;
  },
  "a Logout Token of the provider": async (url: string): Promise<number> => {
    const token = provider.logoutToken({
      sub: "alice",
      sid: provider.sidOf("alice"),
    });
    const uri = `${url}/backchannel-logout`;
    return (await provider.postLogoutToken(uri, token)).status;
  },
  "kit.sessions.endAll": async (url: string): Promise<number> => {
    const answer = await fetch(`${url}/admin/end-all/alice`, {
      method: "POST",
    });
    expect(await answer.json()).toBe(1);
    return answer.status;
  },
  "session.destroy by the application": async (
    url: string,
  ): Promise<number> => {
    const answer = await browser.fetchJson(`${url}/leave`, { method: "POST" });
    return answer.status;
  },
};

describe.each<[ClientKind, ClientKind]>([
  ["kit", "node-redis"],
  ["node-redis", "kit"],
])(
  "streams at a process with the Redis client of %s, the end at one with that of %s",
  (streaming, ending) => {
    let live: Live;

    beforeEach(async () => {
      live = await openAll(urls[streaming]);
    });

    afterEach(() => {
      live.stream.abort();
      live.events.abort();
      live.socket.terminate();
    });

    /** All is closed after this while a stream at the deaf process is open: nobody has looked. */
    const closesAtOnce = async (end: () => Promise<unknown>): Promise<void> => {
      const control = await openStream(browser, `${urls.deaf}/stream`);
      // A login is looked at when it is first watched, and when a connection is ready.
      await until("the deaf process tries to listen", async () => {
        const clients = await redisCommand(redis.url, ["CLIENT", "LIST"]);
        return String(clients).split(` user=${DEAF} `).length > 2;
      });
      expect(await statusAt(urls.deaf, browser)).toBe(200);
      try {
        await end();
        await allClosed(live);
        expect(control.isOpen()).toBe(true);
      } finally {
        control.abort();
      }
    };

    /** Ends the login at the other process. */
    const endElsewhere = async (
      end = ends["a logout by POST"],
    ): Promise<void> => {
      expect(await end(urls[ending])).toBe(200);
    };

    describe.each(Object.entries(ends))("%s", (_name, end) => {
      test("closes streams and WebSockets of the login at once", async () => {
        await closesAtOnce(() => endElsewhere(end));
      });

      test("makes the next request 401 in both processes", async () => {
        expect(await statuses()).toEqual([200, 200]);
        await end(urls[ending]);
        expect(await statuses()).toEqual([401, 401]);
      });

      test("takes every key of the login out of Redis, and leaves for a minute what it was", async () => {
        expect(await keysOfLogin()).toEqual([
          expect.stringMatching(/^login-kit:[\w-]{10}:\{\(login id\)\}:login$/),
          expect.stringMatching(
            /^login-kit:[\w-]{10}:\{sid\.[\w-]{22}\}:logins$/,
          ),
          expect.stringMatching(
            /^login-kit:[\w-]{10}:\{user\.[\w-]{22}\}:logins$/,
          ),
        ]);
        await end(urls[ending]);
        expect(await keysOfLogin()).toEqual([
          expect.stringMatching(/\{\(login id\)\}:ended$/),
        ]);
      });

      test("lets the page hear of it before its stream ends, and sends the WebSocket code 4401", async () => {
        await end(urls[ending]);
        await live.events.ended;
        expect(live.events.text()).toBe(
          ': the login lives\n\nevent: session-ended\ndata: {"login_url":"/login"}\n\n',
        );
        await live.stream.ended;
        expect(live.stream.text()).toBe("data: hello\n\ndata: goodbye\n\n");
        expect(await live.socket.ended).toMatchObject({ code: 4401 });
      });
    });

    test("the end of another login of the same user closes nothing", async () => {
      const other = await signInAt(urls[ending], "alice");
      const stream = await openStream(other, `${urls[streaming]}/stream`);
      await other.fetchJson(`${urls[ending]}/logout`, { method: "POST" });
      await stream.ended;
      expect(await areOpen(live)).toBe(true);
    });

    test("an end whose telling was lost, because Redis dropped the subscription, closes them when it is back", async () => {
      const { pid } = processOf(urls[streaming]);
      await closesAtOnce(async () => {
        process.kill(pid, "SIGSTOP");
        try {
          const dropped = ["CLIENT", "KILL", "TYPE", "pubsub"];
          expect(await redisCommand(redis.url, dropped)).toBeGreaterThan(0);
          await endElsewhere();
        } finally {
          process.kill(pid, "SIGCONT");
        }
      });
    });

    test("a subscription that Redis dropped is renewed, and tells of later ends at once", async () => {
      const before = await subscriptions();
      await redisCommand(redis.url, ["CLIENT", "KILL", "TYPE", "pubsub"]);
      await untilSubscribed(before);
      expect(await areOpen(live)).toBe(true);
      await closesAtOnce(() => endElsewhere());
    });

    test("Redis that hangs closes nothing, and later ends are told at once", async () => {
      const both = [urls.kit, urls["node-redis"]];
      const areReady = async (): Promise<boolean[]> =>
        await Promise.all(
          both.map(async (url) => (await fetch(`${url}/readyz`)).ok),
        );
      redis.pause();
      expect(await areReady()).toEqual([false, false]);
      expect(await areOpen(live)).toBe(true);
      redis.resume();
      await until("both are ready", async () =>
        (await areReady()).every(Boolean),
      );
      expect(await areOpen(live)).toBe(true);
      expect(await statuses()).toEqual([200, 200]);
      await closesAtOnce(() => endElsewhere());
    });
  },
);

describe("a login that nobody ends", () => {
  let url: string;

  beforeEach(async () => {
    url = urls["short idle timeout"];
    browser = await signInAt(url, "alice");
  });

  test("ends by its idle timeout, and its streams and WebSockets with it", async () => {
    const from = performance.now();
    const live = await openAll(url);
    const over = new AbortController();
    const control = fetch(`${url}/after?seconds=${2 * SHORT_IDLE}`, {
      signal: over.signal,
    });
    const first = await Promise.race([
      allClosed(live).then(() => "closed"),
      control.then(() => "twice as long"),
    ]);
    expect(first).toBe("closed");
    expect(performance.now() - from).toBeGreaterThan(SHORT_IDLE * 1000 - 500);
    expect(live.events.text()).toContain("event: session-ended\n");
    expect(await statusAt(url, browser)).toBe(401);
    over.abort();
    await expect(control).rejects.toThrow();
  });

  test("keeps them open while it is used, longer than one that is not used", async () => {
    const live = await openAll(url);
    const unused = await signInAt(url, "bob");
    const stream = await openStream(unused, `${url}/stream`);
    await until(
      "the other has ended",
      async () => {
        expect(await statusAt(url, browser)).toBe(200);
        return !stream.isOpen();
      },
      60_000,
    );
    expect(await statusAt(url, unused)).toBe(401);
    expect(await areOpen(live)).toBe(true);
    live.stream.abort();
    live.events.abort();
    live.socket.terminate();
  });
});

test("twenty streams and WebSockets of one login make nobody warn of a leak", async () => {
  const lives = await Promise.all(
    Array.from({ length: 20 }, () => openAll(urls.kit)),
  );
  await ends["a logout by POST"](urls.kit);
  await Promise.all(lives.map(allClosed));
  for (const app of processes.values()) {
    expect(app.output()).not.toMatch(/warning|unhandled|uncaught/i);
  }
});

/** What a page may keep open. */
interface Live {
  /** Of the application. */
  readonly stream: LiveStream;
  /** Of the kit. */
  readonly events: LiveStream;
  readonly socket: LiveSocket;
}

async function openAll(url: string): Promise<Live> {
  const live = {
    stream: await openStream(browser, `${url}/stream`),
    events: await openStream(browser, `${url}/session/events`),
    socket: await openSocket(browser, `${url}/socket`),
  };
  await untilSubscribed(1);
  expect(await areOpen(live)).toBe(true);
  return live;
}

async function areOpen({ stream, events, socket }: Live): Promise<boolean> {
  return (
    stream.isOpen() &&
    events.isOpen() &&
    socket.isOpen() &&
    (await socket.echo("are you there?")) === "are you there?"
  );
}

async function allClosed({ stream, events, socket }: Live): Promise<void> {
  await Promise.all([stream.ended, events.ended, socket.ended]);
}

async function untilSubscribed(least: number): Promise<void> {
  await until(
    `${least} processes are subscribed`,
    async () => (await subscriptions()) >= least,
  );
}

/** How many processes listen for the ends of logins; the last test's may still do so. */
async function subscriptions(): Promise<number> {
  // One application only uses this Redis, so there is one channel at the most.
  const [channel] = (await redisCommand(
    redis.url,
    ["PUBSUB", "CHANNELS", "login-kit:*:ended"],
    20_000,
  )) as string[];
  if (channel === undefined) return 0;
  const answer = (await redisCommand(
    redis.url,
    ["PUBSUB", "NUMSUB", channel],
    20_000,
  )) as [string, number];
  return answer[1];
}

/** Keys that are named after the login, and groups that have it as a member. */
async function keysOfLogin(): Promise<string[]> {
  const found: string[] = [];
  for (const key of await keysWith(redis, "")) {
    const isGroup = key.endsWith(":logins");
    if (
      key.includes(loginId) ||
      (isGroup &&
        (await redisCommand(redis.url, ["ZSCORE", key, loginId])) !== null)
    ) {
      found.push(key.replace(loginId, "(login id)"));
    }
  }
  return found.sort();
}

async function statuses(): Promise<number[]> {
  return [
    await statusAt(urls.kit, browser),
    await statusAt(urls["node-redis"], browser),
  ];
}

async function statusAt(url: string, who: TestBrowser): Promise<number> {
  return (await who.fetchJson(`${url}/me`)).status;
}

function processOf(url: string): NodeProcess {
  const found = processes.get(url);
  if (found === undefined) throw new Error(`no process at ${url}`);
  return found;
}

async function startApp(
  url: string,
  client: ClientKind,
  { user, session }: { readonly user?: string; readonly session?: object } = {},
): Promise<void> {
  const redisUrl = new URL(redis.url);
  if (user !== undefined) redisUrl.username = redisUrl.password = user;
  const started = startNode(["test/e2e/fixtures/live-app.js"], {
    env: {
      PORT: new URL(url).port,
      REDIS_URL: redisUrl.href,
      REDIS_CLIENT: client,
      KIT_OPTIONS: JSON.stringify({
        ...lyingKitOptions(provider, url),
        // Cookies know no ports, and these processes are one application.
        session: {
          secret: SESSION_SECRET,
          ...session,
          cookieName: "session",
        },
      }),
    },
  });
  await started.prints(/listening/);
  processes.set(url, started);
}

async function freeOrigin(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}
