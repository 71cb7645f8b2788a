/** The resource server sees one request for each that is sent on, whatever says where its body ends. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";

import { listening } from "../../lib/testing/listening.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { rawExchange } from "../support/raw-exchange.js";

const METHODS = ["DELETE", "POST", "PUT", "PATCH"];

/** A body that is a request of its own to whoever does not know that it is a body. */
const HIDDEN =
  "GET /stolen HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer forged\r\n\r\n";

const received: { method: string; url: string; body: string }[] = [];
let w: LyingWorld;
let api: Awaited<ReturnType<typeof listening>>;
let cookie: string;

beforeAll(async () => {
  api = await listening();
  api.serve((req, res) => {
    let body = "";
    req.on("data", (chunk) => (body += String(chunk)));
    req.once("end", () => {
      received.push({ method: req.method ?? "", url: req.url ?? "", body });
      res.end("done\n");
    });
  });
  w = await lyingWorld({
    kit: { resourceServers: { orders: { url: `${api.url}/v1` } } },
    routes(app, kit) {
      app.use("/api", kit.requireAuth(), kit.forward("orders"));
    },
  });
  const browser = await w.signIn("alice");
  cookie = await browser.jar.getCookieString(w.url);
});
afterAll(async () => {
  await w.close();
  await api.close();
});
beforeEach(() => {
  received.length = 0;
});

/** Sends the request and then an ordinary one over the same connection. */
async function send(
  method: string,
  connection: string,
  framing: string,
  body: string,
): Promise<readonly number[]> {
  const head = (first: string): string =>
    `${first} HTTP/1.1\r\nHost: app.example\r\nCookie: ${cookie}\r\nx-csrf-protection: 1\r\n`;
  const answer = await rawExchange(
    w.url,
    `${head(`${method} /api/x`)}Connection: ${connection}\r\n${framing}\r\n\r\n${body}` +
      `${head("GET /api/last")}Connection: close\r\n\r\n`,
  );
  return answer.statuses;
}

/** By address: both are on their way at the same time. */
function inOrder() {
  return [...received].sort((one, other) => other.url.localeCompare(one.url));
}

const chunked = (body: string): string =>
  `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

// Shows: ERR_FORWARD_REQUEST_INVALID
test.each(
  METHODS.flatMap((method) =>
    [
      "content-length",
      "Keep-Alive, Content-Length",
      "transfer-encoding",
      "host",
      "content-type",
      "authorization",
      "x-csrf-protection",
      "if-match",
    ].map((connection) => [method, connection]),
  ),
)(
  "BFF-22: %s with Connection: %s is refused and never sent on",
  async (method, connection) => {
    const length = `Content-Length: ${String(HIDDEN.length)}`;
    const [status] = await send(method, connection, length, HIDDEN);
    expect(status).toBe(400);
    expect(received.filter(({ url }) => url !== "/v1/last")).toEqual([]);
  },
);

test.each(METHODS)(
  "BFF-22: a body of %s with a length is the body of one request",
  async (method) => {
    const length = `Content-Length: ${String(HIDDEN.length)}`;
    const statuses = await send(method, "keep-alive, x-hop", length, HIDDEN);
    expect(statuses).toEqual([200, 200]);
    expect(inOrder()).toEqual([
      { method, url: "/v1/x", body: HIDDEN },
      { method: "GET", url: "/v1/last", body: "" },
    ]);
  },
);

test.each(METHODS)(
  "BFF-22: a body of %s in chunks is the body of one request",
  async (method) => {
    const statuses = await send(
      method,
      "keep-alive, te",
      "Transfer-Encoding: chunked",
      chunked(HIDDEN),
    );
    expect(statuses).toEqual([200, 200]);
    expect(inOrder()).toEqual([
      { method, url: "/v1/x", body: HIDDEN },
      { method: "GET", url: "/v1/last", body: "" },
    ]);
  },
);

test.each(METHODS)(
  "BFF-22: a body of %s in another transfer coding is refused and never sent on",
  async (method) => {
    const [status] = await send(
      method,
      "keep-alive",
      "Transfer-Encoding: gzip, chunked",
      chunked(HIDDEN),
    );
    expect(status).toBe(400);
    expect(received.filter(({ url }) => url !== "/v1/last")).toEqual([]);
  },
);
