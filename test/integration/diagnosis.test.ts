/** Why did this login fail? What the developer is told, in the event and on the page. */
import { request } from "node:http";

import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import type { LoginKitEvents } from "../../lib/index.js";
import { releaseClock, takeClock } from "../support/clock.js";
import {
  type LyingWorld,
  lyingWorld,
  type LyingWorldOptions,
} from "../support/lying-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { closeRedis, sharedRedis } from "../support/world.js";

let w: LyingWorld;
let failures: LoginKitEvents["login.failed"][0][];
beforeEach(takeClock);
afterAll(closeRedis);
afterEach(async () => {
  releaseClock();
  await w.close();
});

async function start(options?: LyingWorldOptions): Promise<void> {
  w = await lyingWorld(options);
  failures = [];
  w.kit.events.on("login.failed", (failure) => failures.push(failure));
  w.provider.currentUser = "alice";
}

/** An address of the callback that the provider has just made. */
async function callbackAddress(browser: TestBrowser): Promise<string> {
  const { response } = await browser.navigate(`${w.url}/login`, {
    stopBefore: ({ pathname }) => pathname === "/callback",
  });
  return String(response.headers.get("location"));
}

function diagnosis(): string {
  expect(failures).toHaveLength(1);
  return String(failures[0]?.diagnosis);
}

describe("ERR_TRANSACTION_NOT_FOUND", () => {
  test("the browser sends no cookie", async () => {
    await start();
    const address = await callbackAddress(createTestBrowser());
    const { body } = await createTestBrowser().navigate(address);
    expect(failures[0]?.code).toBe("ERR_TRANSACTION_NOT_FOUND");
    expect(diagnosis()).toContain("the browser sent no cookie");
    expect(body).toContain("the browser sent no cookie");
  });

  test("it came to another host than baseUrl's", async () => {
    await start();
    const address = new URL(await callbackAddress(createTestBrowser()));
    address.hostname = "localhost";
    await createTestBrowser().navigate(address);
    expect(diagnosis()).toContain(
      `the request is for ${address.hostname}, but baseUrl is ${w.url}`,
    );
  });

  test("it came by http, and Secure cookies need https", async () => {
    await start({ kit: { baseUrl: "https://shop.example" } });
    await createTestBrowser().navigate(`${w.url}/callback?state=a&code=b`);
    expect(diagnosis()).toContain("the request came by http");
  });

  test("ASVS 16.4.1: a Host header that would forge a line of a log is cleaned", async () => {
    await start();
    const { port } = new URL(w.url);
    await new Promise((resolve, reject) => {
      request({
        port,
        host: "127.0.0.1",
        path: "/callback?state=a&code=b",
        headers: { host: "a\u00a0b<script>" },
      })
        .on("response", (res) => res.resume().on("end", resolve))
        .on("error", reject)
        .end();
    });
    expect(diagnosis()).toMatch(/^[\x20-\x7e]+$/);
  });

  test("the answer was used before, as by a reload", async () => {
    await start();
    const browser = createTestBrowser();
    const address = await callbackAddress(browser);
    await browser.navigate(address);
    await browser.jar.removeAllCookies();
    await browser.jar.setCookie("theme=dark", w.url);
    await browser.navigate(address);
    expect(diagnosis()).toContain("answered before");
  });
});

describe("a login in progress that the store does not know", () => {
  /** The cookie of the login in progress, begun so many seconds ago. */
  async function withAge(seconds: number): Promise<void> {
    const browser = createTestBrowser();
    const address = await callbackAddress(browser);
    const [cookie] = (await browser.jar.getCookies(w.url)).filter(({ key }) =>
      key.startsWith("session-login-"),
    );
    const beganAt = (Date.now() - seconds * 1000).toString(36);
    await browser.jar.setCookie(
      `${String(cookie?.key)}=${beganAt}.of-another-record; Path=/`,
      w.url,
    );
    await browser.navigate(address);
  }

  // Shows: ERR_TRANSACTION_EXPIRED
  test("ERR_TRANSACTION_EXPIRED says how long ago it was begun, and the limit", async () => {
    await start();
    await withAge(734);
    expect(failures[0]?.code).toBe("ERR_TRANSACTION_EXPIRED");
    expect(diagnosis()).toMatch(
      /begun 734 seconds ago; transactionTimeoutSeconds is 600/,
    );
  });

  test("ERR_TRANSACTION_USED names the embedded store, which other processes do not share", async () => {
    await start();
    await withAge(5);
    expect(failures[0]?.code).toBe("ERR_TRANSACTION_USED");
    expect(diagnosis()).toContain("the embedded store is not shared");
  });
});

