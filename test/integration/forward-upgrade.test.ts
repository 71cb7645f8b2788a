/** `kit.forwardUpgrade`: WebSockets to a resource server, with the token in the handshake. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";

import type {
  ForwardUpgradeOptions,
  LoginKitEvents,
  ResourceServerOptions,
} from "../../lib/index.js";
import { beforeControl } from "../support/before-control.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { byteTrap, rawExchange } from "../support/raw-exchange.js";
import { refusingPort } from "../support/refusing-port.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";

/** A resource server's answer that accepts. */
const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

let w: LyingWorld;
let browser: TestBrowser;
let api: LiveApi;
/** What `forwardUpgrade` resolved with, or rejected with. */
let outcomes: unknown[];
let errors: LoginKitEvents["error"][0][];
let opened: WebSocket[] = [];

afterEach(async () => {
  for (const webSocket of opened) webSocket.terminate();
  opened = [];
  await Promise.all([w.close(), api.close()]);
});

/** A resource server that echoes what a WebSocket says. */
interface LiveApi {
  readonly url: string;
  readonly handshakes: IncomingMessage[];
  readonly sockets: Duplex[];
  readonly webSockets: WebSocket[];
  /** Answers instead of accepting; returns whether it did. */
  refuse: ((req: IncomingMessage, socket: Duplex) => boolean) | undefined;
  readonly close: () => Promise<void>;
}

async function startApi(): Promise<LiveApi> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const accepting = new WebSocketServer({
    noServer: true,
    maxPayload: 64 * 1024 * 1024,
    handleProtocols: (protocols) =>
      protocols.has("tea.v2") ? "tea.v2" : false,
  });
  const started: LiveApi = {
    url: `http://127.0.0.1:${port}`,
    handshakes: [],
    sockets: [],
    webSockets: [],
    refuse: undefined,
    async close() {
      for (const socket of started.sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    started.handshakes.push(req);
    started.sockets.push(socket);
    socket.on("error", () => undefined);
    if (started.refuse?.(req, socket) === true) {
      // Read to the end, or it would not notice that the other side has closed.
      socket.resume();
      socket.on("end", () => socket.end());
      return;
    }
    accepting.handleUpgrade(req, socket, head, (webSocket) => {
      started.webSockets.push(webSocket);
      webSocket.on("message", (message, isBinary) => {
        webSocket.send(message, { binary: isBinary });
      });
    });
  });
  server.on("request", (_req, res) => res.end("{}"));
  return started;
}

/** An application that forwards `/api/live`. */
async function start(
  server: Partial<ResourceServerOptions> = {},
  options: ForwardUpgradeOptions = { path: "/api/live" },
): Promise<void> {
  api = await startApi();
  w = await lyingWorld({
    kit: {
      resourceServers: { orders: { url: `${api.url}/v1`, ...server } },
    },
    routes(app, kit) {
      app.use("/api", kit.requireAuth(), kit.forward("orders"));
    },
  });
  // Of this test alone: what an earlier one left may end later.
  const ofThisOne: unknown[] = [];
  outcomes = ofThisOne;
  errors = [];
  w.kit.events.on("error", (error) => errors.push(error));
  const forwardUpgrade = w.kit.forwardUpgrade("orders", options);
  w.server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    forwardUpgrade(req, socket, head).then(
      (outcome) => {
        ofThisOne.push(outcome);
        if (!outcome) socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
      },
      (error: unknown) => ofThisOne.push(error),
    );
  });
  browser = await w.signIn("alice");
}

