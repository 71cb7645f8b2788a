/** readConfig: the defaults, and that every problem is told at once. */
import { describe, expect, test } from "@jest/globals";

import { readConfig } from "../../lib/config/config.js";
import type { LoginKitOptions } from "../../lib/config/options.js";
import { ConfigError } from "../../lib/base/errors.js";
import {
  SECRET,
  type AnyOptions,
  minimal,
  read,
  readProvider,
  problemsOf,
  errorOf,
} from "../support/read-options.js";

describe("defaults", () => {
  // Shows: CORE-43, BCP-08, ASVS 10.2.3
  test("five options are enough, and the rest is as documented", () => {
    const { session, paths, providers, sharedByProviders, ...config } = read(
      {},
    );
    expect(session).toEqual({
      secrets: [SECRET],
      cookieName: "__Host-session",
      idleTimeoutSeconds: 1800,
      absoluteTimeoutSeconds: 28_800,
      endClaim: undefined,
      maxLoginsPerUser: 1000,
      recordDevice: false,
      tokensNeedCookie: false,
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
      keptForm: "/login/form",
      loginDone: "/login/done",
    });
    expect([...providers.keys()]).toEqual(["default"]);
    expect(providers.get("default")).toEqual({
      ...sharedByProviders,
      name: "default",
      label: "default",
      callbackPath: "/callback",
      issuer: "https://op.example",
      clientId: "shop",
      clientSecret: "a client secret",
      clientAuth: "client_secret_basic",
      scope: "openid",
      authorizationParameters: {},
      loginParameters: ["login_hint", "ui_locales", "prompt"],
      responseMode: "query",
      userInfo: undefined,
      idTokenSigningAlg: "RS256",
      userInfoSigningAlg: undefined,
      trustedAudiences: [],
      acrOrder: [],
      pushedAuthorizationRequests: "auto",
      senderConstrained: "auto",
      rolesClaim: "roles",
      tokensEndWithSession: false,
      backchannelLogout: { requireType: false, requireExpiry: true },
      clockToleranceSeconds: 30,
      providerTimeoutSeconds: 5,
      allowInsecureRequests: false,
    });
    expect(config).toEqual({
      baseUrls: ["https://shop.example"],
      basePath: "",
      hasSeveralProviders: false,
      secureCookies: true,
      redis: undefined,
      keyPrefix: expect.stringMatching(/^login-kit:[\w-]{10}:$/),
      resourceServers: new Map(),
      refreshLeewaySeconds: 30,
      defaultReturnTo: "/",
      postLogoutReturnTo: "/",
      pages: { texts: {}, languages: [] },
      limits: {},
      logoutByGet: "confirm",
      clearSiteData: ["cache", "storage"],
      carryOver: [],
      sessionClaims: ["sub", "name"],
      storeTimeoutSeconds: 2,
      transactionTimeoutSeconds: 600,
      dangerouslyAllowInsecureRequests: false,
      explainsErrors: true,
      hookTimeoutSeconds: 5,
    });
  });

  test("a path that is not given keeps its default", () => {
    expect(read({ paths: { login: "/auth/login" } }).paths).toMatchObject({
      login: "/auth/login",
      callback: "/callback",
    });
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
    ["hookTimeoutSeconds", 0],
    ["hookTimeoutSeconds", 61],
    ["claimsRefreshSeconds", 0],
    ["claimsRefreshSeconds", "600"],
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

describe("problems", () => {
  test("of shape and of sense are told together, in one error", () => {
    expect(
      problemsOf(
        {
          issuer: "http://op.example",
          clientId: undefined,
          baseUrl: "http://shop.example/?app",
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
      "defaultReturnTo",
      "paths",
      "issuer",
      "scope",
      "authorizationParameters.state",
      "loginParameters",
      "resourceServers.orders.url",
      "redis",
    ]);
  });

  // Shows: ERR_CONFIG
  test("are all in the message, each on a line of its own", () => {
    const error = errorOf({ scope: "profile", issuer: "op" });
    expect(error.message).toBe(
      "createLoginKit: 2 wrong options\n  - issuer: must be an absolute URL, such as https://op.example\n  - scope: must contain openid",
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
      "session: unknown option maxAge; there are secret, cookieName, idleTimeoutSeconds, absoluteTimeoutSeconds, endClaim, persistSeconds, maxLoginsPerUser, recordDevice, tokensNeedCookie",
    ],
    [
      { resourceServers: { orders: { url: "https://o.example", uri: "" } } },
      "resourceServers.orders: unknown option uri; did you mean url?",
    ],
    [
      { paths: { signin: "/signin" } },
      "paths: unknown option signin; there are login, callback, logout, loggedOut, session, sessionEvents, backchannelLogout, frontchannelLogout, checkSession, initiateLogin, keptForm, loginDone",
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
    expect(
      readProvider({ backchannelLogout }).backchannelLogout.requireType,
    ).toBe(true);
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

describe("the result", () => {
  test("cannot be changed", () => {
    const config = read({
      resourceServers: { orders: { url: "https://orders.example" } },
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.session)).toBe(true);
    expect(Object.isFrozen(config.clearSiteData)).toBe(true);
    expect(
      Object.isFrozen(config.providers.get("default")?.backchannelLogout),
    ).toBe(true);
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
    expect(config.providers.get("default")?.loginParameters).toEqual([
      "login_hint",
    ]);
    expect(config.clearSiteData).toEqual(["cache"]);
    expect(config.providers.get("default")?.backchannelLogout.requireType).toBe(
      false,
    );
    expect(config.resourceServers.get("orders")?.url.href).toBe(
      "https://orders.example/",
    );
    expect(config.session.secrets).toEqual([SECRET]);
  });
});
