/** readConfig: what the options may be, and that every problem is told at once. */
import { describe, expect, test } from "@jest/globals";

import { type Config, readConfig } from "../../lib/config/config.js";
import type { Environment } from "../../lib/config/options-rules.js";
import type { LoginKitOptions } from "../../lib/config/options.js";
import { ConfigError } from "../../lib/base/errors.js";
import { createMemoryDriver } from "../../lib/stores/memory/memory-driver.js";
import {
  ClientSecretJwt,
  None,
  PrivateKeyJwt,
  type RedisClient,
} from "../../lib/index.js";

const SECRET = "a session secret of thirty-two characters";

/** Whatever a JavaScript caller may hand over. */
type AnyOptions = Record<string, unknown>;

const minimal = {
  issuer: "https://op.example",
  clientId: "shop",
  clientSecret: "a client secret",
  baseUrl: "https://shop.example",
  session: { secret: SECRET },
} satisfies LoginKitOptions;

// What counts is that the functions are there; the stores' own tests use real clients.
const CLIENT_METHODS = [
  "get",
  "set",
  "del",
  "hmGet",
  "eval",
  "subscribe",
  "unsubscribe",
  "withTypeMapping",
];
const anyClient = clientWith(CLIENT_METHODS);

describe("defaults", () => {
  // Shows: CORE-43, BCP-08, ASVS 10.2.3
  test("five options are enough, and the rest is as documented", () => {
    const { session, paths, ...config } = read({});
    expect(session).toEqual({
      secrets: [SECRET],
      cookieName: "__Host-session",
      idleTimeoutSeconds: 1800,
      absoluteTimeoutSeconds: 28_800,
      endClaim: undefined,
      maxLoginsPerUser: 1000,
      recordDevice: false,
    });
    expect(paths).toEqual({
      login: "/login",
      callback: "/callback",
      logout: "/logout",
      loggedOut: "/logged-out",
      session: "/session",
      sessionEvents: "/session/events",
      backchannelLogout: "/backchannel-logout",
      frontchannelLogout: "/frontchannel-logout",
      checkSession: "/check-session",
      initiateLogin: "/initiate-login",
    });
    expect(config).toEqual({
      issuer: "https://op.example",
      clientId: "shop",
      clientSecret: "a client secret",
      clientAuth: "client_secret_basic",
      baseUrl: "https://shop.example",
      secureCookies: true,
      redis: undefined,
      keyPrefix: expect.stringMatching(/^login-kit:[\w-]{10}:$/),
      scope: "openid",
      authorizationParameters: {},
      loginParameters: ["login_hint", "ui_locales", "prompt"],
      responseMode: "query",
      userInfo: undefined,
      idTokenSigningAlg: "RS256",
      userInfoSigningAlg: undefined,
      trustedAudiences: new Set(),
      acrOrder: [],
      pushedAuthorizationRequests: "auto",
      clockToleranceSeconds: 30,
      resourceServers: new Map(),
      refreshLeewaySeconds: 30,
      defaultReturnTo: "/",
      postLogoutReturnTo: "/",
      logoutByGet: "confirm",
      clearSiteData: ["cache", "storage"],
      backchannelLogout: { requireType: false, requireExpiry: true },
      carryOver: [],
      sessionClaims: ["sub", "name"],
      storeTimeoutSeconds: 2,
      providerTimeoutSeconds: 5,
      transactionTimeoutSeconds: 600,
      allowInsecureRequests: false,
      dangerouslyAllowInsecureRequests: false,
      explainsErrors: true,
    });
  });

  test("a path that is not given keeps its default", () => {
    expect(read({ paths: { login: "/auth/login" } }).paths).toMatchObject({
      login: "/auth/login",
      callback: "/callback",
    });
  });
});

