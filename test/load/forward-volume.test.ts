/** What forwarding holds on to: a gigabyte in each direction, and a thousand exchanges of each kind that end badly. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  request,
  type ClientRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

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
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import { clientAt, lyingKitOptions, signInAt } from "../support/lying-world.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import { until, untilItWorks } from "../support/until.js";
import { volume } from "../support/volume.js";

const MEGABYTE = 1024 ** 2;
/** What is sent in each direction. */
const GIGABYTE = volume(256 * MEGABYTE, 1024 * MEGABYTE);
const PIECE = Buffer.alloc(64 * 1024, "x");
/** How many exchanges of the first kinds, and of the others, and how many of them at the same time. */
const MANY = volume(100, 1000);
const SOME = volume(50, 200);
const AT_ONCE = volume(50, 200);
/** Sockets of the application while nobody asks for anything: those to Redis. */
const IDLE = 4;
/** Bytes by which its heap may grow: 1,000 of anything that holds a socket's buffers would be far more. */
const GROWTH = 3 * MEGABYTE;

let redis: RedisServer;
let provider: LyingProvider;
let api: Server;
/** Paths that the resource server was asked for and does not have. */
const unknownPaths: string[] = [];
let app: NodeProcess;
let url: string;
let cookie: string;

interface Held {
  readonly sockets: number;
  readonly timers: number;
  /** After a garbage collection, in bytes; so are the others. */
  readonly heap: number;
  readonly rss: number;
  /** The highest rss since the last look. */
  readonly peak: number;
}

beforeAll(async () => {
  redis = await startRedis();
  api = createServer(answer);
  // So that connections which wait for the next request soon count no more.
  api.keepAliveTimeout = 2000;
  await once(api.listen(0, "127.0.0.1"), "listening");
  const { port } = api.address() as AddressInfo;
  url = `http://127.0.0.1:${String(await freePort())}`;
  provider = await startLyingProvider({ clients: [clientAt([url])] });
  app = startNode(["--expose-gc", "test/load/fixtures/volume-app.js"], {
    env: {
      PORT: new URL(url).port,
      REDIS_URL: redis.url,
      KIT_OPTIONS: JSON.stringify({
        ...lyingKitOptions(provider, url),
        resourceServers: {
          orders: {
            url: `http://127.0.0.1:${String(port)}`,
            timeoutSeconds: 1,
            // Half of them are for one login.
            maxConnections: 3 * AT_ONCE,
            maxRequestsPerLogin: 3 * AT_ONCE,
          },
        },
      }),
    },
  });
  await app.prints(/listening/);
  const browser = await signInAt(url, "alice");
  cookie = await browser.jar.getCookieString(url);
  // What is loaded and compiled on first use belongs to the idle size.
  await inParts(500, async () => {
    await drained(await responseTo(send("/api/warm")));
  });
});

afterAll(async () => {
  await endNodeProcesses();
  await provider.close();
  await redis.stop();
  api.closeAllConnections();
  api.close();
});

afterEach(() => {
  expect(unknownPaths).toEqual([]);
});

beforeEach(async () => {
  await until("it is idle", async () => (await held()).sockets <= IDLE);
});

function send(
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): ClientRequest {
  const sent = request(`${url}${path}`, {
    method,
    agent: false,
    headers: { cookie, "sec-fetch-site": "same-origin", ...headers },
  });
  sent.on("error", () => undefined);
  if (method === "GET") sent.end();
  return sent;
}

async function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  const [res] = (await once(sent, "response")) as [IncomingMessage];
  return res;
}

async function drained(res: IncomingMessage): Promise<number> {
  let size = 0;
  for await (const piece of res) size += (piece as Buffer).length;
  return size;
}

async function held(): Promise<Held> {
  const res = await fetch(`${url}/held`, {
    headers: { connection: "close" },
  });
  return (await res.json()) as Held;
}

function* gigabyte(): Generator<Buffer> {
  for (let size = 0; size < GIGABYTE; size += PIECE.length) yield PIECE;
}

/** Endless answers that still come. */
const endless = new Set<string>();

/** What the resource server does with a request; an exchange that breaks off is the browser's side to judge. */
function answer(req: IncomingMessage, res: ServerResponse): void {
  const { pathname } = new URL(req.url ?? "", url);
  switch (pathname) {
    case "/warm":
      res.end("warm");
      break;
    case "/down":
      pipeline(Readable.from(gigabyte()), res).catch(() => undefined);
      break;
    case "/up":
      drained(req).then(
        (size) => res.end(String(size)),
        () => undefined,
      );
      break;
    case "/endless":
      writeEndlessly(req.url ?? "", res);
      break;
    case "/half":
      res.write(PIECE);
      break;
    case "/break":
      res.write(PIECE, () => res.destroy());
      break;
    case "/silent":
    case "/unread":
      req.resume();
      break;
    default:
      unknownPaths.push(`${req.method ?? ""} ${req.url ?? ""}`);
      res.writeHead(404).end();
  }
}