interface OpenOptions {
  readonly path?: string;
  readonly as?: TestBrowser;
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

async function socketOf(options: OpenOptions = {}): Promise<WebSocket> {
  const { path = "/api/live", as = browser, origin = w.url } = options;
  const webSocket = new WebSocket(
    w.url.replace(/^http/, "ws") + path,
    [...(options.protocols ?? [])],
    {
      origin,
      headers: {
        cookie: await as.jar.getCookieString(w.url),
        ...options.headers,
      },
    },
  );
  webSocket.on("error", () => undefined);
  opened.push(webSocket);
  return webSocket;
}

/** Opens one that is accepted. */
async function open(options?: OpenOptions): Promise<WebSocket> {
  const webSocket = await socketOf(options);
  await once(webSocket, "open");
  return webSocket;
}

/** Opens one that is refused. */
async function refusal(
  options?: OpenOptions,
): Promise<{ status: number; problem: Record<string, unknown> }> {
  const webSocket = await socketOf(options);
  const [, answer] = (await once(webSocket, "unexpected-response")) as [
    unknown,
    IncomingMessage,
  ];
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  return {
    status: answer.statusCode ?? 0,
    problem: (body === "" ? {} : JSON.parse(body)) as Record<string, unknown>,
  };
}

async function echo(
  webSocket: WebSocket,
  message: string | Buffer,
): Promise<Buffer> {
  const answer = once(webSocket, "message");
  webSocket.send(message);
  return ((await answer) as [Buffer])[0];
}

function answerAll(status: number, lines = ""): void {
  api.refuse = (_req, socket) => {
    socket.end(
      `HTTP/1.1 ${status} X\r\n${lines}Content-Length: 2\r\nConnection: close\r\n\r\nno`,
    );
    return true;
  };
}

test("of paths below each other the longest has the socket, whichever listener comes first", async () => {
  await start();
  const [wide, deep] = ["/api", "/api/live"].map((path) =>
    w.kit.forwardUpgrade("orders", { path }),
  );
  w.server.removeAllListeners("upgrade");
  const settled: unknown[] = [];
  w.server.on("upgrade", (req, socket: Duplex, head: Buffer) => {
    for (const listener of [wide, deep, deep]) {
      void listener?.(req, socket, head).then((mine) => settled.push(mine));
    }
  });
  const webSocket = await open({ path: "/api/live/17" });
  expect(String(await echo(webSocket, "tea"))).toBe("tea");
  webSocket.close();
  await until("all are done", () => settled.length === 3);
  expect(settled.filter((mine) => mine === true)).toHaveLength(1);
  expect(api.handshakes.map(({ url }) => url)).toEqual(["/v1/17"]);
});

describe("the handshake", () => {
  test("BT-01, BT-02, BFF-23: the token in Authorization; no cookie, no Origin, no credentials of the browser", async () => {
    await start();
    const webSocket = await open({
      path: "/api/live/orders/17?a=b%20c",
      headers: {
        Authorization: "Bearer of-the-browser",
        DPoP: "x",
        "X-Forwarded-For": "6.6.6.6",
        "Sec-Fetch-Site": "same-origin",
        "X-Other": "1",
        "User-Agent": "Tea/1",
        "Accept-Language": "de",
      },
    });
    expect(String(await echo(webSocket, "tea"))).toBe("tea");
    const [handshake] = api.handshakes;
    expect(handshake?.url).toBe("/v1/orders/17?a=b%20c");
    expect(handshake?.headers.authorization).toMatch(/^Bearer [0-9a-f-]{36}$/);
    expect(handshake?.headers.host).toBe(new URL(api.url).host);
    expect(Object.keys(handshake?.headers ?? {}).sort()).toEqual([
      "accept-language",
      "authorization",
      "connection",
      "host",
      "sec-websocket-extensions",
      "sec-websocket-key",
      "sec-websocket-version",
      "upgrade",
      "user-agent",
    ]);
  });

  test.each([
    ["/api/live", "/v1"],
    ["/api/live/", "/v1"],
    ["/api/live?x=1", "/v1?x=1"],
    ["/api/live/a/b", "/v1/a/b"],
  ])("%s becomes %s", async (path, target) => {
    await start();
    await open({ path });
    expect(api.handshakes[0]?.url).toBe(target);
  });

  test("requestHeaders and traceparent are passed on", async () => {
    await start({ requestHeaders: ["x-tenant"] });
    const traceparent =
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await open({ headers: { "X-Tenant": "tea", traceparent } });
    expect(api.handshakes[0]?.headers).toMatchObject({
      "x-tenant": "tea",
      traceparent,
    });
  });

  test("RFC 6455 4.2.2: the subprotocol that the resource server picks", async () => {
    await start();
    const webSocket = await open({ protocols: ["tea.v1", "tea.v2"] });
    expect(api.handshakes[0]?.headers["sec-websocket-protocol"]).toBe(
      "tea.v1,tea.v2",
    );
    expect(webSocket.protocol).toBe("tea.v2");
  });

  test("nothing of the resource server's answer but what the handshake needs", async () => {
    await start();
    api.refuse = (_req, socket) => {
      socket.end(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSet-Cookie: session=planted\r\nAccess-Control-Allow-Origin: *\r\nX-Powered-By: api\r\n\r\n",
      );
      return true;
    };
    const { text } = await rawUpgrade("/api/live");
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(text).toMatch(/^sec-websocket-accept: x\r$/im);
    expect(text).not.toMatch(/cookie|access-control|powered/i);
  });

  test("what the resource server says right after its answer is not lost", async () => {
    await start();
    api.refuse = (_req, socket) => {
      socket.end(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nat once",
      );
      return true;
    };
    const { text } = await rawUpgrade("/api/live");
    expect(text).toMatch(/\r\n\r\nat once$/);
  });

  test("what the browser says right after its request is not lost", async () => {
    await start();
    let heard = "";
    api.refuse = (_req, socket) => {
      socket.write(SWITCHED);
      socket.on("data", (bytes: Buffer) => {
        heard += bytes.toString();
        if (heard === "at once") socket.end();
      });
      return true;
    };
    await rawUpgrade("/api/live", "at once");
    expect(heard).toBe("at once");
  });

  test("what the browser says before it is answered is not lost", async () => {
    await start();
    let accept: (() => void) | undefined;
    let heard = "";
    api.refuse = (_req, socket) => {
      socket.on("data", (bytes: Buffer) => (heard += bytes.toString()));
      accept = () => {
        socket.write(SWITCHED);
      };
      return true;
    };
    const connection = await rawHandshake("/api/live");
    await until("it waits", () => accept !== undefined);
    connection.write("early, ");
    await aRoundTrip();
    connection.write("and more");
    await aRoundTrip();
    accept?.();
    await until("it is heard", () => heard === "early, and more");
    connection.destroy();
  });
});

/** An upgrade whose bytes the test writes. */
async function rawUpgrade(target: string, body = "") {
  return rawExchange(w.url, (await handshake(target)) + body);
}

/** A connection that has asked for an upgrade. */
async function rawHandshake(target: string): Promise<Socket> {
  const { hostname, port } = new URL(w.url);
  const connection = connect(Number(port), hostname);
  connection.on("error", () => undefined);
  connection.write(await handshake(target));
  return connection;
}

async function handshake(target: string): Promise<string> {
  return [
    `GET ${target} HTTP/1.1`,
    `Host: ${new URL(w.url).host}`,
    `Cookie: ${await browser.jar.getCookieString(w.url)}`,
    `Origin: ${w.url}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "",
    "",
  ].join("\r\n");
}

describe("what is said", () => {
  test("texts and bytes pass both ways, in order", async () => {
    await start();
    const webSocket = await open();
    for (let number = 0; number < 50; number++) {
      expect(String(await echo(webSocket, `tea ${number}`))).toBe(
        `tea ${number}`,
      );
    }
    expect(await echo(webSocket, Buffer.from([0, 255, 10, 13]))).toEqual(
      Buffer.from([0, 255, 10, 13]),
    );
  });

  test.each([125, 126, 65_535, 65_536, 5_000_000])(
    "a frame of %d bytes comes back as it was",
    async (size) => {
      await start();
      const webSocket = await open();
      const message = randomBytes(size);
      expect((await echo(webSocket, message)).equals(message)).toBe(true);
    },
  );

  test("pings are answered by the other end", async () => {
    await start();
    const webSocket = await open();
    const pong = once(webSocket, "pong");
    webSocket.ping("tea");
    expect(String(((await pong) as [Buffer])[0])).toBe("tea");
  });

  test("20 WebSockets of two users keep apart", async () => {
    await start();
    const bob = await w.signIn("bob");
    const webSockets = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        open({
          as: index % 2 === 0 ? browser : bob,
          path: `/api/live/${index % 2}`,
        }),
      ),
    );
    const echoes = await Promise.all(
      webSockets.map((webSocket, index) => echo(webSocket, `n${index}`)),
    );
    expect(echoes.map(String)).toEqual(
      webSockets.map((_, index) => `n${index}`),
    );
    const tokens = new Map<string, Set<string>>();
    for (const { url = "", headers } of api.handshakes) {
      const seen = tokens.get(url) ?? new Set();
      tokens.set(url, seen.add(String(headers.authorization)));
    }
    const [alices, bobs] = [tokens.get("/v1/0"), tokens.get("/v1/1")];
    expect([alices?.size, bobs?.size]).toEqual([1, 1]);
    expect([...(alices ?? [])]).not.toEqual([...(bobs ?? [])]);
  });
});

describe("what is refused before anything is sent", () => {
  test.each([
    ["of another site", () => "https://evil.example"],
    ["null", () => "null"],
    ["that begins like ours", () => `${w.url}.evil.example`],
    ["of another port", () => "http://127.0.0.1:1"],
  ])("BFF-15, RFC 6455 10.2: an Origin %s: 403", async (_which, origin) => {
    await start();
    const { status, problem } = await refusal({ origin: origin() });
    expect(status).toBe(403);
    expect(problem).toMatchObject({ code: "ERR_CROSS_SITE_REQUEST" });
    expect(api.handshakes).toEqual([]);
    expect(outcomes).toEqual([true]);
  });

  test("without a login: 401 with login_url", async () => {
    await start();
    const { status, problem } = await refusal({ headers: { cookie: "a=b" } });
    expect(status).toBe(401);
    expect(problem).toMatchObject({
      code: "ERR_LOGIN_REQUIRED",
      login_url: "/login",
    });
    expect(api.handshakes).toEqual([]);
    expect(outcomes).toEqual([true]);
  });

  test("a login that is over: 401", async () => {
    await start();
    await w.kit.sessions.endAll("alice");
    expect((await refusal()).status).toBe(401);
    expect(api.handshakes).toEqual([]);
  });

  // Shows: ERR_FORWARD_TARGET_INVALID
  test.each([
    "/api/live/../secret",
    "/api/live/%2e%2e/secret",
    "/api/live/..%2fsecret",
    "/api/live//evil.example/",
    "/api/live/a\\..\\b",
    "/api/live/%00",
    "/api/live/..;/secret",
  ])("BFF-21: the path %s: 400", async (target) => {
    await start();
    const { statuses, text } = await rawUpgrade(target);
    expect(statuses).toEqual([400]);
    expect(text).toContain("ERR_FORWARD_TARGET_INVALID");
    expect(api.handshakes).toEqual([]);
  });

  test.each([
    ["a body", /$/, "\r\nContent-Length: 5"],
    ["a body in chunks", /$/, "\r\nTransfer-Encoding: chunked"],
    ["another method", /^GET/, "POST"],
    ["another protocol", /websocket/, "h2c"],
    ["Connection naming Host", /: Upgrade/, ": Upgrade, Host"],
  ])(
    "RFC 6455 4.1: no handshake, for it has %s: 400",
    async (_what, ...change) => {
      await start();
      const text = (await handshake("/api/live")).replace(/\r\n\r\n$/, "");
      const answer = await rawExchange(
        w.url,
        `${text.replace(...change)}\r\n\r\nhello`,
      );
      expect(answer.statuses).toEqual([400]);
      expect(answer.text).toContain("ERR_FORWARD_REQUEST_INVALID");
      expect(api.handshakes).toEqual([]);
    },
  );

  test("BFF-20: an absolute-form request goes nowhere", async () => {
    await start();
    const evil = await byteTrap();
    const { statuses } = await rawUpgrade(`http://${evil.host}/api/live`);
    expect(statuses).toEqual([404]);
    expect(outcomes).toEqual([false]);
    expect(evil.caught).toEqual([]);
    expect(api.handshakes).toEqual([]);
    await evil.close();
  });