describe("baseUrl", () => {
  test("a trailing slash does not matter", () => {
    expect(read({ baseUrl: "https://shop.example/" }).baseUrl).toBe(
      "https://shop.example",
    );
  });

  test.each([
    "http://localhost:3000",
    "http://app.localhost:3000",
    "http://127.0.0.1:3000",
    "http://127.3.2.1",
    "http://[::1]:3000",
  ])("%s may be http: cookies then have plain names", (baseUrl) => {
    const config = read({ baseUrl });
    expect(config.secureCookies).toBe(false);
    expect(config.session.cookieName).not.toContain("__Host-");
  });

  test.each([
    ["http://localhost:3000", "session-3000"],
    ["http://localhost", "session"],
    ["https://localhost:8443", "__Host-session-8443"],
    ["https://shop.example", "__Host-session"],
  ])("cookies know no ports: at %s the default name is %s", (baseUrl, name) => {
    expect(read({ baseUrl }).session.cookieName).toBe(name);
  });

  test("a session.cookieName that is given gets no port", () => {
    const session = { secret: SECRET, cookieName: "shop" };
    const config = read({ baseUrl: "http://localhost:3000", session });
    expect(config.session.cookieName).toBe("shop");
  });

  test.each([
    "http://shop.example",
    "http://192.168.1.1",
    "http://10.0.0.1:3000",
    "http://0.0.0.0:3000",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "http://notlocalhost",
    "ftp://localhost",
    "ws://localhost",
  ])("BCP-11, ASVS 12.2.1: %s is no place for a login", (baseUrl) => {
    expect(problemsOf({ baseUrl })).toContainEqual(
      expect.stringMatching(/^baseUrl: must be https/),
    );
  });

  test("dangerouslyAllowInsecureRequests does not make http cookies safe", () => {
    expect(
      problemsOf({
        baseUrl: "http://shop.example",
        dangerouslyAllowInsecureRequests: true,
      }),
    ).toEqual([expect.stringMatching(/^baseUrl: must be https/)]);
  });

  test.each([
    "https://shop.example/app",
    "https://shop.example/?a=1",
    "https://shop.example/#a",
    "https://user@shop.example",
    "https://:password@shop.example",
  ])("OA-03: %s is more than an origin", (baseUrl) => {
    expect(problemsOf({ baseUrl })).toEqual([
      "baseUrl: must be an origin such as https://shop.example; put a path prefix into the option paths",
    ]);
  });

  test.each(["shop.example", "/", "https://", "not a url"])(
    "%s is no URL",
    (baseUrl) => {
      expect(problemsOf({ baseUrl })).toEqual([
        "baseUrl: must be an absolute URL",
      ]);
    },
  );
});

describe("issuer", () => {
  test("is kept as it was written: it is compared, not opened", () => {
    expect(read({ issuer: "https://op.example/tenant/" }).issuer).toBe(
      "https://op.example/tenant/",
    );
  });

  test("http on loopback is for development", () => {
    expect(
      read({ issuer: "http://127.0.0.1:9000" }).allowInsecureRequests,
    ).toBe(true);
  });

  // Shows: ASVS 12.3.1
  test("DISC-04: http elsewhere is refused", () => {
    expect(problemsOf({ issuer: "http://op.example" })).toEqual([
      "issuer: must be https; http works on loopback addresses, elsewhere only with dangerouslyAllowInsecureRequests",
    ]);
  });

  test("http elsewhere works with dangerouslyAllowInsecureRequests", () => {
    const config = read({
      issuer: "http://op.example",
      dangerouslyAllowInsecureRequests: true,
    });
    expect(config.allowInsecureRequests).toBe(true);
  });

  test("dangerouslyAllowInsecureRequests allows http, no other scheme", () => {
    expect(
      problemsOf({
        issuer: "ftp://op.example",
        dangerouslyAllowInsecureRequests: true,
      }),
    ).toEqual([expect.stringMatching(/^issuer: must be https/)]);
  });

  test.each([
    [
      "https://op.example/?tenant=1",
      "issuer: must have no query, fragment or user name",
    ],
    [
      "https://op.example/#a",
      "issuer: must have no query, fragment or user name",
    ],
    [
      "https://me@op.example",
      "issuer: must have no query, fragment or user name",
    ],
    [
      "https://op.example/.well-known/openid-configuration",
      "issuer: must be the issuer, not the address of its metadata",
    ],
    ["op.example", "issuer: must be an absolute URL"],
  ])("DISC-04: %s: %s", (issuer, problem) => {
    expect(problemsOf({ issuer })).toEqual([problem]);
  });
});