describe("the provider's clock, measured from its Date header", () => {
  test.each([
    [95, "95 seconds ahead of ours"],
    [-4000, "4000 seconds behind ours"],
  ])("%d seconds off: %s", async (seconds, text) => {
    await start();
    const theirs = () => Math.floor(Date.now() / 1000) + seconds;
    w.provider.misbehave = {
      intercept(_req, res, next) {
        res.setHeader("Date", new Date(theirs() * 1000).toUTCString());
        next();
      },
      idToken: {
        claims: (right) => ({
          ...right,
          iat: theirs(),
          exp: theirs() + 3600,
          auth_time: theirs(),
        }),
      },
    };
    await createTestBrowser().navigate(`${w.url}/login`);
    expect(failures[0]?.code).toBe("ERR_ID_TOKEN_INVALID");
    // The header has no fractions of a second, and the request took a moment.
    const measured = /(\d+) seconds (ahead of|behind) ours/.exec(diagnosis());
    expect(measured?.[2]).toBe(seconds > 0 ? "ahead of" : "behind");
    expect(Math.abs(Number(measured?.[1]) - Math.abs(seconds))).toBeLessThan(3);
    expect(text).toContain(String(measured?.[2]));
  });

  test("is named as innocent where it is right", async () => {
    await start();
    w.provider.misbehave = {
      intercept(_req, res, next) {
        // Node's own would be of the clock that the test has not taken.
        res.setHeader("Date", new Date().toUTCString());
        next();
      },
      idToken: { claims: { exp: 1 } },
    };
    await createTestBrowser().navigate(`${w.url}/login`);
    expect(diagnosis()).toContain("the clocks agree");
  });
});

test.each([
  ["client_secret_basic", "client_secret_post"],
  ["client_secret_post", "client_secret_basic"],
] as const)(
  "ERR_CLIENT_AUTHENTICATION: clientAuth is %s, and what else the provider takes is named: %s",
  async (own, other) => {
    await start({ kit: { clientAuth: own, clientSecret: "a wrong secret" } });
    await createTestBrowser().navigate(`${w.url}/login`);
    expect(failures[0]?.code).toBe("ERR_CLIENT_AUTHENTICATION");
    expect(diagnosis()).toContain(
      `clientAuth is ${own}, and the provider takes`,
    );
    expect(diagnosis()).toContain(other);
    expect(diagnosis()).not.toContain("a wrong secret");
  },
);

test.each([
  ["in production", "production", undefined],
  ["where NODE_ENV is not set", undefined, "https://shop.example"],
  ["where NODE_ENV is another word", "staging", "https://shop.example"],
])(
  "ASVS 16.5.1: %s the page shows none of it",
  async (_where, env, baseUrl) => {
    const before = process.env["NODE_ENV"];
    if (env === undefined) delete process.env["NODE_ENV"];
    else process.env["NODE_ENV"] = env;
    try {
      await start({
        kit: {
          redis: await sharedRedis(),
          ...(baseUrl !== undefined && { baseUrl }),
        },
      });
    } finally {
      process.env["NODE_ENV"] = before;
    }
    const { body } = await createTestBrowser().navigate(
      `${w.url}/callback?state=a&code=b`,
    );
    expect(body).toContain("ERR_TRANSACTION_NOT_FOUND");
    expect(body).not.toContain("the browser sent no cookie");
    expect(diagnosis()).toContain("the browser sent no cookie");
  },
);