  test.each([
    "/",
    "/api",
    "/api/liver",
    "/api/live.old",
    "/api/live%2fx",
    "/API/live",
    "/x/api/live",
    "/me",
  ])("another path, %s, is left alone: false", async (path) => {
    await start();
    expect((await refusal({ path })).status).toBe(404);
    expect(outcomes).toEqual([false]);
    expect(api.handshakes).toEqual([]);
  });

  test.each(["/", "/api/live/"])(
    "a path option that ends with a slash, %s, serves what is below it",
    async (path) => {
      await start({}, { path });
      await open({ path: `${path}orders` });
      expect(api.handshakes[0]?.url).toBe("/v1/orders");
    },
  );

  test("BFF-24: maxRequestsPerLogin counts WebSockets and requests together: 429", async () => {
    await start({ maxRequestsPerLogin: 1 });
    const webSocket = await open();
    const { status, problem } = await refusal();
    expect(status).toBe(429);
    expect(problem).toMatchObject({ code: "ERR_TOO_MANY_REQUESTS" });
    expect((await fetchApi()).status).toBe(429);
    await open({ as: await w.signIn("bob") });
    webSocket.terminate();
    await until("there is room", async () => (await fetchApi()).status === 200);
  });

  test("a name that is not configured is refused when the listener is made", async () => {
    await start();
    expect(() => w.kit.forwardUpgrade("unknown", { path: "/x" })).toThrow(
      "resourceServers has no entry named unknown",
    );
  });
});