describe("client authentication", () => {
  test("needs a secret", () => {
    expect(problemsOf({ clientSecret: undefined })).toEqual([
      expect.stringMatching(/^clientSecret: is undefined/),
    ]);
  });

  test("is a function of openid-client where there is no secret", () => {
    const clientAuth = () => undefined;
    const config = read({ clientSecret: undefined, clientAuth });
    expect(config.clientAuth).toBe(clientAuth);
  });

  test("is one of two names, or a function", () => {
    for (const clientAuth of ["none", 1, null, {}]) {
      expect(problemsOf({ clientAuth })).toEqual([
        "clientAuth: must be client_secret_basic, client_secret_post, or a function such as PrivateKeyJwt(key), ClientSecretJwt(secret) or None() of this package",
      ]);
    }
  });

  test.each([
    ["None()", None],
    ["PrivateKeyJwt(key)", PrivateKeyJwt],
    ["ClientSecretJwt(secret)", ClientSecretJwt],
  ])("is what %s makes, and not the maker itself", (call, clientAuth) => {
    expect(problemsOf({ clientAuth, clientSecret: undefined })).toEqual([
      `clientAuth: must be called: write ${call}`,
    ]);
  });

  test("is None() for a public client, without a secret", () => {
    expect(problemsOf({ clientSecret: undefined, clientAuth: None() })).toEqual(
      [],
    );
  });

  test.each(["HS256", "HS384", "HS512"])(
    "%s ID Tokens are signed with the client secret",
    (idTokenSigningAlg) => {
      expect(
        problemsOf({
          clientSecret: undefined,
          clientAuth: () => undefined,
          idTokenSigningAlg,
        }),
      ).toEqual(["idTokenSigningAlg: HS algorithms need clientSecret"]);
    },
  );

  test.each(["none", "RS1", "rs256"])(
    "F2-18, ASVS 9.1.2: no ID Token is accepted with the algorithm %s",
    (idTokenSigningAlg) => {
      expect(problemsOf({ idTokenSigningAlg })).toEqual([
        expect.stringMatching(/^idTokenSigningAlg: /),
      ]);
    },
  );
});

describe("acrOrder", () => {
  test("names contexts from the weakest to the strongest", () => {
    const acrOrder = ["bronze", "urn:example:gold"];
    expect(read({ acrOrder }).acrOrder).toEqual(acrOrder);
  });

  test.each<[unknown, string]>([
    ["gold", "acrOrder: must be a list; this is a text"],
    [
      ["gold"],
      "acrOrder: must have two values at least, from the weakest to the strongest",
    ],
    [
      [],
      "acrOrder: must have two values at least, from the weakest to the strongest",
    ],
    [["silver", "gold x"], "acrOrder.1: must be one name without spaces"],
    [["a", "b", "a", "b", "a"], "acrOrder: a, b comes more than once"],
  ])("%j is refused", (acrOrder, problem) => {
    expect(problemsOf({ acrOrder })).toEqual([problem]);
  });

  test("an empty name is refused", () => {
    expect(problemsOf({ acrOrder: ["", "gold"] }).join()).toContain(
      "acrOrder.0: ",
    );
  });
});

describe("scope", () => {
  test.each(["profile email", "openid2 profile", "OPENID"])(
    "CORE-01: %s: without openid there is no ID Token",
    (scope) => {
      expect(problemsOf({ scope })).toEqual(["scope: must contain openid"]);
    },
  );
});

