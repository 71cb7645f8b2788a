/** How long and how much: what keeps one slow server, or one greedy login, from stopping everybody. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { beforeControl } from "../support/before-control.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  forwardWorld,
  type ForwardWorld,
  type ForwardWorldOptions,
} from "../support/forward-world.js";
import { until } from "../support/until.js";

/** What a request takes at least where `timeoutSeconds` is not heeded: the default, in milliseconds. */
const DEFAULT_TIMEOUT = 30_000;

let w: ForwardWorld;
/** Requests that came to the application, and those that are over. */
let seen: { come: number; over: number };
let sockets: Socket[] = [];
afterEach(async () => {
  releaseClock();
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await w.close();
});

async function start(
  server: NonNullable<ForwardWorldOptions["server"]>,
): Promise<void> {
  const count = (seen = { come: 0, over: 0 });
  w = await forwardWorld({
    server,
    before(app) {
      app.use("/api", (_req, res, next) => {
        count.come += 1;
        res.once("close", () => (count.over += 1));
        next();
      });
    },
  });
}

/** Answers below `/held` begin and go on until they are let go; all others are given at once. */
function holdSome(): { readonly held: ServerResponse[] } {
  const held: ServerResponse[] = [];
  w.api.answer = (req, res) => {
    if (req.url?.startsWith("/v1/held") === true) {
      held.push(res);
      res.write("first");
    } else if (req.url?.startsWith("/v1/silent") === true) held.push(res);
    else res.end("{}");
  };
  return { held };
}

