/** Whatever a resource server writes, in whatever order: nobody waits for ever, and nothing is held. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { pipelined } from "../support/pipelined.js";
import { reset } from "../support/reset.js";
import {
  rawResourceServer,
  type RawResourceServer,
} from "../support/raw-resource-server.js";
import { until } from "../support/until.js";

let w: ForwardWorld;
let api: RawResourceServer;
afterEach(async () => {
  await w.close();
  api.close();
});

async function start(
  answer: (socket: Socket, path: string) => void,
  server: {
    readonly maxRequestsPerLogin?: number;
    readonly maxConnections?: number;
    readonly timeoutSeconds?: number;
  },
): Promise<void> {
  api = await rawResourceServer(answer);
  w = await forwardWorld({
    server: { url: `${api.url}/v1`, timeoutSeconds: 30, ...server },
  });
}

async function headOf(method: string, path: string): Promise<string> {
  return [
    `${method} /api${path} HTTP/1.1`,
    "Host: x",
    `Cookie: ${await w.browser.jar.getCookieString(w.url)}`,
    "Sec-Fetch-Site: same-origin",
    "Connection: close",
    "",
  ].join("\r\n");
}

describe("RFC 9112 6.3: bytes behind a whole answer", () => {
  const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const CHUNKED =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

  test.each([
    ["a body of 204", "GET", 204, "HTTP/1.1 204 No Content\r\n\r\nhello"],
    [
      "a body of 204 with its length",
      "DELETE",
      204,
      "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    ],
    [
      "the end of chunks of 204",
      "GET",
      204,
      "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "a body of 304",
      "GET",
      304,
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ["a body for HEAD", "HEAD", 200, OK],
    ["chunks for HEAD", "HEAD", 200, CHUNKED],
    ["rubbish", "GET", 200, `${OK}rubbish`],
    ["rubbish behind chunks", "GET", 200, `${CHUNKED}rubbish`],
    ["a second answer", "GET", 200, OK + OK],
    ["half a second answer", "GET", 200, `${OK}HTTP/1.1 200 OK\r\nContent`],
    ["NULs", "GET", 200, `${OK}\0\0\0\0`],
  ])(
    "%s: ten are answered, and no place is lost",
    async (_what, method, status, answer) => {
      await start(
        (socket, path) => socket.write(path === "/v1/fine" ? OK : answer),
        { maxRequestsPerLogin: 1, maxConnections: 2 },
      );
      for (let round = 0; round < 10; round++) {
        const head = await headOf(method, "/odd");
        const { answers, rest, isClosed } = await pipelined(
          w.url,
          `${head}\r\n`,
          { isHead: () => method === "HEAD", silence: 20_000 },
        );
        expect(answers.map((one) => one.status)).toEqual([status]);
        expect({ rest, isClosed }).toEqual({ rest: "", isClosed: true });
        const hasBody = method === "GET" && status === 200;
        expect(answers[0]?.body).toBe(hasBody ? "ok" : "");
        await until("the place is free", async () => {
          const fine = await w.fetch("/fine");
          return fine.status === 200 && (await fine.text()) === "ok";
        });
      }
    },
  );
});

/** Scripts at the same time. */
const AT_ONCE = 24;
const RUNS = 20;

/** Another one: ANSWERS_SEED=1 npm run jest -- forward-answers */
const SEED = process.env["ANSWERS_SEED"];

/** What a resource server does with one request, and the browser meanwhile. */
interface Script {
  readonly method: string;
  /** Of an upload: how much of it is sent. */
  readonly upload: "none" | "half" | "whole";
  readonly steps: readonly Step[];
}

/** Text is written; what follows it without `wait` comes in the same segment. */
type Step = "wait" | "end" | "destroy" | "reset" | "leave" | { text: string };

const head = (
  line: string,
  ...fields: readonly string[]
): { text: string } => ({
  text: `${[`HTTP/1.1 ${line}`, ...fields].join("\r\n")}\r\n\r\n`,
});

const HEADS = [
  head("200 OK", "Content-Length: 5"),
  head("200 OK", "Content-Length: 0"),
  head("200 OK", "Content-Length: 200000"),
  head("200 OK", "Transfer-Encoding: chunked"),
  head("200 OK", "Connection: close"),
  head("200 OK"),
  head("200 OK", "Content-Length: 5", "Content-Length: 6"),
  head("200 OK", "Content-Length: 5", "Transfer-Encoding: chunked"),
  head("200 OK", `X-Long: ${"x".repeat(20_000)}`),
  head("200 OK", "Keep-Alive: timeout=1", "Content-Length: 5"),
  head("100 Continue"),
  head("101 Switching Protocols", "Upgrade: x", "Connection: upgrade"),
  head("101 Switching Protocols"),
  head("103 Early Hints", "Link: </x>"),
  head("099 Odd", "Content-Length: 0"),
  head("204 No Content"),
  head("204 No Content", "Transfer-Encoding: chunked"),
  head("304 Not Modified", "Content-Length: 5"),
  head(
    "401 Unauthorized",
    "Content-Length: 5",
    'WWW-Authenticate: Bearer error="insufficient_scope"',
  ),
  head("413 Content Too Large", "Content-Length: 5", "Connection: close"),
  head("503 Service Unavailable", "Content-Length: 5"),
  head("200", "Content-Length: 5"),
  { text: "HTTP/1.1 200 OK\r\nConte" },
] as const;