/** What was sent before has come, then. */
async function aRoundTrip(): Promise<void> {
  for (let trip = 0; trip < 3; trip++) await browser.fetchJson(`${w.url}/me`);
}

function fetchApi(): Promise<Response> {
  return browser.fetchJson(`${w.url}/api/orders`);
}

describe("a resource server that refuses", () => {
  test("BT-05: 401 invalid_token: one refresh, and once more with the new token", async () => {
    await start();
    api.refuse = (req, socket) => {
      if (
        req.headers.authorization !== api.handshakes[0]?.headers.authorization
      ) {
        return false;
      }
      socket.end(
        'HTTP/1.1 401 X\r\nWWW-Authenticate: Bearer error="invalid_token"\r\nContent-Length: 0\r\n\r\n',
      );
      return true;
    };
    const webSocket = await open();
    expect(String(await echo(webSocket, "tea"))).toBe("tea");
    expect(api.handshakes).toHaveLength(2);
    expect(refreshes()).toBe(1);
  });

  test("BT-05: 401 invalid_token again: 401 ERR_ACCESS_TOKEN_REJECTED after two requests", async () => {
    await start();
    answerAll(401, 'WWW-Authenticate: Bearer error="invalid_token"\r\n');
    const { status, problem } = await refusal();
    expect(status).toBe(401);
    expect(problem).toMatchObject({
      code: "ERR_ACCESS_TOKEN_REJECTED",
      login_url: "/login",
    });
    expect(api.handshakes).toHaveLength(2);
    // And not over and over.
    expect((await refusal()).status).toBe(401);
    expect(refreshes()).toBe(1);
  });

  test("BT-04: 403 insufficient_scope: 403 ERR_INSUFFICIENT_SCOPE that names the scope", async () => {
    await start();
    answerAll(
      403,
      'WWW-Authenticate: Bearer error="insufficient_scope", scope="orders:live"\r\n',
    );
    const { status, problem } = await refusal();
    expect(status).toBe(403);
    expect(problem).toMatchObject({
      code: "ERR_INSUFFICIENT_SCOPE",
      scope: "orders:live",
    });
  });

  test("SU-01: 401 insufficient_user_authentication: 401 with a login_url that asks for it", async () => {
    await start();
    answerAll(
      401,
      'WWW-Authenticate: Bearer error="insufficient_user_authentication", acr_values="gold"\r\n',
    );
    const { status, problem } = await refusal();
    expect(status).toBe(401);
    expect(problem).toMatchObject({
      code: "ERR_STRONGER_LOGIN_REQUIRED",
      login_url: "/login?acr_values=gold",
    });
  });

  test.each([200, 302, 400, 403, 404, 426, 500, 503])(
    "%d: 502 ERR_RESOURCE_UNAVAILABLE, and nothing of its answer",
    async (status) => {
      await start();
      answerAll(status, "Location: https://evil.example/\r\n");
      const refused = await refusal();
      expect(refused.status).toBe(502);
      expect(refused.problem).toMatchObject({
        code: "ERR_RESOURCE_UNAVAILABLE",
      });
      expect(api.handshakes).toHaveLength(1);
    },
  );

  test("is not there: 502", async () => {
    await start();
    await api.close();
    const port = await refusingPort(api.url);
    const { status, problem } = await refusal();
    expect(status).toBe(502);
    expect(problem).toMatchObject({ code: "ERR_RESOURCE_UNAVAILABLE" });
    expect(port.refused()).toBe(1);
    await port.close();
  });

  test("hangs up: 502", async () => {
    await start();
    api.refuse = (_req, socket) => {
      socket.destroy();
      return true;
    };
    expect((await refusal()).status).toBe(502);
  });

  test("is silent: 504 ERR_RESOURCE_TIMEOUT after timeoutSeconds", async () => {
    await start({ timeoutSeconds: 0.5 });
    api.refuse = () => true;
    const { status, problem } = await refusal();
    expect(status).toBe(504);
    expect(problem).toMatchObject({ code: "ERR_RESOURCE_TIMEOUT" });
    await until("it is given up", () => api.sockets[0]?.destroyed === true);
  });

  test("leaves a place free for the next one", async () => {
    await start({ maxRequestsPerLogin: 1 });
    answerAll(500);
    for (let round = 0; round < 3; round++) {
      expect((await refusal()).status).toBe(502);
    }
    api.refuse = undefined;
    await open();
  });
});

