/** Bodies pass through `forward` byte by byte, in both directions. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";

import {
  afterEach,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import express from "express";

import { leaveEmptyBody } from "../support/empty-body.js";
import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { type RawAnswer, rawExchange } from "../support/raw-exchange.js";

let w: ForwardWorld;
beforeEach(async () => {
  w = await forwardWorld();
});
afterEach(() => w.close());

/** A request whose bytes the test writes. */
async function raw(
  head: string,
  lines: readonly string[] = [],
  body: string | Buffer = "",
): Promise<RawAnswer> {
  return rawExchange(w.url, await rawText(head, lines, body));
}

async function rawText(
  head: string,
  lines: readonly string[],
  body: string | Buffer,
): Promise<string> {
  const cookie = await w.browser.jar.getCookieString(w.url);
  return [
    `${head} HTTP/1.1`,
    "Host: x",
    `Cookie: ${cookie}`,
    "Sec-Fetch-Site: same-origin",
    "Connection: close",
    ...lines,
    "",
    typeof body === "string" ? body : body.toString("latin1"),
  ].join("\r\n");
}

describe("to the browser", () => {
  test("RFC 9110 14: a range is asked for and answered by the resource server", async () => {
    w.api.answer = (_req, res) => {
      res.writeHead(206, { "Content-Range": "bytes 2-5/10" }).end("2345");
    };
    const answer = await w.fetch("/file", { headers: { Range: "bytes=2-5" } });
    expect(w.api.requests[0]?.headers.range).toBe("bytes=2-5");
    expect(answer.status).toBe(206);
    expect(answer.headers.get("content-range")).toBe("bytes 2-5/10");
    expect(await answer.text()).toBe("2345");
  });

  test("RFC 9110 13: a condition is judged by the resource server, and 304 keeps its ETag", async () => {
    w.api.answer = (_req, res) => {
      res.writeHead(304, { ETag: '"1"' }).end();
    };
    const answer = await w.fetch("/file", {
      headers: { "If-None-Match": '"1"' },
    });
    expect(w.api.requests[0]?.headers["if-none-match"]).toBe('"1"');
    expect(answer.status).toBe(304);
    expect(answer.headers.get("etag")).toBe('"1"');
  });

  test("a compressed answer stays compressed, and its length is told", async () => {
    const compressed = gzipSync("tea ".repeat(1000));
    w.api.answer = (_req, res) => {
      res
        .writeHead(200, {
          "Content-Encoding": "gzip",
          "Content-Length": compressed.length,
        })
        .end(compressed);
    };
    const { text } = await raw("GET /api/file", ["Accept-Encoding: gzip, br"]);
    const [head = ""] = text.split("\r\n\r\n");
    expect(w.api.requests[0]?.headers["accept-encoding"]).toBe("gzip, br");
    expect(head).toMatch(/^content-encoding: gzip$/im);
    expect(head).toMatch(
      new RegExp(`^content-length: ${compressed.length}$`, "im"),
    );
    expect(text.endsWith(compressed.toString("latin1"))).toBe(true);
  });

  test("an answer of 5 MB arrives as it was", async () => {
    const body = randomBytes(5_000_000);
    w.api.answer = (_req, res) => {
      res.end(body);
    };
    const answer = await w.fetch("/file");
    const received = Buffer.from(await answer.arrayBuffer());
    expect(digest(received)).toBe(digest(body));
  });

  test("HEAD: what GET would say, and no body", async () => {
    w.api.answer = (_req, res) => {
      res.writeHead(200, { "Content-Length": "17", ETag: '"1"' }).end();
    };
    const { statuses, text } = await raw("HEAD /api/file");
    expect(w.api.requests[0]?.method).toBe("HEAD");
    expect(statuses).toEqual([200]);
    expect(text).toMatch(/^content-length: 17\r$/im);
    expect(text).toMatch(/\r\n\r\n$/);
  });

  test("RFC 9110 6.5.1: trailers are dropped", async () => {
    w.api.answer = (_req, res) => {
      res.writeHead(200, { Trailer: "Set-Cookie, X-Sum" });
      res.write("tea");
      res.addTrailers({ "Set-Cookie": "session=planted", "X-Sum": "1" });
      res.end();
    };
    const { text } = await raw("GET /api/file");
    expect(text).toContain("\r\n\r\n3\r\ntea\r\n0\r\n\r\n");
    expect(text).not.toMatch(/planted|X-Sum/i);
  });

  test("RFC 8297: early hints stay behind, and the answer comes", async () => {
    w.api.answer = (_req, res) => {
      res.writeEarlyHints({ link: "</x.css>; rel=preload" });
      res.end("tea");
    };
    const { statuses } = await raw("GET /api/file");
    expect(statuses).toEqual([200]);
  });

  test.each(["000", "99", "099", "1000", "-200", "2x0", "abc", ""])(
    "the status %j is none: 502",
    async (status) => {
      w.api.answer = (_req, res) => {
        res.socket?.end(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
      };
      expect((await w.fetch("/file")).status).toBe(502);
      w.api.answer = undefined;
      expect((await w.fetch("/file")).status).toBe(200);
    },
  );

  test("a switch of protocols that nobody asked for is 502", async () => {
    w.api.answer = (_req, res) => {
      res.socket?.end(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
      );
    };
    expect((await w.fetch("/file")).status).toBe(502);
  });

  test.each([
    201, 202, 205, 207, 300, 307, 308, 402, 404, 409, 410, 418, 422, 429, 451,
    500, 501, 503, 511, 599,
  ])("status %d is passed on", async (status) => {
    w.api.answer = (_req, res) => {
      res.writeHead(status).end();
    };
    const answer = await w.fetch("/file");
    expect(answer.status).toBe(status);
  });
});

describe("to the resource server", () => {
  // Shows: ASVS 4.2.2
  test.each(["POST", "PUT", "PATCH", "DELETE"])(
    "%s: a body of 5 MB arrives as it was",
    async (method) => {
      // Printable, as the test browser takes texts only.
      const body = randomBytes(2_500_000).toString("hex");
      const answer = await w.fetch("/file", {
        method,
        body,
        // Node's client names no length with a DELETE.
        headers: { "Content-Length": String(body.length) },
      });
      expect(answer.status).toBe(200);
      expect(digest(w.api.requests[0]?.body)).toBe(digest(body));
    },
  );

  test("a compressed body stays compressed", async () => {
    const compressed = gzipSync("tea");
    const received: Buffer[] = [];
    w.api.arriving = (req) => {
      req.on("data", (chunk: Buffer) => received.push(chunk));
    };
    const { statuses } = await raw(
      "POST /api/file",
      ["Content-Encoding: gzip", `Content-Length: ${compressed.length}`],
      compressed,
    );
    expect(statuses).toEqual([200]);
    expect(w.api.requests[0]?.headers).toMatchObject({
      "content-encoding": "gzip",
      "content-length": String(compressed.length),
    });
    expect(gunzipSync(Buffer.concat(received)).toString()).toBe("tea");
  });

  test("a body in chunks of unknown length arrives, without its trailers", async () => {
    const { statuses } = await raw(
      "POST /api/file",
      ["Transfer-Encoding: chunked", "Trailer: Cookie"],
      "3\r\ntea\r\n2;x=1\r\n42\r\n0\r\nCookie: session=planted\r\n\r\n",
    );
    expect(statuses).toEqual([200]);
    expect(w.api.requests[0]).toMatchObject({ body: "tea42" });
    expect(w.api.requests[0]?.headers).not.toHaveProperty("trailer");
    expect(w.api.requests[0]?.headers).not.toHaveProperty("cookie");
  });

  // Shows: ASVS 4.2.2
  test.each(["GET", "HEAD"])(
    "RFC 9110 9.3.1: a body of a %s is left behind",
    async (method) => {
      const { statuses } = await raw(
        `${method} /api/file`,
        ["Content-Length: 3", "Content-Type: text/plain"],
        "tea",
      );
      expect(statuses).toEqual([200]);
      expect(w.api.requests).toHaveLength(1);
      expect(w.api.requests[0]?.body).toBe("");
      for (const name of ["content-length", "content-type"]) {
        expect(w.api.requests[0]?.headers).not.toHaveProperty(name);
      }
    },
  );

  test("a POST without a body has none", async () => {
    const { statuses } = await raw("POST /api/file", ["Content-Length: 0"]);
    expect(statuses).toEqual([200]);
    expect(w.api.requests[0]).toMatchObject({ method: "POST", body: "" });
    expect(w.api.requests[0]?.headers).not.toHaveProperty("transfer-encoding");
  });

  test("RFC 9110 10.1.1: Expect: 100-continue is answered here, and not passed on", async () => {
    const { hostname, port } = new URL(w.url);
    const socket = connect(Number(port), hostname);
    socket.setEncoding("latin1");
    socket.write(
      await rawText(
        "POST /api/file",
        ["Expect: 100-continue", "Content-Length: 3"],
        "",
      ),
    );
    const [interim] = (await once(socket, "data")) as [string];
    expect(interim).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    expect(w.api.requests).toEqual([]);
    socket.write("tea");
    const [final] = (await once(socket, "data")) as [string];
    expect(final).toMatch(/^HTTP\/1\.1 200 /);
    expect(w.api.requests[0]).toMatchObject({ body: "tea" });
    expect(w.api.requests[0]?.headers).not.toHaveProperty("expect");
    socket.destroy();
  });

  test("an upload that the browser breaks off never looks whole", async () => {
    const { hostname, port } = new URL(w.url);
    const socket = connect(Number(port), hostname);
    const broken = new Promise<boolean>((resolve) => {
      w.api.arriving = (req) => {
        req.once("data", () => socket.destroy());
        req.on("close", () => {
          resolve(req.complete);
        });
        req.on("error", () => undefined);
      };
    });
    socket.write(
      await rawText(
        "POST /api/file",
        ["Content-Length: 200000"],
        "x".repeat(100_000),
      ),
    );
    expect(await broken).toBe(false);
    expect(w.api.requests).toEqual([]);
  });

  test("an answer before the end of the upload reaches the browser", async () => {
    w.api.arriving = (_req, res) => {
      res.writeHead(413).end("too much");
    };
    const answer = await w.fetch("/file", {
      method: "POST",
      body: "x".repeat(300_000),
    });
    expect(answer.status).toBe(413);
    expect(await answer.text()).toBe("too much");
  });
});

// Shows: ERR_BODY_ALREADY_READ
test("a body that a parser has read already is the application's mistake, and is told as such", async () => {
  await w.close();
  w = await forwardWorld({
    before(app) {
      app.use(express.json());
    },
  });
  const answer = await w.fetch("/file", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({
    code: "ERR_BODY_ALREADY_READ",
    remedy: expect.stringContaining("before app.use(express.json())"),
  });
  expect(w.api.requests).toEqual([]);
});

test("a parser before kit.forward is told of by the first request, which has no body", async () => {
  await w.close();
  const warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  try {
    w = await forwardWorld({
      before(app) {
        app.use("/api/parsed", express.json());
      },
    });
    const told = (): string[] =>
      warn.mock.calls.map(String).filter((text) => text.includes("parser"));
    expect((await w.fetch("/file")).status).toBe(200);
    expect(told()).toEqual([]);
    for (let round = 0; round < 2; round++) {
      expect((await w.fetch("/parsed")).status).toBe(200);
    }
    expect(told()).toEqual([
      expect.stringContaining("before app.use(express.json())"),
    ]);
  } finally {
    warn.mockRestore();
  }
});

test("the empty body that Express 4's parsers leave unread is no body of the application", async () => {
  await w.close();
  w = await forwardWorld({
    before(app) {
      app.use(leaveEmptyBody);
    },
  });
  expect((await w.fetch("/file")).status).toBe(200);
  await w.fetch("/file", { method: "POST", body: "tea" });
  expect(w.api.requests.map(({ body }) => body)).toEqual(["", "tea"]);
});

function digest(bytes: string | Buffer | undefined): string {
  return createHash("sha256")
    .update(bytes ?? "")
    .digest("hex");
}