/** A client that writes and does not read. */
async function deafClient(
  head: string,
  lines: readonly string[] = [],
): Promise<Socket> {
  const { port, hostname } = new URL(w.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.pause();
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const all = [
    `${head} HTTP/1.1`,
    "Host: x",
    `Cookie: ${await w.browser.jar.getCookieString(w.url)}`,
    "Sec-Fetch-Site: same-origin",
    ...lines,
  ];
  socket.write(`${all.join("\r\n")}\r\n\r\n`);
  return socket;
}

describe("ASVS 13.1.3: silence", () => {
  // Shows: ERR_RESOURCE_TIMEOUT, ASVS 13.1.3
  test("before the answer: 504 ERR_RESOURCE_TIMEOUT, and the request to the resource server is given up", async () => {
    await start({ timeoutSeconds: 1 });
    const { held } = holdSome();
    const from = performance.now();
    const answer = await beforeControl(DEFAULT_TIMEOUT, w.fetch("/silent"));
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ code: "ERR_RESOURCE_TIMEOUT" });
    expect(performance.now() - from).toBeGreaterThan(900);
    await until("it is given up", () => held[0]?.closed === true);
  });

  test("in the middle: the connection breaks, so that nobody takes it for the whole", async () => {
    await start({ timeoutSeconds: 1 });
    const { held } = holdSome();
    const answer = await w.fetch("/held");
    expect(answer.status).toBe(200);
    await beforeControl(
      DEFAULT_TIMEOUT,
      expect(answer.text()).rejects.toThrow(),
    );
    await until("it is given up", () => held[0]?.closed === true);
  });

  test("an answer that is shorter than it promised breaks off too", async () => {
    await start({ timeoutSeconds: 1 });
    w.api.answer = (_req, res) => {
      res.socket?.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    };
    const answer = await w.fetch("/orders");
    await expect(answer.text()).rejects.toThrow();
  });

  test("slow is not silent: an answer in small pieces may take longer than timeoutSeconds", async () => {
    await start({ timeoutSeconds: 3 });
    w.api.answer = (_req, res) => {
      void (async () => {
        const from = performance.now();
        await until("it takes longer", () => {
          res.write("piece ");
          return performance.now() - from > 3500;
        });
        res.end("last");
      })();
    };
    const answer = await w.fetch("/orders");
    expect(await answer.text()).toMatch(/^(?:piece ){4,}last$/);
  });

  test("a browser that stops reading is cut off, and its connection serves others", async () => {
    await start({ timeoutSeconds: 1, maxConnections: 1 });
    const closed = new Promise<void>((resolve) => {
      w.api.answer = (req, res) => {
        if (req.url !== "/v1/large") {
          res.end("{}");
          return;
        }
        res.on("close", resolve);
        const write = (): void => {
          while (!res.destroyed && res.write(Buffer.alloc(65_536)));
        };
        res.on("drain", write);
        write();
      };
    });
    await deafClient("GET /api/large");
    await beforeControl(DEFAULT_TIMEOUT, closed);
    expect((await w.fetch("/orders")).status).toBe(200);
  });

  test("a browser that reads slowly is not cut off", async () => {
    await start({ timeoutSeconds: 3 });
    const size = 8_000_000;
    w.api.answer = (_req, res) => {
      res.end(Buffer.alloc(size));
    };
    const socket = await deafClient("GET /api/large", ["Connection: close"]);
    let received = 0;
    socket.on("data", (bytes: Buffer) => {
      received += bytes.length;
      socket.pause();
      setTimeout(() => socket.resume(), 50);
    });
    const begin = performance.now();
    socket.resume();
    await once(socket, "close");
    expect(received).toBeGreaterThan(size);
    expect(performance.now() - begin).toBeGreaterThan(4000);
  });

  test("an upload that stops is cut off, and its connection serves others", async () => {
    await start({ timeoutSeconds: 1, maxConnections: 1 });
    const socket = await deafClient("POST /api/upload", [
      "Content-Length: 200000",
    ]);
    socket.write("x".repeat(70_000));
    socket.resume();
    await until("it begins", () => w.api.begun.includes("/v1/upload"));
    await beforeControl(DEFAULT_TIMEOUT, once(socket, "close"));
    expect((await w.fetch("/orders")).status).toBe(200);
  });

  // Shows: ERR_REQUEST_TIMEOUT
  test.each([
    ["held back here, for it is small", 1000, 100],
    ["passed on", 200_000, 70_000],
  ])(
    "a browser that stops in an upload that is %s gets 408 ERR_REQUEST_TIMEOUT, its place is free, and the circuit stays closed",
    async (_how, length, sent) => {
      await start({
        timeoutSeconds: 0.5,
        maxRequestsPerLogin: 1,
        circuitBreaker: { failures: 1, seconds: 60 },
      });
      const socket = await deafClient("POST /api/upload", [
        `Content-Length: ${String(length)}`,
      ]);
      let answer = "";
      socket.on("data", (bytes: Buffer) => (answer += bytes.toString()));
      socket.write("x".repeat(sent));
      socket.resume();
      await once(socket, "close");
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(answer).toContain("ERR_REQUEST_TIMEOUT");
      expect((await w.fetch("/orders")).status).toBe(200);
    },
  );
});

describe("totalTimeoutSeconds", () => {
  test("before the answer: 504", async () => {
    await start({ timeoutSeconds: 30, totalTimeoutSeconds: 1 });
    holdSome();
    const answer = await beforeControl(DEFAULT_TIMEOUT, w.fetch("/silent"));
    expect(answer.status).toBe(504);
  });

  test("ends an answer that would go on and on", async () => {
    await start({ timeoutSeconds: 30, totalTimeoutSeconds: 1 });
    const timers: NodeJS.Timeout[] = [];
    const closed = new Promise<void>((resolve) => {
      w.api.answer = (_req, res) => {
        timers.push(setInterval(() => res.write("more"), 50));
        res.on("close", resolve);
      };
    });
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(200);
    await beforeControl(
      DEFAULT_TIMEOUT,
      expect(answer.text()).rejects.toThrow(),
    );
    await closed;
    timers.forEach(clearInterval);
  });

  test("counts for event streams too", async () => {
    await start({ timeoutSeconds: 30, totalTimeoutSeconds: 1 });
    w.api.answer = (_req, res) => {
      res.setHeader("Content-Type", "text/event-stream").write("data: 1\n\n");
    };
    const answer = await w.fetch("/orders");
    await expect(answer.text()).rejects.toThrow();
  });
});

