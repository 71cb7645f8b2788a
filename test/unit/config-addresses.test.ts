/** readConfig: resource servers, and the paths of the endpoints. */
import { describe, expect, test } from "@jest/globals";

import { read, problemsOf, SECRET } from "../support/read-options.js";

describe("resource servers", () => {
  test("are found by their name", () => {
    const { resourceServers } = read({
      resourceServers: {
        orders: {
          url: "https://orders.example/v1",
          resource: "urn:example:orders",
          scope: "orders:read",
          timeoutSeconds: 5,
        },
      },
    });
    expect(resourceServers.get("orders")).toEqual({
      name: "orders",
      url: new URL("https://orders.example/v1"),
      resource: "urn:example:orders",
      scope: "orders:read",
      tokenExchange: false,
      timeoutSeconds: 5,
      totalTimeoutSeconds: undefined,
      maxConnections: 128,
      maxRequestsPerLogin: 256,
      requestHeaders: [],
      responseHeaders: [],
      cookies: new Set(),
      tellClientAddress: false,
      allowSemicolonsInPaths: false,
      allowEncodedSlashesInPaths: false,
      circuitBreaker: undefined,
    });
  });

  test.each([
    ["requestHeaders", ["Authorization"]],
    ["requestHeaders", ["X-Forwarded-For"]],
    ["responseHeaders", ["Set-Cookie"]],
    ["responseHeaders", ["Access-Control-Allow-Origin"]],
  ])("%s may not pass %j on", (list, headers) => {
    const orders = { url: "https://orders.example/v1", [list]: headers };
    expect(problemsOf({ resourceServers: { orders } })).toEqual([
      expect.stringContaining(`resourceServers.orders.${list}: `),
    ]);
  });

  test.each([
    [{}, "session"],
    [{}, "__Host-session"],
    [{}, "session-login-x"],
    [{}, "__Host-session-login-x"],
    [{}, "session-sign-in-attempts"],
    [{ cookieName: "Shop" }, "shop"],
  ])("with session %j, no resource server may set %s", (session, cookie) => {
    const orders = { url: "https://orders.example/v1", cookies: [cookie] };
    expect(
      problemsOf({
        session: { secret: SECRET, ...session },
        resourceServers: { orders },
      }),
    ).toEqual([
      expect.stringContaining(`resourceServers.orders.cookies: ${cookie} is`),
    ]);
  });

  test("further headers are known by their names in small letters", () => {
    const { resourceServers } = read({
      resourceServers: {
        orders: {
          url: "https://orders.example/v1",
          requestHeaders: ["X-Tenant"],
        },
      },
    });
    expect(resourceServers.get("orders")?.requestHeaders).toEqual(["x-tenant"]);
  });

  test.each(["__proto__", "constructor", "toString"])(
    "the name %s finds nothing that was not configured",
    (name) => {
      expect(read({}).resourceServers.get(name)).toBeUndefined();
    },
  );

  test.each([
    [{ url: "orders.example" }, "url: must be an absolute URL"],
    [
      { url: "https://orders.example/v1?a=1" },
      "url: must have no query, fragment or user name",
    ],
    [
      { url: "https://orders.example/v1#a" },
      "url: must have no query, fragment or user name",
    ],
    [
      { url: "https://me@orders.example/v1" },
      "url: must have no query, fragment or user name",
    ],
    [
      { url: "http://orders.example" },
      "url: must be https; http works on loopback addresses, elsewhere only with dangerouslyAllowInsecureRequests",
    ],
    [
      { url: "https://orders.example", resource: "orders" },
      "resource: must be an absolute URI without a fragment",
    ],
    [
      { url: "https://orders.example", resource: "https://orders.example/#a" },
      "resource: must be an absolute URI without a fragment",
    ],
  ])("BT-06, RI-01: %j: %s", (server, problem) => {
    expect(problemsOf({ resourceServers: { orders: server } })).toEqual([
      `resourceServers.orders.${problem}`,
    ]);
  });

  test("http is for loopback addresses", () => {
    expect(
      problemsOf({
        resourceServers: { orders: { url: "http://127.0.0.1:4000/v1" } },
      }),
    ).toEqual([]);
  });

  test.each(["a b", "a.b", "a/b", ""])(
    "a name is letters, digits, - and _: %j",
    (name) => {
      expect(
        problemsOf({
          resourceServers: { [name]: { url: "https://orders.example" } },
        }),
      ).not.toEqual([]);
    },
  );
});

describe("paths", () => {
  const ENDPOINTS_OF_LOGOUT = [
    "sessionEvents",
    "backchannelLogout",
    "frontchannelLogout",
    "checkSession",
    "initiateLogin",
  ];

  test("two endpoints cannot share one", () => {
    expect(problemsOf({ paths: { login: "/auth", logout: "/auth" } })).toEqual([
      "paths: two endpoints have the same path",
    ]);
  });

  test("one cannot be another's default", () => {
    expect(problemsOf({ paths: { login: "/callback" } })).toEqual([
      "paths: two endpoints have the same path",
    ]);
  });

  test.each(ENDPOINTS_OF_LOGOUT)("%s can be moved", (endpoint) => {
    expect(read({ paths: { [endpoint]: "/auth/there" } }).paths).toHaveProperty(
      endpoint,
      "/auth/there",
    );
  });

  test.each(ENDPOINTS_OF_LOGOUT)(
    "%s cannot be where another endpoint is",
    (endpoint) => {
      expect(problemsOf({ paths: { [endpoint]: "/logout" } })).toEqual([
        "paths: two endpoints have the same path",
      ]);
    },
  );

  test.each(ENDPOINTS_OF_LOGOUT)("%s is a path as well", (endpoint) => {
    expect(problemsOf({ paths: { [endpoint]: "/there?a=1" } })).toEqual([
      `paths.${endpoint}: must be a path such as /login, without query and final slash`,
    ]);
  });

  // Shows: OA-03
  test.each(["login", "/log in", "/login?a=1", "/:name", "/login*", ""])(
    "%j is no path of an endpoint",
    (login) => {
      expect(problemsOf({ paths: { login } })).toEqual([
        "paths.login: must be a path such as /login, without query and final slash",
      ]);
    },
  );

  test.each(["defaultReturnTo", "postLogoutReturnTo"])(
    "%s stays on this application",
    (option) => {
      expect(problemsOf({ [option]: "https://evil.example/" })).toEqual([
        `${option}: must be a path on this application`,
      ]);
      expect(problemsOf({ [option]: "//evil.example/" })).toEqual([
        `${option}: must be a path on this application`,
      ]);
      expect(problemsOf({ [option]: "/start?tab=1#top" })).toEqual([]);
    },
  );
});
