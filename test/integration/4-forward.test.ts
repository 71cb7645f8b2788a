import { request as httpRequest } from "node:http";

import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import { loginOf, LoginKitError } from "../../lib/index.js";
import {
  recordingServer,
  type RecordingServer,
} from "../support/recording-server.js";
import { refusingPort } from "../support/refusing-port.js";
import { closeRedis, world, type World } from "../support/world.js";

let w: World;
let api: RecordingServer;
let evil: RecordingServer;
beforeEach(async () => {
  api = await recordingServer();
  evil = await recordingServer();
  w = await start();
});
afterEach(() => Promise.all([w.close(), api.close(), evil.close()]));
afterAll(closeRedis);

/** The application, at which alice is signed in. */
function start(server: { timeoutSeconds?: number } = {}): Promise<World> {
  return world({
    embedded: true,
    kit: {
      resourceServers: { orders: { url: `${api.url}/v1`, ...server } },
    },
    signedInAs: "alice",
  });
}

/** A request with the target as written: clients would clean it up. */
async function rawGet(
  target: string,
): Promise<{ status: number; body: string }> {
  const cookie = await w.browser.jar.getCookieString(w.app.url);
  const { hostname, port } = new URL(w.app.url);
  return new Promise((resolve, reject) => {
    httpRequest(
      {
        hostname,
        port,
        path: target,
        headers: { cookie, "sec-fetch-site": "same-origin" },
      },
      (res) => {
        let body = "";
        res.on("data", (chunk) => (body += String(chunk)));
        res.on("end", () => {
          resolve({ status: res.statusCode ?? 0, body });
        });
      },
    )
      .on("error", reject)
      .end();
  });
}

describe("what is sent", () => {
  // Shows: ASVS 4.1.3
  test("BT-02, BFF-23: the access token in the Authorization header, nothing of the browser's credentials", async () => {
    const answer = await w.browser.fetchJson(
      `${w.app.url}/api/orders/17?a=b%20c&a=d`,
      {
        headers: {
          Authorization: "Bearer of-the-browser",
          DPoP: "of-the-browser",
          "X-Forwarded-For": "1.2.3.4",
          "X-Forwarded-Host": "evil.example",
          Forwarded: "for=1.2.3.4",
          "X-User-Id": "root",
          "X-HTTP-Method-Override": "DELETE",
          "X-Request-Id": "42",
        },
      },
    );
    expect(answer.status).toBe(200);
    const [sent] = api.requests;
    expect(sent?.target).toBe("/v1/orders/17?a=b%20c&a=d");
    expect(sent?.headers.authorization).toMatch(/^Bearer [A-Za-z0-9_-]{20,}$/);
    expect(Object.keys(sent?.headers ?? {}).sort()).toEqual([
      "accept",
      "accept-language",
      "authorization",
      "connection",
      "host",
      "x-request-id",
    ]);
    expect(sent?.headers.host).toBe(new URL(api.url).host);
  });

  test("a body is streamed on as it is", async () => {
    const body = JSON.stringify({ item: "tea" });
    await w.browser.fetchJson(`${w.app.url}/api/orders`, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json" },
    });
    expect(api.requests[0]).toMatchObject({
      method: "POST",
      body,
      headers: {
        "content-type": "application/json",
        "content-length": String(body.length),
      },
    });
  });
});