describe("maxConnections", () => {
  // Shows: ASVS 13.1.2
  test("further requests wait, and get through when one is done", async () => {
    // Half of them are for one login.
    await start({ timeoutSeconds: 10, maxConnections: 4 });
    const { held } = holdSome();
    const first = await w.fetch("/held/1");
    const second = await w.fetch("/held/2");
    let arrived = 0;
    const waiting = [1, 2, 3].map(async (number) => {
      const answer = await w.fetch(`/orders/${number}`);
      arrived += 1;
      return answer.status;
    });
    await until("they have come", () => seen.come === 5);
    // One who comes later, and has another login, is served meanwhile.
    const bob = await w.signIn("bob");
    expect((await bob.fetchJson(`${w.url}/api/bob`)).status).toBe(200);
    expect(arrived).toBe(0);
    expect(w.api.requests.map(({ target }) => target)).toEqual([
      "/v1/held/1",
      "/v1/held/2",
      "/v1/bob",
    ]);
    held[0]?.end();
    expect(await Promise.all(waiting)).toEqual([200, 200, 200]);
    held[1]?.end();
    await Promise.all([first.text(), second.text()]);
  });

  test("BFF-24: one login takes no more than half of them, and what it waits for is no failure of the server", async () => {
    await start({
      timeoutSeconds: 1,
      maxConnections: 4,
      circuitBreaker: { failures: 1, seconds: 60 },
    });
    w.api.answer = (req, res) => {
      if (req.url !== "/v1/stream") res.end("{}");
      else res.setHeader("Content-Type", "text/event-stream").flushHeaders();
    };
    const aborted = new AbortController();
    const { signal } = aborted;
    const streams = Array.from({ length: 8 }, () =>
      w.fetch("/stream", { signal }).then(({ status }) => status),
    );
    const statuses = await Promise.all(streams);
    expect(statuses.sort()).toEqual([200, 200, 504, 504, 504, 504, 504, 504]);
    const bob = await w.signIn("bob");
    expect((await bob.fetchJson(`${w.url}/api/orders`)).status).toBe(200);
    aborted.abort();
  });

  test("requests that were given up while they waited open no connections", async () => {
    await start({ timeoutSeconds: 10, maxConnections: 2 });
    const { held } = holdSome();
    const first = await w.fetch("/held");
    for (let round = 0; round < 50; round++) {
      const aborted = new AbortController();
      const waiting = w.fetch("/orders", { signal: aborted.signal });
      waiting.catch(() => undefined);
      await until("it has come", () => seen.come === round + 2);
      aborted.abort();
    }
    await until("all are over", () => seen.over === 50);
    held[0]?.end();
    await first.text();
    expect((await w.fetch("/orders")).status).toBe(200);
    expect(w.api.requests).toHaveLength(2);
  });

  // Shows: ASVS 13.2.6
  test("and 504 ERR_RESOURCE_TIMEOUT when none is done within timeoutSeconds", async () => {
    await start({ timeoutSeconds: 1, maxConnections: 1 });
    w.api.answer = (_req, res) => {
      res.setHeader("Content-Type", "text/event-stream").write("data: 1\n\n");
    };
    const aborted = new AbortController();
    await w.fetch("/stream", { signal: aborted.signal });
    const answer = await beforeControl(DEFAULT_TIMEOUT, w.fetch("/orders"));
    aborted.abort();
    expect(answer.status).toBe(504);
    expect(w.api.requests).toHaveLength(1);
  });

  test("a browser that goes away while it waits leaves the queue", async () => {
    await start({ timeoutSeconds: 10, maxConnections: 1 });
    const { held } = holdSome();
    const first = await w.fetch("/held");
    const aborted = new AbortController();
    const waiting = w.fetch("/gone", { signal: aborted.signal });
    await until("it has come", () => seen.come === 2);
    aborted.abort();
    await expect(waiting).rejects.toThrow();
    await until("it is over", () => seen.over === 1);
    held[0]?.end();
    await first.text();
    expect((await w.fetch("/orders")).status).toBe(200);
    expect(w.api.requests.map(({ target }) => target)).toEqual([
      "/v1/held",
      "/v1/orders",
    ]);
  });
});

