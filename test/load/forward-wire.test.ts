/** Whatever bytes clients write, directly or through a proxy, the resource server reads one whole request for each that it answers. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import fc from "fast-check";

import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { pipelined, type WireAnswer } from "../support/pipelined.js";
import {
  type ReverseProxy,
  startHaproxy,
  startNginx,
} from "../support/reverse-proxies.js";
import {
  type StrictResourceServer,
  strictResourceServer,
} from "../support/strict-resource-server.js";
import { volume } from "../support/volume.js";

/** Requests of each connection besides its last one, and connections at the same time. */
const PER_CONNECTION = 6;
const AT_ONCE = 10;
const REQUESTS_A_RUN = (PER_CONNECTION + 1) * AT_ONCE;

/** Another one: FRAMING_SEED=1 npm run test:load -- forward-wire */
const SEED = process.env["FRAMING_SEED"];

const USERS = ["alice", "bob"] as const;
type User = (typeof USERS)[number];

interface Written {
  readonly method: string;
  readonly lines: readonly string[];
  readonly body: Body;
  readonly version: string;
}

/** A body as it is written, and as it is read. */
interface Body {
  readonly lines: readonly string[];
  readonly wire: string;
  readonly text: string;
}

let w: LyingWorld;
let api: StrictResourceServer;
const proxies: ReverseProxy[] = [];
const cookies = new Map<User, string>();
const tokens = new Map<User, string>();
let last = 0;
let asked = 0;
let answered = 0;

beforeAll(async () => {
  api = await strictResourceServer();
  w = await lyingWorld({
    kit: {
      resourceServers: {
        // Few connections, so that each serves both users.
        orders: {
          url: `${api.url}/v1`,
          maxConnections: 4,
          maxRequestsPerLogin: 1000,
        },
      },
    },
    routes(app, kit) {
      const methods = [...METHODS];
      app.use("/api", kit.requireAuth(), kit.forward("orders", { methods }));
    },
  });
  w.server.keepAliveTimeout = 100;
  for (const user of USERS) {
    const browser = await w.signIn(user);
    cookies.set(user, await browser.jar.getCookieString(w.url));
    const [answer] = await ask(w.url, user, []);
    tokens.set(user, String(answer?.body.split(" ", 2).join(" ")));
  }
});
afterAll(async () => {
  for (const proxy of proxies) await proxy.close();
  await w.close();
  api.close();
});
beforeEach(() => {
  api.requests.length = 0;
  asked = 0;
  answered = 0;
});

test("both users have a token of their own", () => {
  expect(tokens.get("alice")).toMatch(/^Bearer ./);
  expect(tokens.get("bob")).toMatch(/^Bearer ./);
  expect(tokens.get("alice")).not.toBe(tokens.get("bob"));
});

test(
  "RFC 9112 6: requests of two users, directly: none is split, none is mixed up",
  () => expectWhole(w.url, volume(10, 60) * REQUESTS_A_RUN),
  300_000,
);

test("RFC 9112 6: requests of two users, through nginx: none is split, none is mixed up", async () => {
  const nginx = await startNginx(w.url);
  proxies.push(nginx);
  await expectWhole(nginx.url, volume(3, 15) * REQUESTS_A_RUN);
}, 300_000);

test("RFC 9112 6: requests of two users, through HAProxy: none is split, none is mixed up", async () => {
  const haproxy = await startHaproxy(w.url);
  proxies.push(haproxy);
  await expectWhole(haproxy.url, volume(3, 15) * REQUESTS_A_RUN);
}, 300_000);

const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "PROPFIND",
] as const;

/** What a body hides that is taken for the next request. */
const HIDDEN =
  "GET /v1/hidden HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer planted\r\n\r\n";

const text = fc.oneof(
  fc.constantFrom(
    "",
    "x",
    HIDDEN,
    HIDDEN + HIDDEN,
    `0\r\n\r\n${HIDDEN}`,
    `\r\n${HIDDEN}`,
  ),
  fc
    .tuple(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom("y", HIDDEN))
    .map(([length, filling]) => filled(filling, length)),
  // Around the size up to which a body is held, and more than a socket takes at once.
  fc.constantFrom(65_536, 65_537, 200_000).map((n) => filled(HIDDEN, n)),
);

const NO_BODY: Body = { lines: [], wire: "", text: "" };

const withLength = text.map((sent) => ({
  lines: [`Content-Length: ${String(sent.length)}`],
  wire: sent,
  text: sent,
}));

const inChunks = fc
  .record({
    sent: text,
    size: fc.integer({ min: 1, max: 70_000 }),
    extension: fc.constantFrom("", ";x=1"),
    trailer: fc.constantFrom("", "Content-Length: 0\r\n", "X-Sum: 1\r\n"),
  })
  .map(({ sent, size, extension, trailer }) => ({
    lines: ["Transfer-Encoding: chunked"],
    wire: `${chunked(sent, Math.max(size, sent.length / 20), extension)}0\r\n${trailer}\r\n`,
    text: sent,
  }));

// Refused, or read as one of them.
const withTwoFramings = text.map((sent) => ({
  lines: [
    `Content-Length: ${String(sent.length)}`,
    "Transfer-Encoding: chunked",
  ],
  wire: `${chunked(sent, sent.length + 1, "")}0\r\n\r\n`,
  text: sent,
}));

/** What a connection does not survive is seldom: nothing behind it is read. */
const body: fc.Arbitrary<Body> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(NO_BODY) },
  { weight: 10, arbitrary: withLength },
  { weight: 10, arbitrary: inChunks },
  { weight: 1, arbitrary: withTwoFramings },
);