describe("what comes back", () => {
  // Shows: BFF-18, ASVS 3.4.4, 3.5.8
  test("ASVS 3.4.2: status and content, but no cookie, no CORS permission, nothing to cache", async () => {
    api.answer = (_req, res) => {
      res.writeHead(206, {
        "Content-Type": "text/plain",
        "Content-Range": "bytes 0-1/10",
        "Set-Cookie": "session=planted",
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "public, max-age=600",
        "Clear-Site-Data": '"*"',
        ETag: '"1"',
        "X-Powered-By": "api",
      });
      res.end("te");
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    expect(answer.status).toBe(206);
    expect(await answer.text()).toBe("te");
    const { headers } = answer;
    expect(headers.get("content-range")).toBe("bytes 0-1/10");
    expect(headers.get("etag")).toBe('"1"');
    expect(headers.getSetCookie()).toEqual([]);
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(headers.get("clear-site-data")).toBeNull();
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  });

  test("a private cache may keep what the resource server says it may", async () => {
    api.answer = (_req, res) => {
      res.setHeader("Cache-Control", "private, max-age=60").end("{}");
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    expect(answer.headers.get("cache-control")).toBe("private, max-age=60");
  });

  test("ASVS 15.3.2: a redirect is handed on and not followed", async () => {
    api.answer = (_req, res) => {
      res.writeHead(302, { Location: `${evil.url}/steal` }).end();
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    expect(answer.status).toBe(302);
    expect(evil.requests).toEqual([]);
  });

  test.each([204, 304])(
    "RFC 9110 8.6: %d may name a length and has no body",
    async (status) => {
      api.answer = (_req, res) => {
        // By hand: Node would refuse to send this.
        res.socket?.end(
          `HTTP/1.1 ${String(status)} X\r\nContent-Length: 5\r\nConnection: close\r\n\r\n`,
        );
      };
      const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
      expect(answer.status).toBe(status);
    },
  );

  // Shows: ASVS 3.2.1
  test("markup of a resource server is no page of this application", async () => {
    api.answer = (_req, res) => {
      res.setHeader("Content-Type", "text/html").end("<script>1</script>");
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    expect(answer.headers.get("content-security-policy")).toBe(
      "sandbox; default-src 'none'",
    );
  });

  test.each([
    "public, max-age=600, x=no-store",
    'private="x", max-age=9',
    "public, private",
  ])(
    "ASVS 14.3.2: Cache-Control: %s is not handed on",
    async (cacheControl) => {
      api.answer = (_req, res) => {
        res.setHeader("Cache-Control", cacheControl).end("{}");
      };
      const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
      expect(answer.headers.get("cache-control")).toBe("no-store");
    },
  );

  test("a large answer arrives whole, piece by piece", async () => {
    const piece = "x".repeat(64 * 1024);
    api.answer = (_req, res) => {
      for (let index = 0; index < 160; index++) res.write(piece);
      res.end();
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    expect((await answer.text()).length).toBe(160 * piece.length);
  });
});

describe("what is refused before anything is sent", () => {
  test.each([
    "/api/../secret",
    "/api/%2e%2e/secret",
    "/api/%2E%2e%2fsecret",
    "/api/a/../../secret",
    "/api//evil.example/",
    "/api/a//b",
    "/api/a\\b",
    "/api/a%5cb",
    "/api/a%2fb",
    "/api/%252e%252e/secret",
    "/api/a%00b",
    "/api/a%0d%0aX-Evil:1",
  ])("BFF-21: the path %s", async (target) => {
    const { status, body } = await rawGet(target);
    expect([400, 404]).toContain(status);
    if (status === 400) expect(body).toContain("ERR_FORWARD_TARGET_INVALID");
    expect(api.requests).toEqual([]);
    expect(evil.requests).toEqual([]);
  });

  test("BFF-20: an absolute-form request line goes nowhere", async () => {
    const { status } = await rawGet(`${evil.url}/api/orders`);
    expect(status).toBe(400);
    expect(api.requests).toEqual([]);
    expect(evil.requests).toEqual([]);
  });

  // Shows: ERR_CROSS_SITE_REQUEST
  test.each([
    ["same-site", "cors"],
    ["cross-site", "cors"],
    // What a foreign page had the browser load in advance looks like this.
    ["none", "navigate"],
  ])("BFF-15, J: a %s request, also a GET", async (site, mode) => {
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`, {
      headers: { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode },
    });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain("ERR_CROSS_SITE_REQUEST");
    expect(api.requests).toEqual([]);
  });

  test("an address that was typed is told so to developers", async () => {
    const told: string[] = [];
    w.app.kit.events.on("request.refused", (event) =>
      told.push(event.diagnosis),
    );
    await w.browser.fetchJson(`${w.app.url}/api/orders`, {
      headers: { "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate" },
    });
    expect(told).toEqual([expect.stringContaining("an address is typed")]);
  });

  // Shows: ASVS 4.1.4, 13.4.4
  test("BFF-22: TRACE and methods that the route does not name", async () => {
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`, {
      method: "PROPFIND",
    });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe(
      "GET, HEAD, POST, PUT, PATCH, DELETE",
    );
    expect(api.requests).toEqual([]);
  });

  test("no login: 401 and no request", async () => {
    await w.browser.jar.removeAllCookies();
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    expect(answer.status).toBe(401);
    expect(api.requests).toEqual([]);
  });
});

describe("a resource server that fails", () => {
  // Shows: ERR_RESOURCE_UNAVAILABLE
  test("is not there: 502 problem+json", async () => {
    await api.close();
    const port = await refusingPort(api.url);
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({
      code: "ERR_RESOURCE_UNAVAILABLE",
    });
    expect(port.refused()).toBeGreaterThan(0);
    await port.close();
  });

  test("ASVS 13.1.3: never answers: 504 in time", async () => {
    await w.close();
    w = await start({ timeoutSeconds: 1 });
    api.answer = () => undefined;
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ code: "ERR_RESOURCE_TIMEOUT" });
  });

  test("breaks off: the browser sees a broken answer, not half of one", async () => {
    api.answer = (_req, res) => {
      res.writeHead(200, { "Content-Type": "text/plain" });
      res.write("half");
      setTimeout(() => res.destroy(), 50);
    };
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`);
    await expect(answer.text()).rejects.toThrow();
  });

  test("a browser that goes away ends the request to the resource server", async () => {
    const ended = new Promise<void>((resolve) => {
      api.answer = (_req, res) => {
        res.write("first");
        res.on("close", () => {
          resolve();
        });
      };
    });
    const abort = new AbortController();
    const answer = await w.browser.fetchJson(`${w.app.url}/api/orders`, {
      signal: abort.signal,
    });
    expect(answer.status).toBe(200);
    abort.abort();
    await ended;
  });
});

describe("loginOf(req).fetch", () => {
  beforeEach(async () => {
    await w.close();
    w = await world({
      embedded: true,
      kit: { resourceServers: { orders: { url: `${api.url}/v1` } } },
      routes(app, kit) {
        app.get("/fetch", kit.requireAuth(), async (req, res) => {
          const answer = await loginOf(req).fetch(
            new URL(req.url, w.app.url).searchParams.get("url") ?? "",
          );
          res.json({ status: answer.status });
        });
      },
      signedInAs: "alice",
    });
  });

  const routes = async (url: string) => {
    const request = new URL("/fetch", w.app.url);
    request.searchParams.set("url", url);
    return w.browser.fetchJson(request);
  };

  // Shows: BCP-17, ERR_RESOURCE_NOT_ALLOWED, ASVS 1.3.6, 13.2.4
  test("BFF-20, BT-07: sends a token to a configured server only", async () => {
    const good = await routes(`${api.url}/v1/orders`);
    expect(await good.json()).toEqual({ status: 200 });
    expect(api.requests[0]?.headers.authorization).toMatch(/^Bearer /);
    expect(api.requests[0]?.headers.cookie).toBeUndefined();

    const { host } = new URL(api.url);
    for (const url of [
      `${evil.url}/v1/orders`,
      `${api.url}/v2/orders`,
      `${api.url}/v1evil`,
      `${api.url}/v1/../admin`,
      `http://${host}@${new URL(evil.url).host}/v1`,
      `http://user:password@${host}/v1`,
      `https://${host}/v1`,
      "/v1/orders",
      "file:///etc/passwd",
    ]) {
      const refused = await routes(url);
      expect(refused.status).toBe(500);
      expect(await refused.json()).toMatchObject({
        code: "ERR_RESOURCE_NOT_ALLOWED",
      });
    }
    expect(evil.requests).toEqual([]);
    expect(api.requests).toHaveLength(1);
  });

  test("ASVS 15.3.2: follows no redirect, neither elsewhere nor out of the base", async () => {
    for (const address of [`${evil.url}/v1/orders`, `${api.url}/admin`]) {
      api.answer = (_req, res) => {
        res.writeHead(307, { Location: address }).end();
      };
      const answer = await routes(`${api.url}/v1/orders`);
      expect(await answer.json()).toEqual({ status: 307 });
    }
    const targets = [...api.requests, ...evil.requests].map(
      ({ target }) => target,
    );
    expect(targets).toEqual(["/v1/orders", "/v1/orders"]);
  });
});

test("a name that is not configured is refused when the route is made", () => {
  expect(() => w.app.kit.forward("unknown")).toThrow(LoginKitError);
  expect(() => w.app.kit.forward("unknown")).toThrow(
    "resourceServers has no entry named unknown; there are ",
  );
});