describe("BFF-24: maxRequestsPerLogin", () => {
  // Shows: BFF-24, ERR_TOO_MANY_REQUESTS, ASVS 13.1.2
  test("one more gets 429 with Retry-After and is not sent, while another login gets through", async () => {
    await start({ maxRequestsPerLogin: 2 });
    const { held } = holdSome();
    const bob = await w.signIn("bob");
    const answers = [await w.fetch("/held/1"), await w.fetch("/held/2")];
    const refused = await w.fetch("/orders");
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({
      code: "ERR_TOO_MANY_REQUESTS",
    });
    expect(w.api.requests).toHaveLength(2);
    const others = await bob.fetchJson(`${w.url}/api/orders`);
    expect(others.status).toBe(200);
    for (const res of held) res.end();
    await Promise.all(answers.map((answer) => answer.text()));
    await until("there is room again", async () => {
      return (await w.fetch("/orders")).status === 200;
    });
  });

  test.each<[string, (res: ServerResponse, req: IncomingMessage) => void]>([
    ["fails", (res) => res.destroy()],
    ["answers 500", (res) => res.writeHead(500).end()],
    ["is silent", () => undefined],
    ["breaks off", (res) => res.write("half", () => res.destroy())],
    ["answers 204", (res) => res.writeHead(204).end()],
    [
      "refuses the token",
      (res) =>
        res
          .writeHead(401, { "WWW-Authenticate": "Bearer error=invalid_token" })
          .end(),
    ],
    [
      "answers 103 first",
      (res) => {
        res.writeEarlyHints({ link: "</x>; rel=preload" });
        res.end();
      },
    ],
  ])("a place is free again after a server that %s", async (_how, answer) => {
    await start({ maxRequestsPerLogin: 1, timeoutSeconds: 0.5 });
    w.api.answer = (req, res) => {
      answer(res, req);
    };
    for (let round = 0; round < 3; round++) {
      await until("there is room", async () => {
        const { status, body } = await w.fetch("/orders");
        await body?.cancel();
        return status !== 429;
      });
    }
  });

  test("a place is free again after a browser that went away", async () => {
    await start({ maxRequestsPerLogin: 1 });
    holdSome();
    for (const path of ["/silent", "/held", "/silent"]) {
      const aborted = new AbortController();
      const answer = w.fetch(path, { signal: aborted.signal });
      answer.catch(() => undefined);
      const count = w.api.requests.length;
      await until("it arrives", () => w.api.requests.length > count);
      aborted.abort();
      await until("there is room", async () => {
        return (await w.fetch("/orders")).status === 200;
      });
    }
  });

  test("a place is free again after a request that is refused here", async () => {
    await start({ maxRequestsPerLogin: 1 });
    for (let round = 0; round < 3; round++) {
      expect((await w.fetch("/a%2fb")).status).toBe(400);
    }
    expect((await w.fetch("/orders")).status).toBe(200);
  });
});

