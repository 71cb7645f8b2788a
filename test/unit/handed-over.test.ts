/** Every object that an application hands over is checked when it is handed over. */
import { EventEmitter } from "node:events";

import { afterAll, describe, expect, test } from "@jest/globals";

import {
  type AuthRule,
  ConfigError,
  createLoginKit,
  type EventLogger,
  type ForwardOptions,
  type ForwardUpgradeOptions,
  type LoginKit,
  logEvents,
} from "../../lib/index.js";
import { redisClient } from "../../lib/redis/redis-client.js";

const kit = createLoginKit({
  issuer: "http://127.0.0.1:9",
  clientId: "shop",
  clientSecret: "a client secret",
  baseUrl: "http://127.0.0.1:3000",
  session: { secret: "a session secret of thirty-two characters" },
  resourceServers: { orders: { url: "http://127.0.0.1:8" } },
});
afterAll(() => {
  kit.close();
});

const misspelt: { readonly acr?: readonly string[] } = {};

describe("kit.requireAuth: a rule that cannot be read as it was meant stops the start", () => {
  test.each<[unknown, string]>([
    // What looks like a list, or like a rule.
    [
      { acr: "urn:mfa" },
      'acr: must be a list of texts, such as ["urn:example:mfa"]',
    ],
    [{ acr: [] }, "acr: must not be empty: no login could pass"],
    [{ acr: [""] }, "acr.0: must not be empty"],
    [{ acr: ["a b"] }, "acr.0: must be one name without spaces"],
    [{ acr: [undefined] }, "acr.0: must be a text"],
    [
      { acr: new Set(["a"]) },
      'acr: must be a list of texts, such as ["urn:example:mfa"]',
    ],
    [
      { acr: null },
      'acr: must be a list of texts, such as ["urn:example:mfa"]',
    ],
    [
      { maxAgeSeconds: NaN },
      "maxAgeSeconds: must be a whole number of seconds",
    ],
    [
      { maxAgeSeconds: Infinity },
      "maxAgeSeconds: must be a whole number of seconds",
    ],
    [
      { maxAgeSeconds: "5" },
      "maxAgeSeconds: must be a whole number of seconds",
    ],
    [
      { maxAgeSeconds: 1.5 },
      "maxAgeSeconds: must be a whole number of seconds",
    ],
    [{ maxAgeSeconds: -1 }, "maxAgeSeconds: must be at least 1"],
    [{ maxAgeSeconds: 0 }, "maxAgeSeconds: must be at least 1"],
    [
      { unauthenticated: 401 },
      'unauthenticated: must be "auto", "redirect" or "401"',
    ],
    // Names.
    [{ maxAge: 5 }, "rule: unknown option maxAge; did you mean maxAgeSeconds?"],
    [
      { max_age: 5 },
      "rule: unknown option max_age; did you mean maxAgeSeconds?",
    ],
    [{ ACR: ["a"] }, "rule: unknown option ACR; did you mean acr?"],
    [{ acrValues: ["a"] }, "rule: unknown option acrValues; did you mean acr?"],
    [
      { arc: ["a"] },
      "rule: unknown option arc; there are acr, maxAgeSeconds, unauthenticated",
    ],
    [
      { unauthentcated: "401" },
      "rule: unknown option unauthentcated; did you mean unauthenticated?",
    ],
    [
      { roles: ["admin"] },
      "rule: unknown option roles; there are acr, maxAgeSeconds, unauthenticated",
    ],
    [
      JSON.parse('{ "__proto__": { "acr": ["a"] } }'),
      "rule: unknown option __proto__; there are acr, maxAgeSeconds, unauthenticated",
    ],
    // A variable that was not set must not open what it was to close.
    [
      { acr: misspelt.acr },
      'acr: must be a list of texts, such as ["urn:example:mfa"]',
    ],
    [
      { maxAgeSeconds: undefined },
      "maxAgeSeconds: must be a whole number of seconds",
    ],
    [undefined, "rule: is undefined (expected: object)"],
    [null, "rule: must be a plain object; this is null"],
    // What is no rule at all.
    ["urn:mfa", "rule: must be a plain object; this is a string"],
    [["urn:mfa"], "rule: must be a plain object; this is a list"],
    [() => ({}), "rule: must be a plain object; this is a function"],
    [new Date(0), "rule: must be a plain object; this is of the class Date"],
    [
      new Map([["acr", ["a"]]]),
      "rule: must be a plain object; this is of the class Map",
    ],
    [
      Object.create({ acr: ["a"] }),
      "rule: must be a plain object; this is of the class Object",
    ],
  ])("%j", (rule, problem) => {
    const error = thrownBy(() => kit.requireAuth(rule as AuthRule));
    expect(error.problems).toEqual([problem]);
    expect(error.message).toMatch(/^kit\.requireAuth: 1 problem\n/);
    expect(error.code).toBe("ERR_CONFIG");
  });

  test("all that is wrong is told at once", () => {
    const rule = { acr: [], maxAge: 1, unauthenticated: "no" } as object;
    expect(thrownBy(() => kit.requireAuth(rule)).problems).toHaveLength(3);
  });

  test("a second rule would not count", () => {
    const requireAuth = kit.requireAuth as (...rules: AuthRule[]) => unknown;
    expect(
      thrownBy(() => requireAuth({ acr: ["a"] }, { maxAgeSeconds: 5 })).message,
    ).toContain("takes 1 argument and was given 2");
  });

  test.each<{ rule: AuthRule }>([
    { rule: {} },
    { rule: { acr: ["urn:mfa"] } },
    { rule: Object.freeze({ acr: Object.freeze(["a"]), maxAgeSeconds: 1 }) },
    { rule: Object.assign(Object.create(null) as object, { acr: ["a"] }) },
  ])("%j is a rule", ({ rule }) => {
    expect(typeof kit.requireAuth(rule)).toBe("function");
  });

  test("no rule at all asks for any login", () => {
    expect(typeof kit.requireAuth()).toBe("function");
  });
});

