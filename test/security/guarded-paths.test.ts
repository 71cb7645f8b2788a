/** Who guards by path is not passed by: no spelling of a guarded path reaches the resource server without its guard. */
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import fc from "fast-check";

import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { rawExchange, type RawAnswer } from "../support/raw-exchange.js";
import {
  recordingServer,
  type RecordingServer,
} from "../support/recording-server.js";

const MFA = "urn:example:mfa";

let w: LyingWorld;
let api: RecordingServer;
let cookie: string;

beforeAll(async () => {
  api = await recordingServer();
  const url = api.url;
  w = await lyingWorld({
    kit: {
      resourceServers: {
        bank: { url: `${url}/v1` },
        matrix: { url: `${url}/m`, allowSemicolonsInPaths: true },
        tree: { url: `${url}/t`, allowEncodedSlashesInPaths: true },
      },
    },
    routes(app, kit) {
      const stronger = kit.requireAuth({ acr: [MFA] });
      for (const [path, name] of [
        ["/api", "bank"],
        ["/matrix", "matrix"],
        ["/tree", "tree"],
      ] as const) {
        app.use(`${path}/payments`, stronger);
        app.use(`${path}/users/:id/keys`, stronger);
        app.use(path, kit.requireAuth(), kit.forward(name));
      }
    },
  });
  const browser = await w.signIn("alice");
  cookie = await browser.jar.getCookieString(w.url);
});
afterAll(() => Promise.all([w.close(), api.close()]));
beforeEach(() => {
  api.requests.length = 0;
});