describe("session", () => {
  test("the first secret is the one in use, the others are still accepted", () => {
    const secret = [SECRET, `${SECRET} of last year`];
    expect(read({ session: { secret } }).session.secrets).toEqual(secret);
  });

  test.each([["short"], [[SECRET, "short"]], ["x".repeat(31)]])(
    "F2-21: a secret of less than 32 characters is refused: %j",
    (secret) => {
      expect(problemsOf({ session: { secret } })).toEqual([
        expect.stringMatching(
          /^session\.secret(\.1)?: needs at least 32 characters/,
        ),
      ]);
    },
  );

  test("a secret of 32 characters is long enough", () => {
    expect(problemsOf({ session: { secret: "x".repeat(32) } })).toEqual([]);
  });

  test.each([[[]], [""], [undefined], [42]])(
    "there is no session without a secret: %j",
    (secret) => {
      expect(problemsOf({ session: { secret } })).toContainEqual(
        expect.stringMatching(/^session\.secret: /),
      );
    },
  );

  test("the idle timeout is within the absolute one", () => {
    expect(
      problemsOf({
        session: {
          secret: SECRET,
          idleTimeoutSeconds: 601,
          absoluteTimeoutSeconds: 600,
        },
      }),
    ).toEqual([
      "session.idleTimeoutSeconds: must not be larger than absoluteTimeoutSeconds",
    ]);
  });

  test.each(["a b", "a=b", "a;b", "é", ""])(
    "a cookie name is letters, digits, - and _: %j",
    (cookieName) => {
      expect(problemsOf({ session: { secret: SECRET, cookieName } })).toEqual([
        "session.cookieName: may hold letters, digits, - and _ only",
      ]);
    },
  );

  test("the claim that ends a login is the application's choice", () => {
    expect(
      read({ session: { secret: SECRET, endClaim: "session_expiry" } }).session
        .endClaim,
    ).toBe("session_expiry");
  });

  test.each([[""], [7], [null], [["exp"]]])(
    "the claim that ends a login has a name: %j",
    (endClaim) => {
      expect(problemsOf({ session: { secret: SECRET, endClaim } })).toEqual([
        expect.stringMatching(/^session\.endClaim: /),
      ]);
    },
  );

  test.each([1, 5, 1000])("a user may have %i logins", (maxLoginsPerUser) => {
    expect(
      read({ session: { secret: SECRET, maxLoginsPerUser } }).session
        .maxLoginsPerUser,
    ).toBe(maxLoginsPerUser);
  });

  test.each([[0], [-1], [1001], [1.5], [NaN], [Infinity], ["5"]])(
    "a user cannot have %p logins",
    (maxLoginsPerUser) => {
      expect(
        problemsOf({ session: { secret: SECRET, maxLoginsPerUser } }),
      ).toEqual([expect.stringMatching(/^session\.maxLoginsPerUser: /)]);
    },
  );

  test("devices are recorded for those who ask for it", () => {
    expect(
      read({ session: { secret: SECRET, recordDevice: true } }).session
        .recordDevice,
    ).toBe(true);
  });

  test.each([["true"], [1], [null]])(
    "devices are recorded or not: %j",
    (recordDevice) => {
      expect(problemsOf({ session: { secret: SECRET, recordDevice } })).toEqual(
        [expect.stringMatching(/^session\.recordDevice: /)],
      );
    },
  );
});

describe("logout", () => {
  test.each(["confirm", "refuse"])(
    "a GET can be met with: %s",
    (logoutByGet) => {
      expect(read({ logoutByGet }).logoutByGet).toBe(logoutByGet);
    },
  );

  test.each([["allow"], ["logout"], [true], [""]])(
    "a GET never signs out, so there is no %j",
    (logoutByGet) => {
      expect(problemsOf({ logoutByGet })).toEqual([
        expect.stringMatching(/^logoutByGet: /),
      ]);
    },
  );

  test.each([[[]], [["cache"]], [["cache", "cookies", "storage"]]])(
    "the browser can be told to forget %j",
    (clearSiteData) => {
      expect(read({ clearSiteData }).clearSiteData).toEqual(clearSiteData);
    },
  );

  test.each([
    ["cache"],
    [["*"]],
    [["executionContexts"]],
    [['"cache"']],
    [[1]],
  ])("the browser cannot be told to forget %j", (clearSiteData) => {
    expect(problemsOf({ clearSiteData })).toEqual([
      expect.stringMatching(/^clearSiteData(\.0)?: /),
    ]);
  });

  test.each([
    ["requireType", true],
    ["requireExpiry", false],
  ])("of Logout Tokens %s can be %j, and the rest stays", (option, value) => {
    expect(
      read({ backchannelLogout: { [option]: value } }).backchannelLogout,
    ).toEqual({ requireType: false, requireExpiry: true, [option]: value });
  });

  test.each(["requireType", "requireExpiry"])(
    "of Logout Tokens %s is yes or no",
    (option) => {
      expect(problemsOf({ backchannelLogout: { [option]: "yes" } })).toEqual([
        expect.stringMatching(new RegExp(`^backchannelLogout\\.${option}: `)),
      ]);
    },
  );

  test("of Logout Tokens nothing else can be told", () => {
    expect(problemsOf({ backchannelLogout: { requireNonce: true } })).toEqual([
      "backchannelLogout: unknown option requireNonce; there are requireType, requireExpiry",
    ]);
  });
});

