/** The option `fetch`: the application's own way to the provider, inside the kit's limits. */
import { inspect } from "node:util";

import { afterEach, describe, expect, test } from "@jest/globals";
import { fetch as undiciFetch, ProxyAgent } from "undici";

import {
  createLoginKit,
  type LoginKitOptions,
  type OutgoingFetch,
} from "../../lib/index.js";
import { beforeControl } from "../support/before-control.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { signOutAndComeBack } from "../support/sign-out.js";
import { createTestBrowser } from "../support/test-browser.js";
import { tunnelProxy } from "../support/tunnel-proxy.js";
import { until } from "../support/until.js";
import { CLIENT_ID, CLIENT_SECRET, SESSION_SECRET } from "../support/world.js";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  releaseClock();
  for (const end of ends.splice(0)) await end();
});

async function start(kit: Partial<LoginKitOptions>): Promise<LyingWorld> {
  const w = await lyingWorld({ kit });
  ends.push(w.close);
  return w;
}

async function forwarding(
  kit: Partial<LoginKitOptions>,
): Promise<ForwardWorld> {
  const w = await forwardWorld({ kit });
  ends.push(w.close);
  return w;
}

/** What is not a page that browsers are sent to. */
const pathsOf = (urls: readonly string[]): string[] =>
  [...new Set(urls.map((url) => new URL(url).pathname))].sort();

const BACK_CHANNEL_PATHS = [
  "/.well-known/openid-configuration",
  "/jwks",
  "/revoke",
  "/token",
  "/userinfo",
];

/** Signs in, refreshes and signs out, so that the provider is asked for everything. */
async function askForEverything(w: ForwardWorld): Promise<void> {
  passSeconds(3600 / 2);
  expect((await w.fetch("/orders")).status).toBe(200);
  await signOutAndComeBack(w.browser, w.url);
  const isRevocation = (request: string): boolean => request === "POST /revoke";
  await until(
    "both tokens are revoked",
    () => w.provider.requests.filter(isRevocation).length === 2,
  );
}

test("every request to the provider goes through it", async () => {
  takeClock();
  const asked: string[] = [];
  const w = await forwarding({
    scope: "openid profile offline_access",
    session: { idleTimeoutSeconds: 7200 } as never,
    fetch: (url, request) => {
      asked.push(url);
      return fetch(url, request);
    },
  });
  await askForEverything(w);
  expect(w.refreshes()).toBe(1);
  expect(pathsOf(asked)).toEqual(BACK_CHANNEL_PATHS);
  const received = w.provider.requests.filter((request) =>
    BACK_CHANNEL_PATHS.some((path) => request.endsWith(` ${path}`)),
  );
  expect(asked).toHaveLength(received.length);
});

test.each(["fetch", {}, null])(
  "it is a function, and %j is refused at the start",
  (value) => {
    const options = {
      issuer: "https://op.example",
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      baseUrl: "http://localhost:3000",
      session: { secret: SESSION_SECRET },
      fetch: value as never,
    };
    expect(() => createLoginKit(options)).toThrow(
      "fetch: must be a function like fetch",
    );
  },
);

test("undici's fetch with a ProxyAgent: the provider is reached through the proxy", async () => {
  const { url: uri, targets, close } = await tunnelProxy();
  ends.push(close);
  const dispatcher = new ProxyAgent({ uri, proxyTunnel: true });
  const w = await start({
    scope: "openid profile",
    fetch: (url, request) => undiciFetch(url, { ...request, dispatcher }),
  });
  ends.unshift(() => dispatcher.destroy());
  await w.signIn("alice");
  const { host } = new URL(w.provider.issuer);
  expect(new Set(targets)).toEqual(new Set([host]));
});

/** Which request the function spoils. */
const SPOILT: readonly [what: string, path: string][] = [
  ["the metadata", "/.well-known/openid-configuration"],
  ["the tokens", "/token"],
  ["the keys", "/jwks"],
  ["UserInfo", "/userinfo"],
];

/** A sign-in whose provider is asked by this function for one path. */
async function failedSignIn(
  path: string,
  spoiled: (...parameters: Parameters<OutgoingFetch>) => unknown,
  options: Partial<LoginKitOptions> = {},
): Promise<{ status: number; code: string; everything: string }> {
  const w = await start({
    scope: "openid profile",
    fetch: ((url, request) =>
      url.endsWith(path)
        ? spoiled(url, request)
        : fetch(url, request)) as OutgoingFetch,
    ...options,
  });
  const told: string[] = [];
  for (const name of ["error", "login.failed", "request.refused"] as const) {
    w.kit.events.on(name, (payload: object) => {
      told.push(inspect(payload, { depth: null, showHidden: true }));
      if (payload instanceof Error) told.push(String(payload.stack));
    });
  }
  const address = `${w.url}/login?return_to=/me&login_hint=alice`;
  const page = await createTestBrowser().navigate(address);
  const [, code = ""] = /<code>(ERR_\w+)<\/code>/.exec(page.body) ?? [];
  const everything = [...told, page.body].join("\n");
  return { status: page.response.status, code, everything };
}

const JSON_TYPE = new Headers({ "content-type": "application/json" });

const UNAVAILABLE = { status: 503, code: "ERR_PROVIDER_UNAVAILABLE" };