const named = fc
  .array(
    fc.constantFrom(
      ..."keep-alive content-length Content-Length transfer-encoding Transfer-Encoding host content-type content-encoding authorization cookie range if-match expect te trailer http2-settings x-unknown sec-fetch-site traceparent connection * content-length;q=1".split(
        " ",
      ),
    ),
    { maxLength: 3 },
  )
  .map((names) => `Connection: ${["keep-alive", ...names].join(", ")}`);

const connectionLines = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 2, arbitrary: named.map((line) => [line]) },
  { weight: 1, arbitrary: fc.tuple(named, named) },
);

// Seldom: Node then reads nothing more, and closes some time later.
const upgradeLines = fc.oneof(
  { weight: 400, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc.constant(["Connection: keep-alive, upgrade", "Upgrade: h2c"]),
  },
);

const otherLines = fc.subarray(
  [
    "Expect: 100-continue",
    "TE: trailers",
    "Trailer: X-Sum",
    "Upgrade: websocket",
    "Content-Type: text/plain",
    "Content-Encoding: identity",
    "Keep-Alive: timeout=1",
    "Proxy-Connection: keep-alive",
    "X-HTTP-Method-Override: GET",
  ],
  { maxLength: 3 },
);

const written: fc.Arbitrary<Written> = fc
  .record({
    method: fc.constantFrom(...METHODS),
    body,
    connection: connectionLines,
    upgrade: upgradeLines,
    other: otherLines,
    version: fc.oneof(
      { weight: 40, arbitrary: fc.constant("1.1") },
      { weight: 1, arbitrary: fc.constant("1.0") },
    ),
  })
  .map(({ connection, upgrade, other, ...rest }) => ({
    ...rest,
    lines: [...connection, ...upgrade, ...other],
  }));

const connections = fc.array(
  fc.tuple(
    fc.constantFrom(...USERS),
    fc.array(written, { minLength: PER_CONNECTION, maxLength: PER_CONNECTION }),
  ),
  { minLength: AT_ONCE, maxLength: AT_ONCE },
);

async function expectWhole(origin: string, requests: number): Promise<void> {
  const run = await fc.check(
    fc.asyncProperty(connections, async (all) => {
      await Promise.all(all.map(([user, some]) => ask(origin, user, some)));
      expect(api.faults).toEqual([]);
      const targets = api.requests.map(({ target }) => target);
      const isOurs = (target: string): boolean => /^\/v1\/r\/\d+$/.test(target);
      expect(targets.filter((target) => !isOurs(target))).toEqual([]);
      api.requests.length = 0;
    }),
    {
      numRuns: requests / REQUESTS_A_RUN,
      endOnFailure: true,
      ...(SEED !== undefined && { seed: Number(SEED) }),
    },
  );
  // Not the connections themselves: they are long.
  if (run.failed) {
    throw new Error(`seed ${String(run.seed)}`, { cause: run.errorInstance });
  }
  expect(asked).toBe(requests);
  // Some are refused, and what comes behind them on their connection with them.
  expect(answered).toBeGreaterThan(requests / 5);
}

/** Sends them over one connection, all at once, and compares answers and what arrived with what was asked. */
async function ask(
  origin: string,
  user: User,
  requests: readonly Written[],
): Promise<readonly WireAnswer[]> {
  const all = [
    ...requests,
    {
      method: "GET",
      lines: ["Connection: close"],
      body: NO_BODY,
      version: "1.1",
    },
  ].map((request) => ({ ...request, id: ++last }));
  asked += all.length;
  const { answers } = await pipelined(
    origin,
    all.map((request) => textOf(request, user)).join(""),
    { isHead: (at) => all[at]?.method === "HEAD", silence: 20_000 },
  );
  for (const [at, request] of all.entries()) {
    judge(request, user, answers[at]);
  }
  return answers;
}

function textOf(
  { method, lines, body, version, id }: Written & { id: number },
  user: User,
): string {
  return [
    `${method} /api/r/${String(id)} HTTP/${version}`,
    "Host: x",
    `Cookie: ${String(cookies.get(user))}`,
    "Sec-Fetch-Site: same-origin",
    ...lines,
    ...body.lines,
    "",
    body.wire,
  ].join("\r\n");
}

function judge(
  { method, body, id }: Written & { id: number },
  user: User,
  answer: WireAnswer | undefined,
): void {
  const target = `/v1/r/${String(id)}`;
  const arrived = api.requests.filter((request) => request.target === target);
  const isAnswered = answer !== undefined && answer.status < 300;
  if (isAnswered) {
    answered += 1;
    expect(arrived).toHaveLength(1);
    const token = tokens.get(user);
    if (method !== "HEAD" && token !== undefined) {
      expect(answer.body.slice(0, 200)).toBe(`${token} ${target}`);
    }
  }
  expect(arrived.length).toBeLessThanOrEqual(1);
  for (const request of arrived) {
    expect(request.method).toBe(method);
    // One of a GET stays behind.
    const expected = ["GET", "HEAD"].includes(method) ? "" : body.text;
    expect(request.body === expected).toBe(true);
    const token = request.headers.get("authorization");
    expect(token).toBe(tokens.get(user) ?? token);
  }
}

function filled(filling: string, length: number): string {
  return filling.repeat(Math.ceil(length / filling.length)).slice(0, length);
}

function chunked(sent: string, size: number, extension: string): string {
  let wire = "";
  const step = Math.ceil(size);
  for (let at = 0; at < sent.length; at += step) {
    const piece = sent.slice(at, at + step);
    wire += `${piece.length.toString(16)}${extension}\r\n${piece}\r\n`;
  }
  return wire;
}
