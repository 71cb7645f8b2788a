/** Which headers `forward` passes on, in either direction. */
import { afterEach, describe, expect, test } from "@jest/globals";

import { createLoginKit, ConfigError } from "../../lib/index.js";
import {
  forwardWorld,
  type ForwardWorld,
  type ForwardWorldOptions,
} from "../support/forward-world.js";
import { rawExchange } from "../support/raw-exchange.js";

let w: ForwardWorld;
afterEach(() => w.close());

async function start(options?: ForwardWorldOptions): Promise<void> {
  w = await forwardWorld(options);
}

type HeaderLines = Readonly<Record<string, string | readonly string[]>>;

/** Lets the resource server answer with these headers. */
function answerWith(headers: HeaderLines): void {
  w.api.answer = (_req, res) => {
    for (const [name, value] of Object.entries(headers)) {
      res.setHeader(name, value);
    }
    res.end("{}");
  };
}

/** The headers that the browser gets when the resource server sends these. */
async function received(headers: HeaderLines): Promise<Headers> {
  answerWith(headers);
  const answer = await w.fetch("/orders");
  expect(answer.status).toBe(200);
  return answer.headers;
}

/** The headers that the resource server gets when the browser sends these. */
async function sent(
  headers: Readonly<Record<string, string>>,
): Promise<Record<string, string | string[] | undefined>> {
  w.api.requests.length = 0;
  const answer = await w.fetch("/orders", { headers });
  expect(answer.status).toBe(200);
  return { ...w.api.requests[0]?.headers };
}