describe("circuitBreaker", () => {
  const circuitBreaker = { failures: 2, seconds: 1 };

  beforeEach(takeClock);

  /** The next answers' statuses; then 200. "break": the connection is closed. */
  function answerInTurn(...statuses: (number | "break")[]): void {
    w.api.answer = (_req, res) => {
      const status = statuses.shift() ?? 200;
      if (status === "break") res.destroy();
      else res.writeHead(status).end("{}");
    };
  }

  async function statusesOf(count: number): Promise<number[]> {
    const statuses: number[] = [];
    for (let round = 0; round < count; round++) {
      const answer = await w.fetch("/orders");
      await answer.body?.cancel();
      statuses.push(answer.status);
    }
    return statuses;
  }

  test("opens after so many failures in a row: 502 ERR_RESOURCE_UNAVAILABLE at once, and nothing is sent", async () => {
    await start({ circuitBreaker });
    // The second is repeated, as its connection had waited: one failure.
    answerInTurn(504, "break", "break");
    expect(await statusesOf(2)).toEqual([504, 502]);
    expect(w.api.requests).toHaveLength(3);
    const refused = await w.fetch("/orders");
    expect(refused.status).toBe(502);
    expect(await refused.json()).toMatchObject({
      code: "ERR_RESOURCE_UNAVAILABLE",
    });
    expect(w.api.requests).toHaveLength(3);
  });

  test("tries one request after so many seconds; when that fails it stays open", async () => {
    await start({ circuitBreaker });
    answerInTurn(503, 503, 503);
    await statusesOf(2);
    passSeconds(1.1);
    expect(await statusesOf(3)).toEqual([503, 502, 502]);
    expect(w.api.requests).toHaveLength(3);
  });

  test("closes when the try succeeds", async () => {
    await start({ circuitBreaker });
    answerInTurn(503, 503);
    await statusesOf(2);
    passSeconds(1.1);
    expect(await statusesOf(3)).toEqual([200, 200, 200]);
    expect(w.api.requests).toHaveLength(5);
  });

  test("a success in between begins the count anew", async () => {
    await start({ circuitBreaker });
    answerInTurn(502, 200, 503, 200, 504);
    expect(await statusesOf(6)).toEqual([502, 200, 503, 200, 504, 200]);
  });

  test("answers of 4xx and 500 are no failures: a request that the server has a fault with, repeated, keeps nobody out", async () => {
    await start({ circuitBreaker });
    const answers = [404, 400, 403, 429, 401, 500, 500, 500, 501];
    // After a 401 it is asked once more, with another token.
    answerInTurn(...answers.flatMap((one) => (one === 401 ? [one, one] : one)));
    expect(await statusesOf(10)).toEqual([...answers, 200]);
  });

  test("silence is a failure", async () => {
    await start({ circuitBreaker, timeoutSeconds: 0.3 });
    holdSome();
    for (let round = 0; round < 2; round++) {
      expect((await w.fetch("/silent")).status).toBe(504);
    }
    expect((await w.fetch("/orders")).status).toBe(502);
  });

  test("a browser that goes away is no failure", async () => {
    await start({ circuitBreaker });
    await abortSilent(5);
    expect(await statusesOf(1)).toEqual([200]);
  });

  test("nor does it close an open circuit: the next failure opens it again", async () => {
    await start({ circuitBreaker });
    answerInTurn(503, 503);
    await statusesOf(2);
    passSeconds(1.1);
    await abortSilent(1);
    answerInTurn(503);
    expect(await statusesOf(2)).toEqual([503, 502]);
  });

  test("without the option every request is sent", async () => {
    await start({});
    answerInTurn(...Array<number>(10).fill(500));
    expect(await statusesOf(11)).toEqual([...Array<number>(10).fill(500), 200]);
  });

  /** Requests whose browser leaves before the answer. */
  async function abortSilent(count: number): Promise<void> {
    const { held } = holdSome();
    for (let round = 0; round < count; round++) {
      const aborted = new AbortController();
      const answer = w.fetch("/silent", { signal: aborted.signal });
      answer.catch(() => undefined);
      await until("it arrives", () => held.length > round);
      aborted.abort();
      await expect(answer).rejects.toThrow();
      await until("it is given up", () => held[round]?.closed === true);
    }
  }
});