const PIECES = [
  "hello",
  "5\r\nhello\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n0\r\n\r\n",
  "rubbish",
  "\r\n",
  "\0",
  "x".repeat(200_000),
].map((text) => ({ text }));

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Step>(...HEADS) },
  { weight: 6, arbitrary: fc.constantFrom<Step>(...PIECES) },
  { weight: 4, arbitrary: fc.constant<Step>("wait") },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step>("end", "destroy", "reset", "leave"),
  },
);

const script: fc.Arbitrary<Script> = fc.record({
  method: fc.constantFrom("GET", "GET", "HEAD", "POST", "PUT", "DELETE"),
  upload: fc.constantFrom("none", "half", "whole"),
  steps: fc.oneof(
    fc.array(step, { maxLength: 6 }),
    // More often than by chance: a head, then whatever comes.
    fc
      .tuple(fc.constantFrom<Step>(...HEADS), fc.array(step, { maxLength: 5 }))
      .map(([first, others]) => [first, ...others]),
  ),
});

test("BFF-24: in any order of head, data, rubbish, abort and close no place is lost", async () => {
  const playing = new Set<Socket>();
  const scripts = new Map<string, readonly Step[]>();
  const leaving = new Map<string, () => void>();
  await start(
    (socket, path) => {
      const steps = scripts.get(path);
      if (steps === undefined) {
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Length: ${String(path.length)}\r\n\r\n${path}`,
        );
        return;
      }
      playing.add(socket);
      void play(steps, socket, () => leaving.get(path)?.());
    },
    {
      maxRequestsPerLogin: AT_ONCE,
      maxConnections: AT_ONCE * 2,
      timeoutSeconds: 0.2,
    },
  );
  let last = 0;
  const head = await headOf("METHOD", "/TARGET");

  const ask = async ({ method, upload, steps }: Script): Promise<void> => {
    const target = `/script/${String(++last)}`;
    scripts.set(`/v1${target}`, steps);
    const { port, hostname } = new URL(w.url);
    const socket = connect(Number(port), hostname);
    leaving.set(`/v1${target}`, () => socket.destroy());
    socket.on("error", () => undefined).resume();
    const hasBody = upload !== "none" && method !== "GET";
    socket.write(
      `${head.replace("METHOD", method).replace("/TARGET", target)}${hasBody ? "Content-Length: 100000\r\n" : ""}\r\n`,
    );
    if (hasBody) socket.write("x".repeat(upload === "half" ? 70_000 : 100_000));
    await once(socket, "close");
  };
  const isServed = async (): Promise<boolean> => {
    const path = `/fine/${String(++last)}`;
    const answer = await w.fetch(path);
    const text = await answer.text();
    if (answer.status !== 200) return false;
    expect(text).toBe(`/v1${path}`);
    return true;
  };

  const run = await fc.check(
    fc.asyncProperty(
      fc.array(script, { minLength: AT_ONCE, maxLength: AT_ONCE }),
      async (all) => {
        await Promise.all(all.map(ask));
        for (const socket of playing) socket.destroy();
        playing.clear();
        // What was written is read before the next requests are.
        for (let turns = 0; turns < 5; turns++) await turn();
        await until("every place is free", async () => {
          const served = Array.from({ length: AT_ONCE }, isServed);
          return (await Promise.all(served)).every(Boolean);
        });
      },
    ),
    {
      numRuns: RUNS,
      endOnFailure: true,
      ...(SEED !== undefined && { seed: Number(SEED) }),
    },
  );
  if (run.failed) {
    throw new Error(
      `seed ${String(run.seed)}: ${JSON.stringify(run.counterexample).slice(0, 4000)}`,
      { cause: run.errorInstance },
    );
  }
}, 300_000);

async function play(
  steps: readonly Step[],
  socket: Socket,
  leave: () => void,
): Promise<void> {
  let text = "";
  const write = (): void => {
    if (text !== "") socket.write(text, "latin1");
    text = "";
  };
  for (const step of steps) {
    if (typeof step === "object") {
      text += step.text;
      continue;
    }
    write();
    if (step === "wait") await turn();
    else if (step === "leave") leave();
    else if (step === "end") socket.end();
    else if (step === "destroy") socket.destroy();
    else reset(socket);
  }
  write();
}