describe("to the resource server", () => {
  const common = {
    accept: "application/json",
    "accept-encoding": "gzip",
    "accept-language": "de",
    "if-none-match": '"1"',
    "if-match": '"2"',
    "if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT",
    "if-unmodified-since": "Thu, 01 Jan 1970 00:00:01 GMT",
    "if-range": '"3"',
    range: "bytes=0-1",
    prefer: "return=minimal",
    "idempotency-key": "17",
    "last-event-id": "4",
    "user-agent": "Tea/1",
    "x-request-id": "42",
  };

  test("content negotiation, conditions, ranges and names of requests", async () => {
    await start();
    expect(await sent(common)).toMatchObject(common);
  });

  test("requestHeaders: what it names, and nothing else of its kind", async () => {
    await start({ server: { requestHeaders: ["X-Tenant", "accept-charset"] } });
    const headers = await sent({
      "X-TENANT": "tea",
      "Accept-Charset": "utf-8",
      "X-Tenants": "all",
      "X-Other": "1",
    });
    expect(headers).toMatchObject({
      "x-tenant": "tea",
      "accept-charset": "utf-8",
    });
    expect(headers).not.toHaveProperty("x-tenants");
    expect(headers).not.toHaveProperty("x-other");
  });

  // Shows: ASVS 4.2.3
  test("RFC 9110 7.6.1: not what Connection names, be it on a list or not", async () => {
    const { statuses, headers } = await connectionNames("close , X-Hop,TE");
    expect(statuses).toEqual([200]);
    expect(headers).toHaveProperty("accept", "text/plain");
    for (const name of ["x-hop", "keep-alive", "te"]) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test.each(["X-Tenant", "ACCEPT-LANGUAGE", "content-length", "host"])(
    "RFC 9110 7.6.1: a Connection that names %s, which is not for one hop, is refused",
    async (name) => {
      const { statuses, headers } = await connectionNames(`close, ${name}`);
      expect(statuses).toEqual([400]);
      expect(headers).toBeUndefined();
    },
  );

  async function connectionNames(names: string) {
    await start({ server: { requestHeaders: ["x-tenant"] } });
    const cookie = await w.browser.jar.getCookieString(w.url);
    const { statuses } = await rawExchange(
      w.url,
      [
        "GET /api/orders HTTP/1.1",
        "Host: x",
        `Cookie: ${cookie}`,
        "Sec-Fetch-Site: same-origin",
        `Connection: ${names}`,
        "X-Tenant: tea",
        "X-Hop: 1",
        "Accept-Language: de",
        "Accept: text/plain",
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "\r\n",
      ].join("\r\n"),
    );
    return { statuses, headers: w.api.requests[0]?.headers };
  }

  // Shows: F2-04, ASVS 14.2.1
  test("BT-01, BT-03: the token once, in the Authorization header, and never in the address", async () => {
    await start();
    const headers = await sent({ Authorization: "Bearer of-the-browser" });
    const token = /^Bearer (?<token>[0-9a-f-]{36})$/.exec(
      String(headers["authorization"]),
    )?.groups?.["token"];
    expect(token).toBeDefined();
    const [request] = w.api.requests;
    expect(request?.target).toBe("/v1/orders");
    expect(JSON.stringify(request).split(String(token))).toHaveLength(2);
  });

  // Shows: BT-06, ASVS 10.1.1
  test("BFF-03: nothing of the answer tells the browser the token", async () => {
    await start();
    const answer = await w.fetch("/orders");
    const token = String(w.api.requests[0]?.headers.authorization).slice(7);
    const seen = `${JSON.stringify([...answer.headers])}${await answer.text()}${await w.browser.jar.getCookieString(w.url)}`;
    expect(token).toHaveLength(36);
    expect(seen).not.toContain(token);
  });
});

describe("W3C Trace Context", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  test("traceparent and tracestate are passed on", async () => {
    await start();
    const tracestate = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7";
    expect(await sent({ traceparent, tracestate })).toMatchObject({
      traceparent,
      tracestate,
    });
  });

  test("without one there is none", async () => {
    await start();
    const headers = await sent({ tracestate: "of=nothing" });
    expect(headers).not.toHaveProperty("traceparent");
    expect(headers).not.toHaveProperty("tracestate");
  });

  test.each([
    ["another version", traceparent.replace(/^00/, "ff")],
    ["a trace id of zeros", `00-${"0".repeat(32)}-b7ad6b7169203331-01`],
    ["a parent id of zeros", `00-${"a".repeat(32)}-${"0".repeat(16)}-01`],
    ["capital letters", traceparent.toUpperCase()],
    ["too short", traceparent.slice(0, -1)],
    ["too long", `${traceparent}-x`],
    ["two of them", `${traceparent}, ${traceparent}`],
    ["a text", "planted"],
    ["nothing", ""],
    ["something after a tab", `${traceparent}\tX`],
  ])(
    "a malformed traceparent (%s) is not passed on",
    async (_what, malformed) => {
      await start();
      const headers = await sent({
        traceparent: malformed,
        tracestate: "planted=1",
      });
      expect(headers).not.toHaveProperty("traceparent");
      expect(headers).not.toHaveProperty("tracestate");
    },
  );
});

describe("BFF-24: tellClientAddress", () => {
  const forged = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Port": "1",
    Forwarded: "for=6.6.6.6;host=evil.example",
    "X-Real-IP": "6.6.6.6",
  };

  async function told(
    trustProxy: unknown,
    headers: Readonly<Record<string, string>>,
  ) {
    await start({
      server: { tellClientAddress: true },
      before(app) {
        if (trustProxy !== undefined) app.set("trust proxy", trustProxy);
      },
    });
    const got = await sent(headers);
    return Object.fromEntries(
      Object.entries(got).filter(([name]) => /forwarded|real-ip/.test(name)),
    );
  }

  const ours = (address: string, node = address) => {
    const { host } = new URL(w.url);
    return {
      forwarded: `for=${node};host="${host}";proto=http`,
      "x-forwarded-for": address,
      "x-forwarded-host": host,
      "x-forwarded-proto": "http",
    };
  };

  // Shows: ASVS 4.1.3
  test("is off: nothing is told, and nothing that the browser claims is passed on", async () => {
    await start();
    const headers = await sent(forged);
    expect(
      Object.keys(headers).filter((name) => /forward|real/.test(name)),
    ).toEqual([]);
  });

  // Shows: BCP-19, BFF-24, ASVS 4.1.3, 15.3.4
  test("is on: the address of the connection, and our own host; forged headers count for nothing", async () => {
    expect(await told(undefined, forged)).toEqual(ours("127.0.0.1"));
  });

  // Shows: ASVS 15.3.4
  test("behind a trusted proxy: the address that it names", async () => {
    const headers = { ...forged, "X-Forwarded-For": "6.6.6.6, 203.0.113.7" };
    expect(await told("loopback", headers)).toEqual(ours("203.0.113.7"));
  });

  test("RFC 7239 6: an IPv6 address in brackets and quotes", async () => {
    const headers = { ...forged, "X-Forwarded-For": "2001:db8::17" };
    expect(await told("loopback", headers)).toEqual(
      ours("2001:db8::17", '"[2001:db8::17]"'),
    );
  });

  test.each([
    '6.6.6.6";host="evil.example',
    "6.6.6.6;host=evil.example",
    "6.6.6.6;proto=https;by=evil",
    "unknown",
    "_hidden",
  ])(
    "what the proxy took over from a client adds no parameter to Forwarded: %s",
    async (claim) => {
      const headers = { ...forged, "X-Forwarded-For": claim };
      const got = await told(true, headers);
      const { host } = new URL(w.url);
      // One node, which is a token or a quoted text, then our own words.
      expect(got["forwarded"]).toMatch(
        new RegExp(
          `^for=(?:[\\w.-]+|"(?:[^"\\\\]|\\\\.)*");host="${host}";proto=http$`,
        ),
      );
    },
  );
});