describe("kit.forward", () => {
  test.each<[unknown[], string]>([
    [[undefined], "resourceServer: must be a text"],
    [[""], "resourceServer: must not be empty"],
    [[{ name: "orders" }], "resourceServer: must be a text"],
    [["orders", undefined], "options: is undefined (expected: object)"],
    [["orders", ["GET"]], "options: must be a plain object; this is a list"],
    [
      ["orders", { method: ["GET"] }],
      "options: unknown option method; did you mean methods?",
    ],
    [
      ["orders", { methods: "GET" }],
      'methods: must be a list of methods, such as ["GET"]',
    ],
    [
      ["orders", { methods: undefined }],
      'methods: must be a list of methods, such as ["GET"]',
    ],
    [
      ["orders", { methods: [] }],
      "methods: must not be empty: nothing could be forwarded",
    ],
    [
      ["orders", { methods: ["get"] }],
      "methods.0: must be a method in capital letters",
    ],
    [["orders", { keepsCaching: "no" }], "keepsCaching: must be true or false"],
    [
      ["orders", { destinations: "iframe" }],
      'destinations: must be a list of values of Sec-Fetch-Dest, such as ["iframe"]',
    ],
  ])("%j is refused when it is handed over", (given, problem) => {
    const forward = kit.forward as (...given: unknown[]) => unknown;
    const error = thrownBy(() => forward(...given));
    expect(error.problems).toEqual([problem]);
    expect(error.message).toMatch(/^kit\.forward: /);
  });

  test("right options are taken", () => {
    const options: ForwardOptions = { methods: ["GET"], keepsCaching: true };
    expect(typeof kit.forward("orders", options)).toBe("function");
  });
});

test.each<[unknown, string]>([
  [undefined, "options: "],
  [{}, "path: "],
  [{ path: undefined }, "path: "],
  [{ path: "api" }, "path: must be a path such as /api/live"],
  [{ path: "/a?b" }, "path: must be a path such as /api/live"],
  [{ path: ["/api"] }, "path: must be a text"],
  [
    { path: "/a", paths: [] },
    "options: unknown option paths; did you mean path?",
  ],
])("kit.forwardUpgrade refuses the options %j", (options, problem) => {
  const error = thrownBy(() =>
    kit.forwardUpgrade("orders", options as ForwardUpgradeOptions),
  );
  expect(error.problems).toEqual([expect.stringContaining(problem)]);
  expect(error.message).toMatch(/^kit\.forwardUpgrade: /);
});

