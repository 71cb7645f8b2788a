/** readConfig: the session, the logout, and where they are kept. */
import { describe, expect, test } from "@jest/globals";

import { readConfig } from "../../lib/config/config.js";
import type { RedisClient } from "../../lib/index.js";
import { createMemoryDriver } from "../../lib/stores/memory/memory-driver.js";
import {
  SECRET,
  CLIENT_METHODS,
  anyClient,
  clientWith,
  read,
  readProvider,
  problemsOf,
  minimal,
} from "../support/read-options.js";

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
    expect(SECRET.slice(0, 32)).toHaveLength(32);
    expect(problemsOf({ session: { secret: SECRET.slice(0, 32) } })).toEqual(
      [],
    );
  });

  test.each([
    "x".repeat(40),
    "0123456789".repeat(4),
    "keyboard cat keyboard cat keyboard cat",
    "my-secret my-secret, my-secret my-secret",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop",
    "please change me, please change me now",
    "your-secret-of-at-least-32-characters",
  ])("a secret that others can guess is refused: %s", (secret) => {
    expect(problemsOf({ session: { secret } })).toEqual([
      expect.stringMatching(
        /^session\.secret: is a placeholder or a repetition.*make one with: node -p/,
      ),
    ]);
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

  test("a cookie is kept no longer than the absolute timeout", () => {
    const session = { secret: SECRET, absoluteTimeoutSeconds: 3600 };
    expect(
      problemsOf({ session: { ...session, persistSeconds: 3601 } }),
    ).toEqual([
      "session.persistSeconds: must not be larger than absoluteTimeoutSeconds",
    ]);
    const { persistSeconds } = read({
      session: { ...session, persistSeconds: 3600 },
    }).session;
    expect(persistSeconds).toBe(3600);
    expect(read({ session }).session.persistSeconds).toBeUndefined();
    // The default of the absolute timeout counts too.
    expect(
      problemsOf({ session: { secret: SECRET, persistSeconds: 28_801 } }),
    ).toHaveLength(1);
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
      readProvider({ backchannelLogout: { [option]: value } })
        .backchannelLogout,
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

describe("what the application goes on using can be changed:", () => {
  test.each([
    ["redis", anyClient],
    ["store", createMemoryDriver(() => Date.now())],
  ])("%s", (name, value) => {
    read({ [name]: value });
    expect(Object.isFrozen(value)).toBe(false);
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
    ["a URL", "redis://localhost", /a text: write await redisClient\(/],
    ["null", null, /redis\)$/],
    [
      "a client that is not there yet",
      Promise.resolve(),
      /a promise: write await before it$/,
    ],
    [
      "a client of another library",
      { get: () => undefined, set: () => undefined },
      /redis\)$/,
    ],
  ])("%s is no client of node-redis", (_what, redis, advice) => {
    const problems = problemsOf({ redis });
    expect(problems).toEqual([
      expect.stringMatching(/^redis: must be a client of node-redis 5/),
    ]);
    expect(problems[0]).toMatch(advice);
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
