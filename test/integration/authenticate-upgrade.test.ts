import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import { createClient } from "redis";
import { WebSocketServer } from "ws";

import type { LoginKitEvents } from "../../lib/index.js";
import { beforeControl } from "../support/before-control.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { openSocket } from "../support/live-connections.js";
import {
  type LyingWorld,
  lyingWorld,
  type LyingWorldOptions,
} from "../support/lying-world.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";

/** A session cookie with a signature that is not ours. */
const FORGED = `session=s%3A${"a".repeat(32)}.${"b".repeat(43)}`;

let w: LyingWorld;
/** What the kit told of refused requests. */
let refused: LoginKitEvents["request.refused"][0][];
/** How the application got to know of each upgrade: its subject, or nothing. */
let upgrades: (string | undefined)[];
let failures: unknown[];
/** Sockets that asked for an upgrade. */
let asking: Duplex[];

afterEach(async () => {
  releaseClock();
  await w.close();
});

/** An application with WebSockets that echo. */
async function start(options: LyingWorldOptions = {}): Promise<void> {
  w = await lyingWorld(options);
  refused = [];
  upgrades = [];
  failures = [];
  asking = [];
  w.kit.events.on("request.refused", (event) => refused.push(event));
  const webSockets = new WebSocketServer({ noServer: true });
  w.server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    asking.push(socket);
    w.kit
      .authenticateUpgrade(req)
      .then((login) => {
        upgrades.push(login?.claims.sub);
        if (login === undefined) return;
        webSockets.handleUpgrade(req, socket, head, (webSocket) => {
          webSocket.on("message", (message: Buffer) => {
            webSocket.send(message.toString());
          });
          if (req.url?.startsWith("/deaf") === true) return;
          login.signal.addEventListener("abort", () => {
            webSocket.close(4401);
          });
        });
      })
      .catch((error: unknown) => failures.push(error));
  });
}

describe("a request that is refused", () => {
  test("without a cookie: 401 problem+json, and the socket is closed", async () => {
    await start();
    const answer = await upgrade({ origin: w.url });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("content-type")).toBe(
      "application/problem+json; charset=utf-8",
    );
    expect(answer.headers.get("connection")).toBe("close");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(JSON.parse(answer.body)).toMatchObject({
      status: 401,
      code: "ERR_LOGIN_REQUIRED",
      login_url: "/login",
    });
    expect(upgrades).toEqual([undefined]);
  });

  test("with a cookie that is not signed by us: 401", async () => {
    await start();
    const answer = await upgrade({ origin: w.url, cookie: FORGED });
    expect(answer.status).toBe(401);
  });

  test("with the cookie of a login that is over: 401", async () => {
    await start();
    const cookie = await cookieOf(await w.signIn("alice"));
    await w.kit.sessions.endAll("alice");
    const answer = await upgrade({ origin: w.url, cookie });
    expect(answer.status).toBe(401);
  });

  test.each([
    ["of another site", () => "https://evil.example"],
    ["null, as sandboxed frames send it", () => "null"],
    ["of another port", () => "http://127.0.0.1:1"],
    ["of another scheme", () => w.url.replace("http:", "https:")],
    ["that begins like ours", () => `${w.url}.evil.example`],
    ["that is empty", () => ""],
  ])(
    "RFC 6455 10.2: with the login's cookie and an Origin %s: 403",
    async (_which, origin) => {
      await start();
      const cookie = await cookieOf(await w.signIn("alice"));
      const answer = await upgrade({ origin: origin(), cookie });
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.body)).toMatchObject({
        code: "ERR_CROSS_SITE_REQUEST",
      });
      expect(upgrades).toEqual([undefined]);
    },
  );

  test("from a foreign page does not count as use of the login; from our own it does", async () => {
    takeClock();
    await start();
    const cookie = await cookieOf(await w.signIn("alice"));
    const [before] = await w.kit.sessions.list("alice");
    passSeconds(20 * 60);
    await upgrade({ origin: "https://evil.example", cookie });
    const [after] = await w.kit.sessions.list("alice");
    expect(after).toEqual(before);
    const socket = await upgradeAccepted({ origin: w.url, cookie });
    const [used] = await w.kit.sessions.list("alice");
    expect(used?.lastSeenAt).toEqual(new Date());
    socket.destroy();
  });

  test("is told as request.refused, by its path without the query", async () => {
    await start();
    await upgrade({ origin: w.url }, "/socket?ticket=secret");
    await upgrade({ origin: "null" }, "/other?a?b=secret");
    expect(refused).toEqual([
      {
        code: "ERR_LOGIN_REQUIRED",
        method: "GET",
        path: "/socket",
        diagnosis: "The request carries no live login.",
        address: "127.0.0.1",
      },
      {
        code: "ERR_CROSS_SITE_REQUEST",
        method: "GET",
        path: "/other",
        diagnosis: expect.stringContaining("Origin"),
        address: "127.0.0.1",
      },
    ]);
  });
});

describe("a client that is not a browser sends no Origin", () => {
  test("and is refused with 403 although it has a login's cookie", async () => {
    await start();
    const cookie = await cookieOf(await w.signIn("alice"));
    expect((await upgrade({ cookie })).status).toBe(403);
  });

  test("and is accepted with x-csrf-protection", async () => {
    await start();
    const cookie = await cookieOf(await w.signIn("alice"));
    const socket = await upgradeAccepted({ cookie, "x-csrf-protection": "1" });
    expect(upgrades).toEqual(["alice"]);
    socket.destroy();
  });

  test("and x-csrf-protection makes no foreign Origin ours", async () => {
    await start();
    const cookie = await cookieOf(await w.signIn("alice"));
    const answer = await upgrade({
      cookie,
      origin: "https://evil.example",
      "x-csrf-protection": "1",
    });
    expect(answer.status).toBe(403);
  });
});