describe("kit.sessions and kit.clientToken", () => {
  const wrong = [undefined, null, "", 17, ["alice"], { sub: "alice" }];

  test.each(["list", "endAll"] as const)(
    "%s takes no subject that is not a text",
    async (method) => {
      for (const subject of wrong) {
        await expect(
          kit.sessions[method](subject as string),
        ).rejects.toMatchObject({
          code: "ERR_CONFIG",
          message: expect.stringContaining(`kit.sessions.${method}: 1 problem`),
        });
      }
    },
  );

  test("end takes no subject and no id that is not a text", async () => {
    for (const value of wrong) {
      await expect(kit.sessions.end(value as string, "id")).rejects.toThrow(
        ConfigError,
      );
      if (value === "") continue;
      await expect(kit.sessions.end("alice", value as string)).rejects.toThrow(
        ConfigError,
      );
    }
  });

  test.each([
    undefined,
    null,
    "alice",
    { id: "x", claims: { iss: "http://127.0.0.1:9", sub: "alice" } },
  ])("endOthers takes nothing but a login: %j", async (login) => {
    const { endOthers } = kit.sessions as {
      endOthers: (login: unknown) => Promise<number>;
    };
    await expect(endOthers(login)).rejects.toThrow(
      /kit\.sessions\.endOthers: 1 problem\n.*loginOf\(req\)/,
    );
  });

  test("clientToken takes no name that is not a text", async () => {
    for (const name of wrong) {
      await expect(kit.clientToken(name as string)).rejects.toThrow(
        /^kit\.clientToken: 1 problem/,
      );
    }
  });
});

describe("logEvents", () => {
  test.each<[string, unknown]>([
    ["the kit", kit],
    ["nothing", undefined],
  ])("wants kit.events, not %s", (_what, events) => {
    expect(
      thrownBy(() => logEvents(events as LoginKit["events"], console)).problems,
    ).toEqual(["events: must be kit.events"]);
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["a function", () => undefined],
    ["a logger without warn", { info: () => 0, error: () => 0 }],
  ])("wants a logger, not %s", (_what, logger) => {
    expect(
      thrownBy(() => logEvents(kit.events, logger as EventLogger)).problems,
    ).toEqual(["logger: must have the functions info, warn and error"]);
    expect(new EventEmitter().eventNames()).toEqual([]);
    expect(kit.events.eventNames()).toEqual([]);
  });
});

describe("redisClient", () => {
  test.each<[unknown, string]>([
    [undefined, "options: is undefined (expected: object)"],
    ["redis://localhost", "options: must be a plain object; this is a string"],
    [{}, "options: must have one of url, sentinel and cluster"],
    [{ url: undefined }, "options: must have one of url, sentinel and cluster"],
    [
      { url: "redis://a", cluster: { urls: ["redis://b"] } },
      "options: must have one of url, sentinel and cluster",
    ],
    [{ url: "localhost:6379" }, "url: must begin with redis:// or rediss://"],
    [
      { uri: "redis://localhost" },
      "options: unknown option uri; did you mean url?",
    ],
    [{ cluster: { urls: [] } }, "cluster.urls: must name a node"],
    [{ cluster: ["redis://a"] }, "cluster: must be a plain object"],
    [
      { sentinel: { name: "shop", nodes: [{ host: "a" }] } },
      "sentinel.nodes.0.port: must be a port number",
    ],
    [
      { url: "redis://a", options: { pasword: "hush" } },
      "options: unknown option pasword; did you mean password?",
    ],
    [
      { url: "redis://a", options: { disableOfflineQueue: false } },
      "options: unknown option disableOfflineQueue",
    ],
    [{ url: "redis://a", onError: "log" }, "onError: must be a function"],
    [
      { url: "redis://a", connectSeconds: "2" },
      "connectSeconds: must be a number of seconds",
    ],
  ])("refuses %j before it connects", async (options, problem) => {
    const error: unknown = await redisClient(options as { url: string }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConfigError);
    const { problems, message } = error as ConfigError;
    expect(problems).toContainEqual(expect.stringContaining(problem));
    expect(message).toMatch(/^redisClient: \d problems?\n/);
    expect(message).not.toContain("hush");
  });
});

function thrownBy(call: () => unknown): ConfigError {
  try {
    call();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
