/** Whatever a client writes, `forward` sends one clean request below the resource server's base, or none. */
import { posix } from "node:path";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import fc from "fast-check";

import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import {
  byteTrap,
  type ByteTrap,
  rawExchange,
  type RawAnswer,
} from "../support/raw-exchange.js";
import {
  type RecordedRequest,
  recordingServer,
  type RecordingServer,
} from "../support/recording-server.js";
import { type Attack, attacks } from "./forward-corpus.js";

/** What may come back. Nothing of it is the fault of anybody but the client. */
const ANSWERS = new Set([100, 200, 400, 401, 403, 404, 405, 417, 431]);

/** What the resource server may learn of a request besides its body. */
const HEADERS = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "authorization",
  "connection",
  "content-encoding",
  "content-language",
  "content-length",
  "content-type",
  "host",
  "idempotency-key",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-event-id",
  "prefer",
  "range",
  "traceparent",
  "tracestate",
  "transfer-encoding",
  "user-agent",
  "x-request-id",
]);

let w: LyingWorld;
let api: RecordingServer;
let evil: ByteTrap;
let cookie: string;
let token: string | undefined;

beforeAll(async () => {
  api = await recordingServer();
  evil = await byteTrap();
  w = await lyingWorld({
    kit: { resourceServers: { orders: { url: `${api.url}/v1` } } },
    routes(app, kit) {
      app.use("/api", kit.requireAuth(), kit.forward("orders"));
    },
  });
  const browser = await w.signIn("alice");
  cookie = await browser.jar.getCookieString(w.url);
  await send(attackAt("/api/first"));
  token = api.requests[0]?.headers.authorization;
});
afterAll(() => Promise.all([w.close(), api.close(), evil.close()]));
beforeEach(() => {
  api.requests.length = 0;
});
afterEach(() => {
  expect(evil.caught).toEqual([]);
});

test("the corpus has at least 300 attacks, and the same one never twice", () => {
  const texts = new Set(attacks.map((attack) => JSON.stringify(attack)));
  expect(texts.size).toBe(attacks.length);
  expect(attacks.length).toBeGreaterThanOrEqual(300);
});

test("without an attack the request arrives, with this login's token", () => {
  expect(token).toMatch(/^Bearer [0-9a-f-]{36}$/);
});

// Shows: BFF-20, BFF-21, BFF-23, ASVS 1.3.6, 4.2.1, 13.4.4
describe("BFF-20, BFF-21, BFF-23, BT-01, BT-07", () => {
  test.each(
    attacks.map((attack) => [attack.kind, titleOf(attack), attack] as const),
  )("%s: %s", async (_kind, _title, attack) => {
    const { method, reaches } = attack;
    const answer = await send(attack);
    // Node closes the connection of a CONNECT that nobody listens for.
    if (method !== "CONNECT") expect(answer.statuses).not.toEqual([]);
    expectStatuses(answer);
    api.requests.forEach(expectClean);
    if (reaches === "never") expect(api.requests).toEqual([]);
    else if (reaches === "once") expect(api.requests).toHaveLength(1);
    else expect(api.requests.length).toBeLessThanOrEqual(1);
  });
});

describe("BFF-21, whatever else is sent", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ..."/ // . .. ... ; ;x=1 % %2e %2f %5c %25 %00 %0d%0a %c0%ae %c0%af %e0%80%af \\ @ : ? # & = ~ ! * a orders v1 secret http: http:// %".split(
        " ",
      ),
    ),
    fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
    fc
      .integer({ min: 0, max: 255 })
      .map((code) => `%${code.toString(16).padStart(2, "0")}`),
  );
  const target = fc
    .array(piece, { maxLength: 12 })
    .map((pieces) => `/api/${pieces.join("")}`);

  test("2,000 targets: below the base by every reading, or nowhere", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(target, { minLength: 20, maxLength: 20 }),
        async (targets) => {
          await sendTogether(targets.map((path) => attackAt(path)));
        },
      ),
      { numRuns: 100 },
    );
  });

  const name = fc.oneof(
    fc.constantFrom(
      ..."Accept Authorization Connection Content-Length Content-Type Cookie Cookie2 DPoP Expect Forwarded Host If-Match Keep-Alive Origin Prefer Proxy-Authorization Range Referer Sec-Fetch-Site TE Trailer Transfer-Encoding Upgrade User-Agent X-Forwarded-For X-Forwarded-Host X-Original-URL X-Request-Id traceparent tracestate".split(
        " ",
      ),
    ),
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,10}$/),
  );
  const value = fc.oneof(
    fc.constantFrom(
      ..."|planted|Bearer planted|chunked|close|keep-alive|0|5|trailers|same-origin|cross-site|{evil}|http://{evil}/|{cookie}|session=planted|authorization|*|h2c".split(
        "|",
      ),
    ),
    fc
      .array(fc.integer({ min: 1, max: 255 }), { maxLength: 8 })
      .map((codes) => String.fromCharCode(...codes)),
  );
  const lines = fc.array(
    fc.tuple(name, value).map((parts) => parts.join(": ")),
    { maxLength: 6 },
  );

  // Shows: ASVS 4.2.1, 4.2.4
  test("1,500 sets of headers: one clean request, or none", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            lines,
            method: fc.constantFrom("GET", "POST", "HEAD", "DELETE"),
            body: fc.constantFrom("", "hello", "5\r\nhello\r\n0\r\n\r\n"),
          }),
          { minLength: 20, maxLength: 20 },
        ),
        async (requests) => {
          await sendTogether(
            requests.map(({ body, ...request }) => ({
              ...attackAt("/api/orders"),
              ...request,
              // Enough for whatever length was promised, so that nobody waits.
              body: body + "0\r\n\r\n".repeat(4),
            })),
          );
        },
      ),
      { numRuns: 75 },
    );
  });

  async function sendTogether(requests: readonly Attack[]): Promise<void> {
    api.requests.length = 0;
    const answers = await Promise.all(requests.map((request) => send(request)));
    expect(evil.caught).toEqual([]);
    expect(api.requests.length).toBeLessThanOrEqual(requests.length);
    answers.forEach(expectStatuses);
    api.requests.forEach(expectClean);
  }
});