function writeEndlessly(name: string, res: ServerResponse): void {
  endless.add(name);
  res.on("close", () => endless.delete(name));
  const write = (): void => {
    while (!res.destroyed && res.write(PIECE));
  };
  res.on("drain", write);
  write();
}

async function inParts(
  count: number,
  exchange: () => Promise<unknown>,
): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await exchange();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

describe("ASVS 15.2.2: a gigabyte passes within 64 MB", () => {
  let idle: Held;
  beforeEach(async () => {
    await held();
    idle = await held();
  });
  afterEach(async () => {
    const { peak } = await held();
    expect((peak - idle.rss) / MEGABYTE).toBeLessThan(64);
  });

  test("down", async () => {
    const res = await responseTo(send("/api/down"));
    expect(await drained(res)).toBe(GIGABYTE);
    expect(res.complete).toBe(true);
  }, 240_000);

  test("up", async () => {
    const sent = send(
      "/api/up",
      { "content-length": String(GIGABYTE) },
      "POST",
    );
    const answered = responseTo(sent);
    await pipeline(Readable.from(gigabyte()), sent);
    expect((await (await answered).toArray()).join("")).toBe(String(GIGABYTE));
  }, 240_000);
});

describe("ASVS 13.1.2: nothing is left", () => {
  /** Each tells whether it went as meant: on a busy machine a few are late before they begin. */
  const kinds: Record<string, () => Promise<boolean>> = {
    "browsers that leave while the answer comes": async () => {
      const res = await responseTo(send("/api/endless"));
      await once(res, "data");
      res.destroy();
      return res.statusCode === 200;
    },
    "browsers that do not read": async () => {
      const name = `/endless?${randomUUID()}`;
      const res = await responseTo(send(`/api${name}`));
      res.pause();
      await until("it is cut off", () => !endless.has(name), 20_000);
      res.destroy();
      return res.statusCode === 200;
    },
    "servers that never answer": async () => {
      const res = await responseTo(send("/api/silent"));
      await drained(res);
      return res.statusCode === 504;
    },
    "servers that fall silent in the middle": () => breaks("/api/half"),
    "browsers that leave before the answer": async () => {
      const sent = send("/api/silent");
      await once(sent, "socket");
      await sleep(20);
      sent.destroy();
      return true;
    },
    "browsers that leave in the middle of an upload": async () => {
      const sent = send("/api/unread", { "content-length": "1000000" }, "POST");
      sent.write(PIECE);
      sent.write(PIECE);
      await sleep(20);
      sent.destroy();
      return true;
    },
    "browsers that stop in an upload": async () => {
      const sent = send("/api/unread", { "content-length": "1000000" }, "POST");
      sent.write(PIECE);
      sent.write(PIECE);
      const res = await responseTo(sent);
      sent.destroy();
      return res.statusCode === 408;
    },
    "servers that break off": () => breaks("/api/break"),
  };

  async function breaks(path: string): Promise<boolean> {
    const res = await responseTo(send(path));
    return drained(res).then(
      () => false,
      () => res.statusCode === 200,
    );
  }

  test.each(
    Object.entries(kinds).map(
      ([kind, exchange], index) =>
        [index < 4 ? MANY : SOME, kind, exchange] as const,
    ),
  )(
    "%d %s",
    async (count, _kind, exchange) => {
      const tried = (): Promise<boolean> => exchange().catch(() => false);
      // A first hundred, so that what lasts is not taken for what grows.
      await inParts(AT_ONCE, tried);
      await until("it is idle", async () => (await held()).sockets <= IDLE);
      const before = await held();
      let [asked, asMeant] = [0, 0];
      // Where most are late before they begin, more are asked.
      while (asMeant < count / 2 && asked < 4 * count) {
        await inParts(count, async () => {
          asked += 1;
          if (await tried()) asMeant += 1;
        });
      }
      expect(asMeant).toBeGreaterThanOrEqual(count / 2);
      // One to Redis may be opened at any time.
      const sockets = Math.max(before.sockets, IDLE);
      // What only one collection of garbage left behind is not there for good.
      await untilItWorks(async () => {
        const after = await held();
        expect(after.sockets).toBeLessThanOrEqual(sockets);
        expect(after.timers).toBeLessThanOrEqual(before.timers + 2);
        expect(after.heap - before.heap).toBeLessThan(GROWTH);
      });
      expect(app.output()).not.toContain("MaxListenersExceededWarning");
      expect(app.isRunning()).toBe(true);
    },
    300_000,
  );
});
