/** What an application hands over is understood, or it is refused at once. */
import { describe, expect, test } from "@jest/globals";

import { ConfigError, createLoginKit, logEvents } from "../../lib/index.js";

const kit = createLoginKit({
  issuer: "http://127.0.0.1:1",
  clientId: "shop",
  clientSecret: "secret",
  baseUrl: "http://localhost:3000",
  session: { secret: "a session secret of thirty-two characters" },
  resourceServers: { orders: { url: "http://127.0.0.1:1/v1" } },
});

/** The calls as plain JavaScript makes them. */
const calls = {
  requireAuth: kit.requireAuth as (...given: unknown[]) => unknown,
  forward: kit.forward as (...given: unknown[]) => unknown,
  forwardUpgrade: kit.forwardUpgrade as (...given: unknown[]) => unknown,
  logEvents: logEvents as (...given: unknown[]) => unknown,
};

function refusal(call: keyof typeof calls, given: unknown[]): string {
  try {
    calls[call](...given);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "nothing was refused";
}

describe("a guard's rule", () => {
  test.each<[string, unknown, string]>([
    ["acr as a text", { acr: "urn:mfa" }, "acr: must be a list of texts"],
    ["an empty acr", { acr: [] }, "acr: must not be empty"],
    ["an acr without a name", { acr: [""] }, "acr.0: must not be empty"],
    ["an acr that is not set", { acr: undefined }, "acr: "],
    [
      "an empty acrValues",
      { acr: ["a"], acrValues: [] },
      "acrValues: must not",
    ],
    [
      "acrValues that would not be accepted",
      { acr: ["urn:mfa"], acrValues: ["urn:mfa", "urn:pwd"] },
      "acrValues: urn:pwd would not be accepted; name it in acr as well",
    ],
    [
      "acrValues without acr",
      { acrValues: ["urn:mfa"] },
      "acrValues: urn:mfa would not be accepted",
    ],
    [
      "maxAge",
      { maxAge: 5 },
      "unknown option maxAge; did you mean maxAgeSeconds?",
    ],
    [
      "a word of others",
      { groups: ["a"] },
      "unknown option groups; there are acr,",
    ],
    [
      "an age as a text",
      { maxAgeSeconds: "5" },
      "maxAgeSeconds: must be a number",
    ],
    [
      "a negative age",
      { maxAgeSeconds: -1 },
      "maxAgeSeconds: must be at least 0",
    ],
    [
      "an age that is no number",
      { maxAgeSeconds: NaN },
      "maxAgeSeconds: must be",
    ],
    ["another answer", { unauthenticated: "404" }, "unauthenticated: must be"],
    ["null", null, "must be a plain object"],
    ["a variable that is not set", undefined, "rule: "],
    ["a list", ["urn:mfa"], "must be a plain object"],
    ["a map", new Map([["acr", ["urn:mfa"]]]), "of the class Map"],
    ["a function", () => ({ acr: ["urn:mfa"] }), "must be a plain object"],
  ])("%s is a ConfigError", (_what, rule, says) => {
    const message = refusal("requireAuth", [rule]);
    expect(message).toMatch(/^kit\.requireAuth: /);
    expect(message).toContain(says);
  });

  test("a factory that is mounted as a handler lets nobody through and says what to write", () => {
    const message = refusal("requireAuth", [{}, {}, () => undefined]);
    expect(message).toContain("write kit.requireAuth()");
  });

  test.each([
    [[]],
    [[{}]],
    [[{ acr: ["urn:mfa"], maxAgeSeconds: 300, unauthenticated: "401" }]],
  ])("%j is understood", (given) => {
    expect(refusal("requireAuth", given)).toBe("nothing was refused");
  });
});

test.each<[keyof typeof calls, unknown[], string]>([
  ["forward", ["orders", { method: ["GET"] }], "did you mean methods?"],
  ["forward", ["orders", { methods: "GET" }], "methods: must be a list"],
  [
    "forward",
    ["orders", { keepsCaching: "no" }],
    "keepsCaching: must be true or false",
  ],
  ["forward", [{}, {}, () => undefined], "write kit.forward("],
  ["forwardUpgrade", ["orders"], "options: "],
  ["forwardUpgrade", ["orders", { path: "api" }], "path: must be a path"],
  ["forwardUpgrade", ["orders", { paths: "/api" }], "did you mean path?"],
  ["logEvents", [kit, console], "events: must be kit.events"],
  [
    "logEvents",
    [kit.events, () => undefined],
    "logger: must have the functions",
  ],
])(
  "%s(...%j) is a ConfigError that names the right one",
  (call, given, says) => {
    expect(refusal(call, given)).toContain(says);
  },
);

test.each(["", undefined, null, 5, ["alice"]])(
  "kit.sessions refuses the subject %j",
  async (subject) => {
    const wrong = subject as string;
    await expect(kit.sessions.list(wrong)).rejects.toThrow(ConfigError);
    await expect(kit.sessions.end(wrong, "id")).rejects.toThrow(ConfigError);
    await expect(kit.sessions.endAll(wrong)).rejects.toThrow(ConfigError);
  },
);