function attackAt(target: string): Attack {
  return {
    kind: "fuzz",
    method: "GET",
    target,
    lines: [],
    body: "",
    version: "HTTP/1.1",
    reaches: "open",
  };
}

function send(attack: Attack): Promise<RawAnswer> {
  const { host } = new URL(w.url);
  const lines = [
    ...unless(attack, "host", `Host: ${host}`),
    ...unless(attack, "cookie", `Cookie: ${cookie}`),
    ...unless(attack, "sec-fetch-site", "Sec-Fetch-Site: same-origin"),
    ...unless(attack, "connection", "Connection: close"),
    ...attack.lines.filter((line) => !line.startsWith("-")),
  ];
  const text = `${attack.method} ${attack.target} ${attack.version}\r\n${lines.join("\r\n")}\r\n\r\n${attack.body}`;
  return rawExchange(
    w.url,
    text
      .replaceAll("{evil}", evil.host)
      .replaceAll("{app}", host)
      .replaceAll("{cookie}", cookie),
  );
}

/** The line, unless the attack has one of its name, or says with `-` that there is none. */
function unless({ lines }: Attack, name: string, line: string): string[] {
  const has = lines.some((own) =>
    new RegExp(`^-?\\s*${name}\\s*(?::|$)`, "i").test(own),
  );
  return has ? [] : [line];
}

function expectStatuses({ statuses, text }: RawAnswer): void {
  for (const status of statuses) {
    expect(ANSWERS).toContain(status);
  }
  // A refusal of the kit's says which one it is; the answer to HEAD has no body.
  if (/problem\+json.*\r\n\r\n./s.test(text)) {
    expect(text).toMatch(/"code":"ERR_[A-Z_]+"/);
  }
}

function expectClean({ target, headers }: RecordedRequest): void {
  expect(headers.authorization).toBe(token);
  expect(headers.host).toBe(new URL(api.url).host);
  expect(Object.keys(headers).filter((name) => !HEADERS.has(name))).toEqual([]);
  expect(target).toMatch(/^\/v1(?:[/?]|$)/);
  for (const path of readings(target)) {
    expect(path).toMatch(/^\/v1(?:\/|$)/);
  }
}

/** The path as lenient servers read it. */
function readings(target: string): string[] {
  const [path = ""] = target.split(/[?#]/);
  const decoded = decodeLeniently(path);
  return [
    new URL(target, "http://any.example").pathname,
    posix.normalize(path),
    posix.normalize(decoded),
    posix.normalize(withoutParameters(path)),
    posix.normalize(withoutParameters(decoded)),
  ].map((reading) => reading.replace(/\/+$/, ""));
}

/** As servers do that undo percent-encoding twice, know overlong UTF-8, and take backslashes for slashes. */
function decodeLeniently(path: string): string {
  let bytes = path;
  for (let round = 0; round < 2; round++) {
    bytes = bytes.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    );
  }
  return bytes
    .replace(/[\xc0-\xc1][\x80-\xbf]/g, (pair) =>
      String.fromCharCode(
        ((pair.charCodeAt(0) & 0x1f) << 6) | (pair.charCodeAt(1) & 0x3f),
      ),
    )
    .replace(/\xe0\x80([\x80-\xbf])/g, (_all, last: string) =>
      String.fromCharCode(last.charCodeAt(0) & 0x3f),
    )
    .replace(/\xf0\x80\x80([\x80-\xbf])/g, (_all, last: string) =>
      String.fromCharCode(last.charCodeAt(0) & 0x3f),
    )
    .replaceAll("\\", "/");
}

/** As servlet containers do; others drop spaces at the end of a name. */
function withoutParameters(path: string): string {
  return path
    .split("/")
    .map((segment) => segment.replace(/;.*$/s, "").trimEnd())
    .join("/");
}

function titleOf({
  kind: _kind,
  reaches: _reaches,
  ...request
}: Attack): string {
  const { method, target, version, lines, body } = request;
  const text = [`${method} ${target} ${version}`, ...lines, body]
    .filter(Boolean)
    .join(" | ");
  return JSON.stringify(text).slice(1, 120);
}
