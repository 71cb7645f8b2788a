/** Exchanges that break in unusual moments: nothing crashes, nothing is held, and no half answer looks whole. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { afterEach, describe, expect, test } from "@jest/globals";
import type { Response as ServerResponse } from "express";

import {
  forwardWorld,
  type ForwardWorld,
  type ForwardWorldOptions,
} from "../support/forward-world.js";
import { rawResourceServer } from "../support/raw-resource-server.js";
import { until } from "../support/until.js";

let w: ForwardWorld;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) end();
  await w.close();
});

/** A resource server that writes what a test says, byte by byte. */
async function start(
  answer: (socket: Socket, path: string) => void,
  options: ForwardWorldOptions = {},
): Promise<{ readonly open: ReadonlySet<Socket> }> {
  const api = await rawResourceServer(answer);
  ends.push(api.close);
  w = await forwardWorld({
    ...options,
    server: { url: `${api.url}/v1`, timeoutSeconds: 30, ...options.server },
  });
  return api;
}

interface RawClient {
  readonly socket: Socket;
  readonly received: () => string;
  readonly failure: () => string | undefined;
}

/** Requests on one connection, all sent at once. */
async function send(
  lines: readonly string[],
  version = "1.1",
): Promise<RawClient> {
  const { port, hostname } = new URL(w.url);
  const socket = connect(Number(port), hostname);
  ends.push(() => socket.destroy());
  let received = "";
  let failure: string | undefined;
  socket.on("data", (bytes) => (received += bytes.toString("latin1")));
  socket.on("error", (error: NodeJS.ErrnoException) => (failure = error.code));
  await once(socket, "connect");
  const cookie = await w.browser.jar.getCookieString(w.url);
  for (const line of lines) {
    const [head = "", ...more] = line.split("\n");
    socket.write(
      [
        `${head} HTTP/${version}`,
        "Host: x",
        `Cookie: ${cookie}`,
        "Sec-Fetch-Site: same-origin",
        ...more,
        "",
        "",
      ].join("\r\n"),
    );
  }
  return { socket, received: () => received, failure: () => failure };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async function expectServing(): Promise<void> {
  const answer = await w.fetch("/fine");
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe("ok");
}

test("ASVS 16.5.4: an upload that is answered before its end, behind an answer that is slow", async () => {
  await start(
    (socket, path) => {
      if (path === "/v1/early") {
        socket.write("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
      } else if (path !== "/v1/slow") socket.write(OK);
    },
    { server: { timeoutSeconds: 1 } },
  );
  const { received } = await send([
    "GET /api/slow",
    "POST /api/early\nTransfer-Encoding: chunked",
  ]);
  await until("one is answered", () => received() !== "");
  // Ended by the watch, which has looked at the other one several times.
  await until("the slow one is over", () => received().includes(" 504 "));
  await expectServing();
});

test.each([
  ["Cache-Control", "private", "max-age=1"],
  ["Connection", "keep-alive", "x-a"],
  ["Vary", "Accept", "Origin"],
  ["Content-Type", "text/plain", "text/html"],
])(
  "two lines of %s are one answer, and hold no connection",
  async (name, a, b) => {
    const { open } = await start(
      (socket, path) => {
        socket.write(
          path === "/v1/fine"
            ? OK
            : `HTTP/1.1 200 OK\r\n${name}: ${a}\r\n${name}: ${b}\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`,
        );
      },
      { server: { maxConnections: 2 } },
    );
    for (let round = 0; round < 4; round++) {
      const answer = await w.fetch("/twice");
      expect(answer.status).toBe(200);
      expect((await answer.text()).length).toBe(100_000);
    }
    await expectServing();
    expect(open.size).toBeLessThanOrEqual(2);
  },
);

test("an answer that the application gave in the meantime holds no connection", async () => {
  let answerHere = (): unknown => undefined;
  let answerLate = (): unknown => undefined;
  await start(
    (socket, path) => {
      if (path === "/v1/fine") socket.write(OK);
      else {
        answerLate = () =>
          socket.write(
            `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`,
          );
        answerHere();
      }
    },
    {
      server: { maxConnections: 2, timeoutSeconds: 5 },
      before(app) {
        app.use("/api/late", (_req, res, next) => {
          answerHere = () => res.status(503).end("too late");
          next();
        });
      },
    },
  );
  for (let round = 0; round < 4; round++) {
    expect((await w.fetch("/late")).status).toBe(503);
    answerLate();
  }
  await expectServing();
});

test.each(["204 No Content", "304 Not Modified"])(
  "BFF-24: places of answers %s behind a slow one are free again when the browser goes",
  async (status) => {
    await start(
      (socket, path) => {
        if (path === "/v1/none") socket.write(`HTTP/1.1 ${status}\r\n\r\n`);
        else if (path === "/v1/fine") socket.write(OK);
      },
      { server: { maxRequestsPerLogin: 10, timeoutSeconds: 30 } },
    );
    const { socket } = await send([
      "GET /api/slow",
      ...Array<string>(9).fill("GET /api/none"),
    ]);
    await until("no place is left", async () => {
      return (await w.fetch("/fine")).status === 429;
    });
    socket.destroy();
    await until("there is room", async () => {
      return (await w.fetch("/fine")).status === 200;
    });
  },
);

test.each(["chunked", "Content-Length"])(
  "an answer (%s) passes where a session has to be saved first",
  async (framing) => {
    await start(
      (socket) => {
        socket.write(
          framing === "chunked"
            ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
            : OK,
        );
      },
      {
        server: { maxRequestsPerLogin: 1 },
        before(app, kit) {
          app.use(kit.session, (req, _res, next) => {
            Object.assign(req.session, { count: Math.random() });
            next();
          });
        },
      },
    );
    for (let round = 0; round < 5; round++) await expectServing();
  },
);

test("a stream behind another answer ends when the browser goes", async () => {
  const { open } = await start(
    (socket, path) => {
      if (path !== "/v1/slow") {
        socket.write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n",
        );
      }
    },
    { server: { timeoutSeconds: 30 } },
  );
  const { socket } = await send(["GET /api/slow", "GET /api/stream"]);
  await until("both are there", () => open.size === 2);
  socket.destroy();
  await until("both are closed", () => open.size === 0);
});

test("uploads that the browser breaks off do not open the circuit", async () => {
  let upload: ServerResponse | undefined;
  await start(
    (socket, path) => {
      if (path === "/v1/fine") socket.write(OK);
    },
    {
      server: { circuitBreaker: { failures: 1, seconds: 60 } },
      before(app) {
        app.use("/api/up", (_req, res, next) => {
          upload = res;
          next();
        });
      },
    },
  );
  const { socket } = await send([
    "POST /api/up\nTransfer-Encoding: chunked\n\n5\nhello",
  ]);
  await until("it has begun", () => upload !== undefined);
  socket.destroy();
  await until("it is broken off", () => upload?.closed === true);
  await expectServing();
});

describe("uploads that the server refuses early", () => {
  const REFUSAL =
    "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
  const upload = (): Promise<Response> =>
    w.fetch("/up", { method: "POST", body: "x".repeat(4_000_000) });

  test.each<[string, (socket: Socket) => void]>([
    ["reads the rest", (socket) => socket.write(REFUSAL)],
    ["closes", (socket) => socket.end(REFUSAL)],
  ])(
    "RFC 9110 15.5.14: a server's 413 reaches the user where the server %s",
    async (_how, refuse) => {
      await start(
        (socket, path) => {
          if (path === "/v1/fine") socket.write(OK);
          else refuse(socket);
        },
        { server: { circuitBreaker: { failures: 1, seconds: 60 } } },
      );
      for (let round = 0; round < 20; round++) {
        const answer = await upload();
        expect(answer.status).toBe(413);
        expect(await answer.text()).toBe("no");
      }
      await expectServing();
    },
  );

  // A refusal is lost where the server does not read on (RFC 9112 9.6).
  test.each<[string, (socket: Socket) => void]>([
    [
      "with a refusal",
      (socket) => socket.write(REFUSAL, () => socket.destroy()),
    ],
    ["without one", (socket) => socket.resetAndDestroy()],
  ])(
    "they do not open the circuit where the server resets the connection %s",
    async (_how, refuse) => {
      await start(
        (socket, path) => {
          if (path === "/v1/fine") socket.write(OK);
          else refuse(socket);
        },
        { server: { circuitBreaker: { failures: 1, seconds: 60 } } },
      );
      for (let round = 0; round < 5; round++) {
        expect([413, 502]).toContain((await upload()).status);
      }
      await expectServing();
    },
  );
});

describe("ASVS 16.5.3: half an answer does not look whole", () => {
  const half =
    (text: string, end: (socket: Socket) => void) =>
    (socket: Socket): void => {
      socket.write(`HTTP/1.1 200 OK\r\n${text}`);
      setTimeout(() => {
        end(socket);
      }, 100);
    };
  const CHUNK = "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";

  test.each([
    ["of unknown length that is reset", "Connection: close\r\n\r\nhalf"],
    ["in chunks that is reset", CHUNK],
    ["with a length that is reset", "Content-Length: 100\r\n\r\nhalf"],
  ])("%s", async (_which, text) => {
    await start(half(text, (socket) => socket.resetAndDestroy()));
    const answer = await w.fetch("/half");
    await expect(answer.text()).rejects.toThrow();
  });

  test("nor for HTTP/1.0, where the end of the connection ends the answer", async () => {
    await start(half(CHUNK, (socket) => socket.destroy()));
    const { socket, failure, received } = await send(["GET /api/half"], "1.0");
    await once(socket, "close").catch(() => undefined);
    expect(received()).toContain("half");
    expect(failure()).toBe("ECONNRESET");
  });
});

test("what a server says without being asked is nobody's answer", async () => {
  const { open } = await start((socket) => socket.write(OK));
  expect(await (await w.fetch("/talk")).text()).toBe("ok");
  const [talking] = open;
  talking?.write(OK.replace("ok", "no"));
  await until("nobody listens to it", () => open.size === 0);
  await expectServing();
});

test("kit.close ends what waits, and sends nobody to sign in", async () => {
  let asked = 0;
  await start(() => {
    asked += 1;
  });
  const waiting = w.fetch("/slow");
  await until("it waits", () => asked > 0);
  // The exchange is looked at once a second, and then learns of the end.
  const from = performance.now();
  await until("it was looked at", () => performance.now() - from > 1300);
  void w.kit.close();
  expect((await waiting).status).toBe(502);
});