describe("to the browser", () => {
  test("what describes the answer", async () => {
    await start();
    const headers = {
      "accept-patch": "application/json-patch+json",
      "accept-ranges": "bytes",
      age: "1",
      allow: "GET",
      "content-disposition": "attachment; filename=x",
      "content-language": "de",
      "content-type": "application/json",
      deprecation: "@1",
      etag: '"1"',
      expires: "0",
      "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT",
      link: "</next>; rel=next",
      location: "/v1/orders/17",
      "preference-applied": "return=minimal",
      "retry-after": "3",
      sunset: "Thu, 01 Jan 1970 00:00:00 GMT",
      "x-request-id": "42",
    };
    expect(Object.fromEntries(await received(headers))).toMatchObject(headers);
  });

  test("nothing that speaks for the whole origin, for the connection, or about the server", async () => {
    await start();
    const headers = {
      "access-control-allow-origin": "*",
      "access-control-allow-credentials": "true",
      "alt-svc": 'h3=":443"',
      authorization: "Bearer planted",
      "clear-site-data": '"*"',
      "content-security-policy-report-only": "default-src 'none'",
      "cross-origin-opener-policy": "unsafe-none",
      "keep-alive": "timeout=1000",
      nel: "{}",
      "origin-agent-cluster": "?0",
      "permissions-policy": "camera=*",
      "proxy-authenticate": "Basic",
      "public-key-pins": "x",
      refresh: "0; url=https://evil.example",
      "report-to": "{}",
      server: "api/1",
      "service-worker-allowed": "/",
      "set-login": "logged-in",
      sourcemap: "/x",
      "strict-transport-security": "max-age=0",
      "timing-allow-origin": "*",
      upgrade: "h2c",
      via: "1.1 x",
      "www-authenticate": "Basic",
      "x-accel-redirect": "/secret",
      "x-frame-options": "ALLOWALL",
      "x-powered-by": "api",
      "x-sendfile": "/etc/passwd",
    };
    const got = await received(headers);
    for (const [name, value] of Object.entries(headers)) {
      // Node's and Express's own are another matter.
      expect([name, got.get(name)]).not.toEqual([name, value]);
    }
  });

  test("responseHeaders: what it names", async () => {
    await start({ server: { responseHeaders: ["X-Total-Count"] } });
    const headers = await received({ "X-Total-Count": "17", "X-Total": "18" });
    expect(headers.get("x-total-count")).toBe("17");
    expect(headers.get("x-total")).toBeNull();
  });

  test("RFC 9110 7.6.1: not what Connection names", async () => {
    await start({ server: { responseHeaders: ["x-total-count"] } });
    const headers = await received({
      Connection: "close, X-Total-Count, ETag",
      "X-Total-Count": "17",
      ETag: '"1"',
      "Content-Language": "de",
    });
    expect(headers.get("x-total-count")).toBeNull();
    expect(headers.get("etag")).toBeNull();
    expect(headers.get("content-language")).toBe("de");
  });

  test("RFC 9110 7.6.1: of what decides about caches and cookies neither", async () => {
    await start({
      server: { cookies: ["taste"] },
      forward: { keepsCaching: true },
    });
    const headers = await received({
      Connection: "close, Vary, Set-Cookie, Content-Length",
      "Cache-Control": "public, max-age=60",
      Vary: "Accept",
      "Set-Cookie": "taste=tea",
    });
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("vary")).toBe("Cookie, Sec-Fetch-Dest");
    expect(headers.getSetCookie()).toEqual([]);
  });

  test.each([
    ["set-cookie"],
    ["Access-Control-Allow-Origin"],
    ["Content-Security-Policy"],
    ["Cache-Control"],
    ["Vary"],
    ["Clear-Site-Data"],
    ["Transfer-Encoding"],
    ["WWW-Authenticate"],
  ])("responseHeaders cannot name %s", async (name) => {
    await start();
    expectRefused({ responseHeaders: [name] });
  });

  test.each([
    ["authorization"],
    ["Cookie"],
    ["DPoP"],
    ["Host"],
    ["Origin"],
    ["Forwarded"],
    ["X-Forwarded-For"],
    ["X-Forwarded-Anything"],
    ["X-Real-IP"],
    ["Proxy-Authorization"],
    ["Connection"],
    ["Transfer-Encoding"],
    ["Content-Length"],
    ["TE"],
    ["Upgrade"],
    ["Expect"],
    ["Sec-Fetch-Site"],
    ["x-csrf-protection"],
    ["traceparent"],
  ])("requestHeaders cannot name %s", async (name) => {
    await start();
    expectRefused({ requestHeaders: [name] });
  });

  function expectRefused(
    server: NonNullable<ForwardWorldOptions["server"]>,
  ): void {
    expect(() =>
      createLoginKit({
        issuer: w.provider.issuer,
        clientId: "shop",
        clientSecret: "secret",
        baseUrl: w.url,
        session: { secret: "a session secret of thirty-two characters" },
        resourceServers: { orders: { url: w.api.url, ...server } },
      }),
    ).toThrow(ConfigError);
  }

  test("a header in UTF-8 costs neither the answer nor a connection", async () => {
    await start({ server: { maxConnections: 1 } });
    const disposition = 'attachment; filename="日本.pdf"';
    w.api.answer = (_req, res) => {
      w.api.answer = undefined;
      res.socket?.end(
        `HTTP/1.1 200 OK\r\nContent-Disposition: ${disposition}\r\nLink: <€>\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok`,
      );
    };
    const answer = await w.fetch("/utf-8");
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe("ok");
    const bytes = String(answer.headers.get("content-disposition"));
    expect(Buffer.from(bytes, "latin1").toString()).toBe(disposition);
    expect((await w.fetch("/orders")).status).toBe(200);
  });
});

