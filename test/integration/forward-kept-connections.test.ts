/** Connections to a resource server that wait for the next request, and are closed meanwhile. */
import type { Socket } from "node:net";

import { afterEach, describe, expect, test } from "@jest/globals";

import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import {
  echo,
  type StrictRequest,
  strictResourceServer,
  type StrictResourceServer,
} from "../support/strict-resource-server.js";
import { until } from "../support/until.js";

let w: ForwardWorld;
let api: StrictResourceServer;
afterEach(async () => {
  await w.close();
  api.close();
});

async function start(
  options: {
    readonly circuitBreaker?: { failures: number; seconds: number };
  } = {},
): Promise<void> {
  api = await strictResourceServer();
  w = await forwardWorld({
    server: { url: `${api.url}/v1`, timeoutSeconds: 30, ...options },
    forward: { methods: [...REPEATABLE, ...OTHERS] },
  });
}

const REPEATABLE = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"];
const OTHERS = ["POST", "PATCH"];

/** Answers, but breaks the connection on which `/again` is the second request or a later one. */
function breaking(
  how: (socket: Socket) => unknown,
): (request: StrictRequest, socket: Socket) => void {
  const used = new Set<Socket>();
  return (request, socket) => {
    if (request.target === "/v1/again" && used.has(socket)) how(socket);
    else echo(request, socket);
    used.add(socket);
  };
}

const send = (path: string, method = "GET"): Promise<Response> =>
  w.fetch(path, {
    method,
    headers: { "x-csrf-protection": "1" },
    ...(["PUT", "POST", "PATCH"].includes(method) && { body: "tea" }),
  });

async function firstIsKept(): Promise<void> {
  expect((await send("/first")).status).toBe(200);
  expect(api.connections()).toBe(1);
}

function timesAsked(): number {
  return api.requests.filter(({ target }) => target === "/v1/again").length;
}

describe("RFC 9110 9.2.2: a kept connection that breaks before the answer", () => {
  const ways = [
    ["is reset", (socket: Socket) => socket.resetAndDestroy()],
    ["is closed", (socket: Socket) => socket.end()],
  ] as const;

  test.each(
    REPEATABLE.flatMap((method) =>
      ways.map((way) => [method, ...way] as const),
    ),
  )(
    "%s that %s is sent once more, over a new connection",
    async (method, _how, how) => {
      await start({ circuitBreaker: { failures: 1, seconds: 60 } });
      api.answer = breaking(how);
      await firstIsKept();
      const answer = await send("/again", method);
      expect(answer.status).toBe(200);
      const [one, other] = api.requests.slice(1);
      expect(timesAsked()).toBe(2);
      expect(other).toEqual({ ...one, headers: other?.headers });
      expect(other?.body).toBe(method === "PUT" ? "tea" : "");
      expect(other?.headers.get("authorization")).toBe(
        one?.headers.get("authorization"),
      );
      expect(api.connections()).toBe(2);
    },
  );

  test.each(OTHERS)("%s is not sent again: 502", async (method) => {
    await start();
    api.answer = breaking((socket) => socket.resetAndDestroy());
    await firstIsKept();
    const answer = await send("/again", method);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({
      code: "ERR_RESOURCE_UNAVAILABLE",
    });
    expect(timesAsked()).toBe(1);
  });

  test("a body that was streamed is gone, and the request not sent again: 502", async () => {
    await start();
    api.answer = breaking((socket) => socket.resetAndDestroy());
    await firstIsKept();
    const answer = await w.fetch("/again", {
      method: "PUT",
      body: "x".repeat(100_000),
    });
    expect(answer.status).toBe(502);
    expect(timesAsked()).toBe(1);
  });

  test("when the new connection breaks too: 502, and no third time", async () => {
    await start();
    api.answer = (request, socket) => {
      if (request.target === "/v1/again") socket.resetAndDestroy();
      else echo(request, socket);
    };
    await firstIsKept();
    expect((await send("/again")).status).toBe(502);
    expect(timesAsked()).toBe(2);
  });

  test("a connection that was new is no such one: 502, and no second time", async () => {
    await start();
    api.answer = (_request, socket) => socket.resetAndDestroy();
    expect((await send("/again")).status).toBe(502);
    expect(timesAsked()).toBe(1);
  });

  test("after the first byte of an answer the request is not sent again: 502", async () => {
    await start();
    api.answer = breaking((socket) => socket.end("H"));
    await firstIsKept();
    expect((await send("/again")).status).toBe(502);
    expect(timesAsked()).toBe(1);
  });
});

describe("RFC 9112 9.3: the connection ends before the server closes it", () => {
  let closedBy: string | undefined;

  /** Answers with this `Keep-Alive`, and closes after that time. */
  function announce(keepAlive: string, milliseconds: number): void {
    closedBy = undefined;
    let timer: NodeJS.Timeout | undefined;
    api.answer = ({ target }, socket) => {
      socket.write(
        `HTTP/1.1 200 OK\r\nKeep-Alive: ${keepAlive}\r\nContent-Length: ${String(target.length)}\r\n\r\n${target}`,
      );
      clearTimeout(timer);
      timer = setTimeout(() => (closedBy ??= "the server"), milliseconds);
      socket.once("end", () => {
        clearTimeout(timer);
        closedBy ??= "the kit";
      });
    };
  }

  async function expectClosedByKit(): Promise<void> {
    await until("it is closed", () => closedBy !== undefined);
    expect(closedBy).toBe("the kit");
  }

  test.each([
    ["timeout=2", 2000],
    ["max=100, timeout=2", 2000],
    ["timeout=5", 5000],
  ])("Keep-Alive: %s", async (keepAlive, milliseconds) => {
    await start();
    announce(keepAlive, milliseconds);
    expect((await send("/first")).status).toBe(200);
    expect((await send("/second")).status).toBe(200);
    expect(api.connections()).toBe(1);
    await expectClosedByKit();
  });

  test("Keep-Alive: timeout=1 is too short to use the connection again", async () => {
    await start();
    announce("timeout=1", 1000);
    expect((await send("/first")).status).toBe(200);
    await expectClosedByKit();
    expect((await send("/second")).status).toBe(200);
    expect(api.connections()).toBe(2);
  });
});