function get(target: string): Promise<RawAnswer> {
  const { host } = new URL(w.url);
  return rawExchange(
    w.url,
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n`,
  );
}

/** What a lenient server does to a path before it looks for a route, one thing after another. */
const LENIENCES: readonly ((path: string) => string)[] = [
  (path) => path.replace(/;[^/]*/g, ""),
  decode,
  (path) => path.replace(/;[^/]*/g, ""),
  decode,
  (path) =>
    Array.from(path)
      .filter((char) => !isInvisible(char.codePointAt(0) ?? 0))
      .join(""),
  (path) => path.normalize("NFKC"),
  (path) => path.replace(/[?#\0;].*/s, ""),
  (path) => path.replaceAll("\\", "/"),
  (path) =>
    path.replace(/[\s.\u0085]+(?=\/|$)/g, (end) =>
      /^\.{1,2}$/.exec(end) ? end : "",
    ),
  (path) => path.replace(/\/\s+/g, "/"),
  resolveDots,
];

/** Invisible characters by number, not by Unicode's own list: written otherwise than in lib/. */
function isInvisible(code: number): boolean {
  return (
    [
      0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x180e, 0x3164, 0xfeff, 0xffa0,
    ].includes(code) ||
    [
      [0x200b, 0x200f],
      [0x202a, 0x202e],
      [0x2060, 0x206f],
      [0xfe00, 0xfe0f],
      [0xe0000, 0xe0fff],
    ].some(([first = 0, last = 0]) => code >= first && code <= last)
  );
}

function decode(path: string): string {
  const bytes = path.replace(
    /%(?:u00)?([0-9a-f]{2})|\P{ASCII}+/giu,
    (text, hex: string | undefined) =>
      hex === undefined
        ? Buffer.from(text).toString("latin1")
        : String.fromCharCode(parseInt(hex, 16)),
  );
  return (
    Buffer.from(bytes, "latin1")
      .toString()
      // Overlong dots and slashes are replaced by the decoder; lax ones know them.
      .replaceAll("\ufffd", "")
  );
}

function resolveDots(path: string): string {
  const resolved: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") resolved.pop();
    else if (segment !== "" && segment !== ".") resolved.push(segment);
  }
  return `/${resolved.join("/")}`;
}

/** Every reading of a request target: with each choice of what is done to it, in this order. */
function readings(target: string): Set<string> {
  let read = new Set([target.replace(/\?.*/s, "")]);
  for (const lenience of LENIENCES) {
    read = new Set([...read, ...[...read].map(lenience)]);
  }
  return new Set(
    [...read].flatMap((path) => [
      path.toLowerCase(),
      path.normalize("NFKC").toLowerCase(),
    ]),
  );
}

const GUARDED = /^\/[^/]+\/(?:payments|users\/[^/]+\/keys)(?:\/|$)/;

/** Targets that some server could read as a guarded path. */
function passedBy(): string[] {
  return api.requests
    .map(({ target }) => target)
    .filter((target) =>
      [...readings(target)].some((path) => GUARDED.test(path)),
    );
}

describe("without a spelling", () => {
  test.each([
    "/api/payments",
    "/api/payments/17?x=1",
    "/API/PAYMENTS/",
    "/api/users/17/keys",
  ])("the guard stops %s", async (target) => {
    const { text } = await get(target);
    expect(text).toContain("ERR_STRONGER_LOGIN_REQUIRED");
    expect(api.requests).toEqual([]);
  });

  test.each([
    "/api/orders",
    "/api/payments-due",
    "/api/users/17",
    "/api/orders/caf%C3%A9%20au%20lait",
    "/api/orders/me%40shop.example",
  ])("and %s goes through", async (target) => {
    expect((await get(target)).statuses).toEqual([200]);
    expect(api.requests).toHaveLength(1);
    expect(passedBy()).toEqual([]);
  });
});

const SPELLINGS = [
  "%70ayments",
  "%50ayments",
  "payment%73",
  "p%61yments",
  "%70%61%79%6d%65%6e%74%73",
  "%2570ayments",
  "%u0070ayments",
  "payments;v=1",
  "payments;",
  ";payments",
  ";/payments",
  ";x=1/payments",
  "payments%3bv=1",
  "payments%3Bx/17",
  "payments%CD%BEx",
  "payments%EF%BC%9Bx",
  "payments%20",
  "payments%20/17",
  "%20payments",
  "payments.",
  "payments./17",
  "payments..",
  "payments%2e",
  "payments%C2%A0",
  "payments%E3%80%80",
  "payments%E2%80%A8",
  "payments%E1%9A%80",
  "payments%C2%85",
  "payments%00",
  "payments%00.json",
  "payments%09",
  "payments%0a",
  "payments%3f",
  "payments%3Fx/y",
  "payments%23",
  "payments%2f",
  "payments%2F17",
  "payments%5c17",
  "%2fpayments",
  "%5cpayments",
  "/payments",
  "//payments",
  "./payments",
  "x/../payments",
  "%2e/payments",
  "x/%2e%2e/payments",
  "x/..%2fpayments",
  "x%2f..%2fpayments",
  "x/..;/payments",
  "x/%20../payments",
  "x/..%20/payments",
  "x/.%C2%AD./payments",
  "%C2%AD./payments",
  ".%C2%AD/payments",
  "x/%EF%BC%8E%EF%BC%8E/payments",
  "%EF%BC%8E/payments",
  "x/%E2%80%A5/payments",
  "%E2%80%A4/payments",
  "x%EF%BC%8F..%EF%BC%8Fpayments",
  "%EF%BC%8Fpayments",
  "payments%EF%BC%8F17",
  "payments%EF%BC%BC17",
  "%EF%BD%90ayments",
  "%F0%9D%90%A9ayments",
  "%E2%93%9Fayments",
  "%EF%BC%B0%EF%BC%A1yments",
  "payment%C5%BF",
  "p%C2%ADayments",
  "%E2%80%8Bpayments",
  "payments%E2%80%8B",
  "%EF%BB%BFpayments",
  "payments%EF%B8%8F",
  "pay%E2%81%A0ments",
  "p%E1%85%9Fayments",
  "%E3%85%A4payments",
  "payments%EF%BC%9Fx",
  "payments%EF%BC%83x",
  "%C0%AE/payments",
  "%C0%AFpayments",
  "payments%C0%80",
  "payments%E0%80%AF17",
  "payments%",
  "payments%zz",
  "payments\\17",
  "\\payments",
  "payments#17",
  "%CE%A1ayments",
  "payments%F3%A0%81%BF",
  "users/17/%6beys",
  "users/17%2fx/keys",
  "users/17%2fkeys",
  "users%2f17/keys",
  "users/17;x/keys;y",
  "users;x/17/keys",
  "users/%2e/17/keys",
  "%75sers/17/keys",
  "users/17/keys.",
  "users/17/k%C2%ADeys",
  "users/17/%EF%BD%8Beys",
  "users//17/keys",
];

describe("BFF-21: a guard on a path is not passed by with", () => {
  test.each(SPELLINGS)("/api/%s", async (spelling) => {
    await get(`/api/${spelling}`);
    expect(passedBy()).toEqual([]);
  });

  test("2,000 made ones", async () => {
    const letter = (char: string): fc.Arbitrary<string> =>
      fc.oneof(
        { weight: 12, arbitrary: fc.constant(char) },
        fc.constantFrom(
          char.toUpperCase(),
          encoded(char),
          encoded(encoded(char)[0] ?? "") + encoded(char).slice(1),
          wide(char),
          encodeURIComponent("\u00ad") + char,
          `${char}%E2%80%8D`,
          // Other names, so that not everything is refused.
          "%C3%A9",
          `${char}-`,
        ),
      );
    const word = (text: string): fc.Arbitrary<string> =>
      fc.tuple(...Array.from(text, letter)).map((chars) => chars.join(""));
    const joint = fc.oneof(
      { weight: 6, arbitrary: fc.constant("/") },
      fc.constantFrom(
        ...[
          "//",
          "/./",
          "/x/../",
          "/%2e/",
          "/;/",
          "/;a/",
          ";a/",
          "%2f",
          "%5c",
          "\\",
          "/%20",
          "%20/",
          "./",
          "%EF%BC%8F",
          "/.%C2%AD/",
          "/x/..%20/",
          "/x/%C2%AD../",
          "%3f/",
          "/%EF%BC%8E/",
        ],
      ),
    );
    const end = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom("", "/", "/17", "?x=1") },
      fc.constantFrom(
        ...[
          ";",
          ";v=1",
          "%3b",
          ".",
          "%20",
          "%00",
          "%3f",
          "%23",
          "%2f",
          "%C2%A0",
          "%EF%BC%9B",
          "..",
          "/..",
          "/%2e",
          "%",
        ],
      ),
    );
    const target = fc
      .oneof(
        fc.tuple(joint, word("payments"), end),
        fc.tuple(
          joint,
          word("users"),
          joint,
          fc.constantFrom("17", "a%20b", "caf%C3%A9"),
          joint,
          word("keys"),
          end,
        ),
      )
      .map((parts) => `/api${parts.join("")}`);
    let arrived = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(target, { minLength: 20, maxLength: 20 }),
        async (targets) => {
          api.requests.length = 0;
          await Promise.all(targets.map(get));
          arrived += api.requests.length;
          expect(passedBy()).toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
    expect(arrived).toBeGreaterThan(0);
  });
});

describe("what an option opens, it opens for guards by path too:", () => {
  test.each([
    ["allowSemicolonsInPaths", "/matrix/payments;v=1", "/m/payments;v=1"],
    ["allowEncodedSlashesInPaths", "/tree/payments%2F17", "/t/payments%2F17"],
  ])("%s: %s", async (_option, target, reached) => {
    await get(target);
    expect(api.requests.map((request) => request.target)).toEqual([reached]);
    expect(passedBy()).toEqual([reached]);
  });
});

function encoded(char: string): string {
  return `%${char.charCodeAt(0).toString(16)}`;
}

/** The fullwidth form of a letter, encoded. */
function wide(char: string): string {
  return encodeURIComponent(String.fromCharCode(char.charCodeAt(0) + 0xfee0));
}