describe.each(SPOILT)("where it does not bring %s", (_what, path) => {
  test.each<[string, (...parameters: Parameters<OutgoingFetch>) => unknown]>([
    ["throws", () => Promise.reject(new Error("no route"))],
    [
      "throws at once",
      () => {
        throw new TypeError("not written yet");
      },
    ],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what an application may do
    ["throws no error", () => Promise.reject("out of order")],
    ["answers nothing", () => undefined],
    ["answers a text", () => Promise.resolve("OK")],
    ["answers an empty object", () => Promise.resolve({})],
    ["answers without headers", () => ({ status: 200, body: null })],
    [
      "answers a status that there is not",
      () => ({ status: 999, headers: new Headers(), body: null }),
    ],
    [
      "answers a body that is a text",
      () => ({ status: 200, headers: new Headers(), body: "{}" }),
    ],
    [
      "answers a stream of texts",
      () => ({ status: 200, headers: JSON_TYPE, body: piecesOf("{}") }),
    ],
    [
      "breaks off in the answer",
      () => ({ status: 200, headers: JSON_TYPE, body: brokenStream() }),
    ],
  ])("because it %s, the provider is not available", async (_how, spoiled) => {
    expect(await failedSignIn(path, spoiled)).toMatchObject(UNAVAILABLE);
  });
});

async function* piecesOf(text: string): AsyncGenerator {
  for (const letter of text) yield await Promise.resolve(letter);
}

async function* brokenStream(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from("{"));
  throw new Error("the connection broke");
}

/** Longer than every limit of these tests. */
const CONTROL_MS = 10_000;

describe("the kit's limits hold whatever it does", () => {
  test.each<[string, OutgoingFetch]>([
    ["an answer that never comes", () => new Promise(() => undefined)],
    [
      "a body that never ends",
      () =>
        Promise.resolve({
          status: 200,
          headers: JSON_TYPE,
          body: new ReadableStream(),
        }),
    ],
  ])(
    "time: %s, although it does not look at the signal",
    async (_what, never) => {
      const failure = failedSignIn("/token", never, {
        providerTimeoutSeconds: 0.2,
      });
      await beforeControl(CONTROL_MS, failure);
      expect(await failure).toMatchObject(UNAVAILABLE);
    },
  );

  test("size: an answer of more than 1 MB is not read to its end", async () => {
    let isEnded = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(64 * 1024, "{"));
      } finally {
        isEnded = true;
      }
    }
    const failure = await failedSignIn("/token", () => ({
      status: 200,
      headers: new Headers(),
      body: endless(),
    }));
    expect(failure).toMatchObject(UNAVAILABLE);
    expect(isEnded).toBe(true);
  });

  test("redirects: an answer that was redirected is refused", async () => {
    const w = await start({
      fetch: (url, request) => fetch(url, { ...request, redirect: "follow" }),
    });
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path !== "/token") next();
        else if (req.query["again"] === undefined) {
          res.redirect(307, "/token?again");
        } else next();
      },
    };
    const failures: string[] = [];
    w.kit.events.on("login.failed", ({ code, diagnosis }) => {
      failures.push(`${code} ${diagnosis}`);
    });
    const page = await createTestBrowser().navigate(
      `${w.url}/login?return_to=/me&login_hint=alice`,
    );
    expect(page.response.status).toBe(503);
    expect(failures).toEqual([
      expect.stringMatching(/^ERR_PROVIDER_UNAVAILABLE .*followed a redirect/),
    ]);
  });

  test("the end: kit.close does not wait for what it holds back", async () => {
    takeClock();
    let isHolding = false;
    const w = await forwarding({
      session: { idleTimeoutSeconds: 7200 } as never,
      fetch: (url, request) => {
        const { body } = request;
        if (typeof body !== "string" || !body.includes("refresh_token")) {
          return fetch(url, request);
        }
        isHolding = true;
        return new Promise(() => undefined);
      },
    });
    passSeconds(3600 / 2);
    const answer = w.fetch("/orders");
    await until("the refresh is under way", () => isHolding);
    await w.kit.close({ withinSeconds: 0 });
    expect((await answer).status).toBe(503);
  });
});

describe("what it throws tells nothing that the request held in confidence", () => {
  test.each<[string, (told: string) => unknown]>([
    ["its message", (told) => new Error(told)],
    ["a cause", (told) => new Error("failed", { cause: new Error(told) })],
    ["its code", (told) => Object.assign(new Error("failed"), { code: told })],
    ["a property", (told) => Object.assign(new Error("failed"), { told })],
    ["a text that is thrown", (told) => told],
  ])("in %s", async (_where, thrown) => {
    const secrets: string[] = [];
    const failure = await failedSignIn("/token", (_url, request) => {
      const form = new URLSearchParams(request.body as string);
      for (const name of ["code", "code_verifier"]) {
        secrets.push(form.get(name) ?? name);
      }
      const { authorization = "" } = request.headers;
      secrets.push(authorization.replace("Basic ", ""));
      throw thrown(`${secrets.join(" ")} ${inspect(request)}`);
    });
    expect(failure).toMatchObject(UNAVAILABLE);
    expect(secrets).toHaveLength(3);
    for (const secret of [...secrets, CLIENT_SECRET]) {
      expect(failure.everything).not.toContain(secret);
      expect(failure.everything).not.toContain(secret.slice(0, 16));
    }
  });

  test("and says what went wrong", async () => {
    const cause = Object.assign(new Error("connect to the proxy"), {
      code: "ECONNREFUSED",
    });
    const { everything } = await failedSignIn("/token", () => {
      throw new TypeError("fetch failed", { cause });
    });
    expect(everything).toContain(
      "the function fetch of the options failed: fetch failed connect to the proxy (ECONNREFUSED)",
    );
  });
});