describe("numbers of seconds", () => {
  test.each([
    ["storeTimeoutSeconds", 0],
    ["storeTimeoutSeconds", -1],
    ["storeTimeoutSeconds", 61],
    ["storeTimeoutSeconds", NaN],
    ["storeTimeoutSeconds", Infinity],
    ["storeTimeoutSeconds", "2"],
    ["providerTimeoutSeconds", 0],
    ["providerTimeoutSeconds", 61],
    ["transactionTimeoutSeconds", 0],
    ["transactionTimeoutSeconds", 3601],
    ["refreshLeewaySeconds", -1],
    ["refreshLeewaySeconds", 3601],
    ["clockToleranceSeconds", -1],
    ["clockToleranceSeconds", 301],
  ])("%s: %p is refused", (option, value) => {
    expect(problemsOf({ [option]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${option}: `)),
    ]);
  });

  test.each(["idleTimeoutSeconds", "absoluteTimeoutSeconds"])(
    "session.%s: a login does not last for ever, nor for no time",
    (option) => {
      for (const value of [0, -1, 31_536_001]) {
        const session = { secret: SECRET, [option]: value };
        expect(problemsOf({ session })).toContainEqual(
          expect.stringMatching(new RegExp(`^session\\.${option}: `)),
        );
      }
    },
  );

  test.each(["refreshLeewaySeconds", "clockToleranceSeconds"])(
    "%s may be 0",
    (option) => {
      expect(problemsOf({ [option]: 0 })).toEqual([]);
    },
  );
});

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
        session: { secret: "x".repeat(32), ...session },
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

describe("parameters of the authorization request", () => {
  const own = [
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "response_mode",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "scope",
    "request",
    "request_uri",
  ];

  test.each(own)("%s is the kit's own", (name) => {
    expect(problemsOf({ authorizationParameters: { [name]: "x" } })).toEqual([
      `authorizationParameters.${name}: is set by the kit and cannot be changed here`,
    ]);
  });

  test.each([...own, "return_to"])(
    "%s cannot be left to whoever makes the link",
    (name) => {
      expect(problemsOf({ loginParameters: [name] })).toEqual([
        `loginParameters: ${name} cannot be left to whoever makes the link`,
      ]);
    },
  );

  // Shows: CORE-06
  test("the application's own are kept", () => {
    const authorizationParameters = { prompt: "consent", audience: "orders" };
    expect(read({ authorizationParameters })).toMatchObject({
      authorizationParameters,
    });
  });
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

describe("store", () => {
  const driver = createMemoryDriver(() => Date.now());

  test("is enough when NODE_ENV=production", () => {
    expect(problemsOf({ store: driver }, { nodeEnv: "production" })).toEqual(
      [],
    );
  });

  test("cannot stand beside redis", () => {
    expect(problemsOf({ store: driver, redis: anyClient })).toEqual([
      expect.stringMatching(/^store: is in place of redis/),
    ]);
  });

  test.each([
    ["a Redis client", anyClient],
    ["a driver without decide", { ...driver, decide: undefined }],
    ["a text", "files"],
  ])("is refused: %s", (_what, store) => {
    expect(problemsOf({ store })).toEqual([
      expect.stringMatching(/^store: must be a store driver/),
    ]);
  });
});

describe("redis", () => {
  test("is needed when NODE_ENV=production", () => {
    expect(problemsOf({}, { nodeEnv: "production" })).toEqual([
      expect.stringMatching(/^redis: is missing\. The embedded store/),
    ]);
  });

  test("is enough when NODE_ENV=production", () => {
    expect(problemsOf({ redis: anyClient }, { nodeEnv: "production" })).toEqual(
      [],
    );
  });

  test.each([
    [undefined, "https://shop.example"],
    ["", "https://shop.example"],
    ["staging", "https://shop.example"],
    ["Development", "https://127.0.0.1.shop.example"],
    ["production", "http://localhost:3000"],
  ])(
    "is needed with NODE_ENV %j at %s, where strangers see no internals",
    (nodeEnv, baseUrl) => {
      const environment = { nodeEnv };
      expect(problemsOf({ baseUrl }, environment)).toEqual([
        expect.stringMatching(/^redis: is missing\. .* hand over a node-redis/),
      ]);
      const { explainsErrors } = readConfig(
        { ...minimal, baseUrl, redis: anyClient as RedisClient },
        environment,
      );
      expect(explainsErrors).toBe(false);
    },
  );

  test.each([
    ["development", "https://shop.example"],
    ["test", "https://shop.example"],
    [undefined, "http://localhost:3000"],
    [undefined, "https://localhost:3443"],
    ["staging", "http://127.0.0.1:3000"],
  ])("is not needed with NODE_ENV %j at %s", (nodeEnv, baseUrl) => {
    const config = readConfig({ ...minimal, baseUrl }, { nodeEnv });
    expect(config.redis).toBeUndefined();
    expect(config.explainsErrors).toBe(true);
  });

  test("is not said to be missing where baseUrl is, unless in production", () => {
    const redisProblems = (nodeEnv?: string) =>
      problemsOf({ baseUrl: undefined }, { nodeEnv }).filter((problem) =>
        problem.startsWith("redis"),
      );
    expect(redisProblems()).toEqual([]);
    expect(redisProblems("production")).toHaveLength(1);
  });

  test("is handed on as it is, not copied", () => {
    expect(read({ redis: anyClient }).redis).toBe(anyClient);
  });

  test.each([
    ["a URL", "redis://localhost"],
    ["null", null],
    [
      "a client of another library",
      { get: () => undefined, set: () => undefined },
    ],
  ])("%s is no client of node-redis", (_what, redis) => {
    expect(problemsOf({ redis })).toEqual([
      expect.stringMatching(/^redis: must be a client of node-redis 5/),
    ]);
  });

  test.each(CLIENT_METHODS)("a client without %s is too old", (method) => {
    const redis = clientWith(CLIENT_METHODS.filter((name) => name !== method));
    expect(problemsOf({ redis })).toEqual([
      expect.stringMatching(/^redis: must be a client of node-redis 5/),
    ]);
  });

  test.each(["{a}", "a b", "a\n"])(
    "a key prefix with %j would break Cluster slots or scans",
    (redisKeyPrefix) => {
      expect(problemsOf({ redisKeyPrefix })).toEqual([
        "redisKeyPrefix: may not hold braces or spaces",
      ]);
    },
  );
});

describe("problems", () => {
  test("of shape and of sense are told together, in one error", () => {
    expect(
      problemsOf(
        {
          issuer: "http://op.example",
          clientId: undefined,
          baseUrl: "http://shop.example/app",
          session: { secret: "short" },
          scope: "profile",
          storeTimeoutSeconds: "soon",
          authorizationParameters: { state: "x" },
          loginParameters: ["return_to"],
          resourceServers: { orders: { url: "orders" } },
          defaultReturnTo: "//evil.example",
          paths: { login: "/a", logout: "/a" },
          logger: true,
        },
        { nodeEnv: "production" },
      ).map((problem) => problem.split(":")[0]),
    ).toEqual([
      "clientId",
      "session.secret",
      "storeTimeoutSeconds",
      "options",
      "baseUrl",
      "baseUrl",
      "issuer",
      "scope",
      "resourceServers.orders.url",
      "authorizationParameters.state",
      "loginParameters",
      "defaultReturnTo",
      "paths",
      "redis",
    ]);
  });

  // Shows: ERR_CONFIG
  test("are all in the message, each on a line of its own", () => {
    const error = errorOf({ scope: "profile", issuer: "op" });
    expect(error.message).toBe(
      "createLoginKit: 2 wrong options\n  - issuer: must be an absolute URL\n  - scope: must contain openid",
    );
    expect(error).toMatchObject({ code: "ERR_CONFIG", name: "ConfigError" });
  });

  test.each([
    [
      { isuer: "https://op.example" },
      "options: unknown option isuer; did you mean issuer?",
    ],
    [
      { session: { secret: SECRET, maxAge: 1 } },
      "session: unknown option maxAge; there are secret, cookieName, idleTimeoutSeconds, absoluteTimeoutSeconds, endClaim, maxLoginsPerUser, recordDevice",
    ],
    [
      { resourceServers: { orders: { url: "https://o.example", uri: "" } } },
      "resourceServers.orders: unknown option uri; did you mean url?",
    ],
    [
      { paths: { signin: "/signin" } },
      "paths: unknown option signin; there are login, callback, logout, loggedOut, session, sessionEvents, backchannelLogout, frontchannelLogout, checkSession, initiateLogin",
    ],
    [
      { logoutBy: "get" },
      "options: unknown option logoutBy; did you mean logoutByGet?",
    ],
    [
      { client_id: "shop" },
      "options: unknown option client_id; did you mean clientId?",
    ],
  ])("name an option that does not exist: %j", (change, problem) => {
    expect(problemsOf(change)).toEqual([problem]);
  });

  test.each([
    ["issuer", "set it to the provider's issuer, such as https://op.example"],
    ["clientId", "set it to what the provider calls this application"],
    [
      "baseUrl",
      "set it to where browsers reach this application, such as https://shop.example",
    ],
    [
      "clientSecret",
      "set it, or set clientAuth: PrivateKeyJwt(key) or, for a public client, None(), both of this package",
    ],
  ])(
    "name an environment variable that is not set, and what to set: %s",
    (option, remedy) => {
      expect(problemsOf({ [option]: undefined })).toEqual([
        `${option}: is undefined (an environment variable that is not set?); ${remedy}`,
      ]);
      const others = Object.fromEntries(
        Object.entries(minimal).filter(([name]) => name !== option),
      );
      expect(() =>
        readConfig(others as unknown as LoginKitOptions, { nodeEnv: "test" }),
      ).toThrow(`\n  - ${option}: is missing; ${remedy}`);
    },
  );

  test("name a session secret that is not set, and how to make one", () => {
    expect(problemsOf({ session: { secret: undefined } })).toEqual([
      expect.stringMatching(
        /^session\.secret: is undefined \(an environment variable .*\); make one with: node -p /,
      ),
    ]);
    expect(problemsOf({ session: {} })).toEqual([
      expect.stringMatching(/^session\.secret: is missing; make one with: /),
    ]);
  });

  test("are in our own words, whatever stands where", () => {
    const values = [
      null,
      true,
      -1,
      0.5,
      NaN,
      1e12,
      "",
      "x",
      [],
      [1],
      {},
      { a: 1 },
    ];
    const options = Object.keys(read({}));
    for (const option of options) {
      for (const value of values) {
        for (const change of [
          { [option]: value },
          { session: { secret: SECRET, [option]: value } },
          { session: { secret: value, idleTimeoutSeconds: value } },
          { resourceServers: { one: { url: value, resource: value } } },
        ]) {
          expect(problemsOf(change).join("\n")).not.toMatch(
            /Invalid|Too (?:small|big)|expected|received/,
          );
        }
      }
    }
  });

  test.each(["issuer", "clientId", "baseUrl", "session"])(
    "name an option that is missing: %s",
    (option) => {
      expect(problemsOf({ [option]: undefined })).toEqual([
        expect.stringMatching(new RegExp(`^${option}: `)),
      ]);
    },
  );

  test.each([[undefined], [null], ["options"], [[]]])(
    "name options that are none: %j",
    (options) => {
      expect(() =>
        readConfig(options as unknown as LoginKitOptions, {
          nodeEnv: "test",
        }),
      ).toThrow(ConfigError);
    },
  );

  test.each<[string, AnyOptions, string]>([
    [
      "a Map as options of the session",
      { session: new Map([["secret", SECRET]]) },
      "session: must be a plain object; this is of the class Map",
    ],
    [
      "a list of paths",
      { paths: ["/login"] },
      "paths: must be a plain object; this is a list",
    ],
    [
      "a function",
      { backchannelLogout: () => ({}) },
      "backchannelLogout: must be a plain object; this is a function",
    ],
    [
      "null",
      { backchannelLogout: null },
      "backchannelLogout: must be a plain object; this is null",
    ],
    [
      "a date deep inside",
      {
        resourceServers: {
          one: { url: "https://o.example", circuitBreaker: new Date(0) },
        },
      },
      "resourceServers.one.circuitBreaker: must be a plain object; this is of the class Date",
    ],
    [
      "members of a prototype",
      { backchannelLogout: Object.create({ requireType: true }) as object },
      "backchannelLogout: must be a plain object; this is of the class Object",
    ],
  ])("name what is no plain object: %s", (_what, change, problem) => {
    expect(problemsOf(change)).toEqual([problem]);
  });

  test("objects without a prototype, and getters, are read once", () => {
    let reads = 0;
    const backchannelLogout = Object.create(null, {
      requireType: {
        get: () => (reads += 1) === 1,
        enumerable: true,
      },
    }) as object;
    expect(read({ backchannelLogout }).backchannelLogout.requireType).toBe(
      true,
    );
    expect(reads).toBe(1);
  });

  test("ASVS 13.3.1: never repeat a secret", () => {
    const secrets = {
      clientSecret: ["hush-client"],
      session: { secret: "hush-session", cookieName: "hush cookie" },
      issuer: "https://hush-user:hush-password@op.example",
      baseUrl: "https://hush-user:hush-password@shop.example",
      redis: "redis://:hush-redis@localhost",
      resourceServers: { orders: { url: "https://a:hush-orders@o.example" } },
      authorizationParameters: { client_secret: "hush-parameter" },
    };
    const error = errorOf(secrets);
    expect(error.problems.length).toBeGreaterThanOrEqual(7);
    expect(`${error.message} ${String(error.cause)}`).not.toContain("hush");
  });
});

describe("the result", () => {
  test("cannot be changed", () => {
    const config = read({
      resourceServers: { orders: { url: "https://orders.example" } },
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.session)).toBe(true);
    expect(Object.isFrozen(config.clearSiteData)).toBe(true);
    expect(Object.isFrozen(config.backchannelLogout)).toBe(true);
    expect(Object.isFrozen(config.resourceServers.get("orders"))).toBe(true);
  });

  test("does not follow later changes of the options", () => {
    const options = {
      ...minimal,
      paths: { login: "/signin" },
      loginParameters: ["login_hint"],
      clearSiteData: ["cache" as const],
      backchannelLogout: { requireType: false },
      resourceServers: { orders: { url: "https://orders.example" } },
      session: { secret: [SECRET] },
    };
    const config = readConfig(options, { nodeEnv: "test" });
    options.paths.login = "/changed";
    options.loginParameters.push("changed");
    options.clearSiteData.push("cache");
    options.backchannelLogout.requireType = true;
    options.resourceServers.orders.url = "https://changed.example";
    options.session.secret.push("changed");
    expect(config.paths.login).toBe("/signin");
    expect(config.loginParameters).toEqual(["login_hint"]);
    expect(config.clearSiteData).toEqual(["cache"]);
    expect(config.backchannelLogout.requireType).toBe(false);
    expect(config.resourceServers.get("orders")?.url.href).toBe(
      "https://orders.example/",
    );
    expect(config.session.secrets).toEqual([SECRET]);
  });
});

function clientWith(methods: readonly string[]): object {
  return Object.fromEntries(methods.map((name) => [name, () => undefined]));
}

function read(change: AnyOptions): Config {
  return readConfig({ ...minimal, ...change }, { nodeEnv: "test" });
}

function problemsOf(
  change: AnyOptions,
  environment: Environment = { nodeEnv: "test" },
): readonly string[] {
  const options = { ...minimal, ...change };
  try {
    readConfig(options, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function errorOf(change: AnyOptions): ConfigError {
  try {
    read(change);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the options were accepted");
}

describe("what is wrong in one part of an option", () => {
  test("does not hide what is wrong in another part", () => {
    expect(
      problemsOf({
        session: {
          secret: "short",
          idleTimeoutSeconds: "x" as unknown as number,
        },
        resourceServers: {
          one: { url: 1 as unknown as string },
          two: { url: "http://two.example" },
        },
      }).map((problem) => problem.split(":")[0]),
    ).toEqual(
      expect.arrayContaining([
        "session.secret",
        "session.idleTimeoutSeconds",
        "resourceServers.one.url",
        "resourceServers.two.url",
      ]),
    );
  });

  test("is not called missing", () => {
    const problems = problemsOf({ clientSecret: "" });
    expect(problems.join()).not.toContain("is missing");
    expect(problems).toHaveLength(1);
  });
});

test("a password in the issuer is refused", () => {
  expect(problemsOf({ issuer: "https://:secret@op.example" })).toEqual([
    "issuer: must have no query, fragment or user name",
  ]);
});