describe("cookies of the resource server", () => {
  test("BFF-23: none without the option", async () => {
    await start();
    const headers = await received({ "Set-Cookie": ["taste=tea", "a=b"] });
    expect(headers.getSetCookie()).toEqual([]);
  });

  test("the named ones, as they are, and no other", async () => {
    await start({ server: { cookies: ["taste", "size"] } });
    const kept = [
      "taste=tea; Path=/; HttpOnly; SameSite=Strict",
      "size=",
      "taste = two",
    ];
    const headers = await received({
      "Set-Cookie": [
        ...kept,
        "session=planted",
        "__Host-session=planted; Secure; Path=/",
        "tastes=1",
        "tast=1",
        "Taste=1",
        "x; taste=1",
        "=taste",
        "x=taste=1",
        "tastex",
      ],
    });
    expect(headers.getSetCookie()).toEqual(kept);
  });

  test("a single one is treated the same", async () => {
    await start({ server: { cookies: ["taste"] } });
    const one = await received({ "Set-Cookie": "taste=tea" });
    expect(one.getSetCookie()).toEqual(["taste=tea"]);
    const other = await received({ "Set-Cookie": "session=planted" });
    expect(other.getSetCookie()).toEqual([]);
    expect(await w.statusFor(w.browser)).toBe(200);
  });
});

describe("ASVS 14.3.2: caches", () => {
  test.each([
    [undefined, "no-store"],
    ["", "no-store"],
    ["max-age=60", "no-store"],
    ["public", "no-store"],
    ["s-maxage=60, private", "s-maxage=60, private"],
    ["private", "private"],
    ["Private, Max-Age=60", "Private, Max-Age=60"],
    ["no-store", "no-store"],
    ["no-store, max-age=0", "no-store, max-age=0"],
    ["no-cache", "no-store"],
    ["private, public", "no-store"],
    ['private="set-cookie"', "no-store"],
  ])("Cache-Control: %s becomes %s", async (value, expected) => {
    await start();
    const headers = await received(
      value === undefined ? {} : { "Cache-Control": value },
    );
    expect(headers.get("cache-control")).toBe(expected);
  });

  test.each([
    ["public, max-age=60", "public, max-age=60"],
    [undefined, "no-store"],
  ])("keepsCaching: %s becomes %s", async (value, expected) => {
    await start({ forward: { keepsCaching: true } });
    const headers = await received(
      value === undefined ? {} : { "Cache-Control": value },
    );
    expect(headers.get("cache-control")).toBe(expected);
  });

  test.each([
    [undefined, "Cookie, Sec-Fetch-Dest"],
    [
      "Accept, Accept-Encoding",
      "Accept, Accept-Encoding, Cookie, Sec-Fetch-Dest",
    ],
  ])("Vary: %s becomes %s", async (value, expected) => {
    await start({ forward: { keepsCaching: true } });
    const headers = await received(value === undefined ? {} : { Vary: value });
    expect(headers.get("vary")).toBe(expected);
  });
});

describe("markup of a resource server", () => {
  test("is sandboxed, stays with our own pages, and is not sniffed, whatever the resource server says", async () => {
    await start();
    const headers = await received({
      "Content-Type": "text/html",
      "Content-Security-Policy": "default-src *",
      "Cross-Origin-Resource-Policy": "cross-origin",
      "X-Content-Type-Options": "sniff",
    });
    expect(headers.get("content-type")).toBe("text/html");
    expect(headers.get("content-security-policy")).toBe(
      "sandbox; default-src 'none'",
    );
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });
});