describe("a request of our own pages with a live login", () => {
  test("is left to the application", async () => {
    await start();
    const socket = await openSocket(await w.signIn("alice"), `${w.url}/socket`);
    expect(await socket.echo("hello")).toBe("hello");
    expect(upgrades).toEqual(["alice"]);
    socket.terminate();
  });

  test("the application's close code arrives when the login ends", async () => {
    await start();
    const socket = await openSocket(await w.signIn("alice"), `${w.url}/socket`);
    await w.kit.sessions.endAll("alice");
    expect(await socket.ended).toMatchObject({ code: 4401 });
  });

  test("the socket is closed soon after the login ends, although the application ignores that", async () => {
    await start();
    const socket = await openSocket(await w.signIn("alice"), `${w.url}/deaf`);
    await w.kit.sessions.endAll("alice");
    // Long before it is found by looking.
    const { code } = await beforeControl(10_000, socket.ended);
    // 1006: there was no close frame.
    expect(code).toBe(1006);
  });
});

describe("when the store does not answer", () => {
  let redis: RedisServer;
  const clients: { destroy: () => void }[] = [];

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterEach(() => {
    redis.resume();
    for (const client of clients.splice(0)) client.destroy();
  });

  afterAll(async () => {
    await redis.stop();
  });

  async function startOnRedis(): Promise<TestBrowser> {
    const client = createClient({ url: redis.url });
    client.on("error", () => undefined);
    await client.connect();
    clients.push(client);
    await start({ redis: client, kit: { storeTimeoutSeconds: 1.5 } });
    return await w.signIn("alice");
  }

  test("the answer is 503 with Retry-After", async () => {
    const cookie = await cookieOf(await startOnRedis());
    redis.pause();
    const answer = await upgrade({ origin: w.url, cookie });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("5");
    expect(JSON.parse(answer.body)).toMatchObject({
      code: "ERR_STORE_UNAVAILABLE",
    });
    redis.resume();
  });

  test("it is told as an error", async () => {
    const cookie = await cookieOf(await startOnRedis());
    const errors: Error[] = [];
    w.kit.events.on("error", (error) => errors.push(error));
    redis.pause();
    await upgrade({ origin: w.url, cookie });
    redis.resume();
    expect(errors).toMatchObject([{ code: "ERR_STORE_UNAVAILABLE" }]);
  });

  test.each(["ends", "resets"])(
    "a client that %s its connection during the check disturbs nobody",
    async (how) => {
      const browser = await startOnRedis();
      const cookie = await cookieOf(browser);
      redis.pause();
      const socket = await sendUpgrade({ origin: w.url, cookie });
      await once(w.server, "upgrade");
      if (how === "ends") socket.destroy();
      else socket.resetAndDestroy();
      await until("nobody is there", () => asking.every(isClosed));
      redis.resume();
      await until("the check is done", () => upgrades.length === 1);
      expect(failures).toEqual([]);
      const next = await openSocket(browser, `${w.url}/socket`);
      expect(await next.echo("hello")).toBe("hello");
      next.terminate();
    },
  );

  test("a client that resets its connection while the refusal is sent disturbs nobody", async () => {
    await startOnRedis();
    redis.pause();
    const cookie = FORGED;
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => sendUpgrade({ origin: w.url, cookie })),
    );
    for (const socket of sockets) socket.resetAndDestroy();
    redis.resume();
    await until("all are refused", () => upgrades.length === 20);
    await until("all are closed", () => asking.every(isClosed));
    expect(failures).toEqual([]);
  });
});

function isClosed({ destroyed }: Duplex): boolean {
  return destroyed;
}

/** An answer that is no upgrade. */
interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

type RequestHeaders = Readonly<Record<string, string>>;

/** Sends an upgrade request; resolves when the server has closed the socket, or accepted it. */
async function upgrade(
  headers: RequestHeaders,
  path?: string,
): Promise<Refusal> {
  const socket = await sendUpgrade(headers, path);
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
    // Accepted, it would stay open, and the test would wait for nothing.
    if (text.startsWith("HTTP/1.1 101 ")) socket.destroy();
  });
  await once(socket, "close");
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [statusLine = "", ...lines] = head.split("\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d+) /.exec(statusLine)?.[1]),
    headers: new Headers(
      lines.map((line) => line.split(/: (.*)/, 2) as [string, string]),
    ),
    body,
  };
}

/** Sends one that is accepted. */
async function upgradeAccepted(headers: RequestHeaders): Promise<Socket> {
  const socket = await sendUpgrade(headers);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  expect(chunk.toString()).toMatch(/^HTTP\/1\.1 101 /);
  return socket;
}

async function sendUpgrade(
  headers: RequestHeaders,
  path = "/socket",
): Promise<Socket> {
  const { hostname, port, host } = new URL(w.url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  const lines = Object.entries({
    host,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": Buffer.alloc(16).toString("base64"),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return socket;
}

function cookieOf(browser: TestBrowser): Promise<string> {
  return browser.jar.getCookieString(w.url);
}