function refreshes(): number {
  return (
    w.provider.requests.filter((request) => request === "POST /token").length -
    w.provider.sessions.size
  );
}

describe("the end", () => {
  test.each([
    ["signing out", () => signOut()],
    ["kit.sessions.endAll", () => w.kit.sessions.endAll("alice")],
    ["a back-channel logout", () => backchannelLogout()],
  ])("by %s: both sides are closed at once", async (_how, end) => {
    await start();
    const webSockets = [await open(), await open()];
    await end();
    // Found by looking, it would take 15 s.
    await beforeControl(
      10_000,
      until("both sides are closed", () => allClosed(webSockets)),
    );
  });

  test("of a login closes no WebSocket of another login", async () => {
    await start();
    const webSocket = await open();
    const bobs = await open({ as: await w.signIn("bob") });
    await signOut();
    await until(
      "it is closed",
      () => webSocket.readyState === WebSocket.CLOSED,
    );
    expect(String(await echo(bobs, "tea"))).toBe("tea");
  });

  test("of a login during the handshake leaves nothing open", async () => {
    await start();
    let accept: (() => void) | undefined;
    api.refuse = (_req, socket) => {
      accept = () => {
        socket.write(SWITCHED);
      };
      return true;
    };
    const webSocket = await socketOf();
    await until("it waits", () => accept !== undefined);
    await w.kit.sessions.endAll("alice");
    await aRoundTrip();
    accept?.();
    await until(
      "nothing is open",
      () =>
        webSocket.readyState === WebSocket.CLOSED &&
        api.sockets.every((socket) => socket.destroyed),
    );
  });

  test("of the browser's side, with a close frame: the resource server gets its code", async () => {
    await start();
    const webSocket = await open();
    const [atApi] = api.webSockets;
    if (atApi === undefined) throw new Error("nobody is connected");
    const closed = once(atApi, "close");
    webSocket.close(4017, "tea");
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, String(reason)]).toEqual([4017, "tea"]);
    await until("all is closed", () => allClosed([webSocket]));
  });

  test("of the resource server's side, with a close frame: the browser gets its code", async () => {
    await start();
    const webSocket = await open();
    const closed = once(webSocket, "close");
    api.webSockets[0]?.close(4018, "tea");
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, String(reason)]).toEqual([4018, "tea"]);
    await until("all is closed", () => allClosed([webSocket]));
  });

  test.each([
    [
      "the browser",
      (webSocket: WebSocket) => {
        webSocket.terminate();
      },
    ],
    ["the resource server", () => api.sockets[0]?.destroy()],
  ])("%s vanishes: the other side is closed", async (_who, vanish) => {
    await start();
    const webSocket = await open();
    vanish(webSocket);
    await until("all is closed", () => allClosed([webSocket]));
  });

  test.each([
    [
      "is killed",
      (socket: Socket) => {
        socket.resetAndDestroy();
      },
    ],
    [
      "closes its connection",
      (socket: Socket) => {
        socket.end();
      },
    ],
  ])(
    "the browser %s during the handshake: the resource server's side is closed at once, and the place is free",
    async (_how, leave) => {
      await start({ maxRequestsPerLogin: 1, timeoutSeconds: 30 });
      api.refuse = () => true;
      const connection = await rawHandshake("/api/live");
      await until("it waits", () => api.sockets.length === 1);
      leave(connection);
      await until("it is closed", () =>
        api.sockets.every((socket) => socket.destroyed),
      );
      await until("it is over", () => outcomes.length === 1);
      expect(outcomes).toEqual([true]);
      expect(errors).toEqual([]);
      api.refuse = undefined;
      await open();
    },
  );

  test("of the browser's side while a new access token is asked for: the resource server is not asked again, and the place is free", async () => {
    await start({ maxRequestsPerLogin: 1 });
    answerAll(401, 'WWW-Authenticate: Bearer error="invalid_token"\r\n');
    const held = w.provider.hold("/token");
    const connection = await rawHandshake("/api/live");
    await held.reached;
    connection.resetAndDestroy();
    await aRoundTrip();
    held.release();
    await until("it is over", () => outcomes.length === 1);
    expect(outcomes).toEqual([true]);
    expect(errors).toEqual([]);
    expect(api.handshakes).toHaveLength(1);
    // The new token is not lost.
    api.refuse = undefined;
    await open();
    expect(refreshes()).toBe(1);
  });

  test("is nobody's failure: no error is told, and the listener resolves with true", async () => {
    await start();
    const webSocket = await open();
    webSocket.terminate();
    await until("it is over", () => outcomes.length === 1);
    expect(outcomes).toEqual([true]);
    expect(errors).toEqual([]);
  });
});

function allClosed(webSockets: readonly WebSocket[]): boolean {
  return (
    webSockets.every(({ readyState }) => readyState === WebSocket.CLOSED) &&
    api.sockets.every((socket) => socket.destroyed)
  );
}

function signOut(): Promise<unknown> {
  return browser.request(`${w.url}/logout`, {
    method: "POST",
    initiator: w.url,
  });
}

async function backchannelLogout(): Promise<void> {
  const answer = await w.provider.postLogoutToken(
    `${w.url}/backchannel-logout`,
    w.provider.logoutToken({ sid: w.provider.sidOf("alice") }),
  );
  expect(answer.status).toBe(200);
}
