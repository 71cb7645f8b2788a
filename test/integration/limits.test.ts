/** The option `limits`: middleware of the application runs before anything else of an endpoint, also under a flood. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import express, { type Express, type RequestHandler } from "express";
import { rateLimit } from "express-rate-limit";
import { RedisStore } from "rate-limit-redis";
import { createClient } from "redis";

import { createLoginKit, type Limits, type LoginKit } from "../../lib/index.js";
import { listening } from "../../lib/testing/listening.js";
import { problemsOf } from "../support/read-options.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { closeRedis, sharedRedis } from "../support/world.js";

const PREFIX = "limits-test:";

let w: LyingWorld | undefined;
afterEach(async () => {
  await w?.close();
  w = undefined;
});
afterAll(closeRedis);

async function start(
  limits: Limits,
  routes?: (app: Express, kit: LoginKit) => void,
): Promise<LyingWorld> {
  w = await lyingWorld({ kit: { limits }, ...(routes && { routes }) });
  return w;
}

const refusing: RequestHandler = (_req, res) => {
  res.status(429).send("slow down");
};

test.each<[keyof Limits, string, string]>([
  ["login", "GET", "/login"],
  ["callback", "GET", "/callback?code=c&state=s"],
  ["initiateLogin", "GET", "/initiate-login"],
  ["backchannelLogout", "POST", "/backchannel-logout"],
])(
  "limits.%s answers %s %s before the kit does",
  async (name, method, path) => {
    const { url, kit } = await start({ [name]: refusing });
    const told: unknown[] = [];
    kit.events.on("request.refused", (event) => told.push(event));
    const answer = await fetch(url + path, { method, redirect: "manual" });
    expect(answer.status).toBe(429);
    expect(await answer.text()).toBe("slow down");
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(told).toEqual([]);
  },
);

test("a limit that lets requests through changes nothing", async () => {
  const seen: string[] = [];
  const limit: RequestHandler = (req, _res, next) => {
    seen.push(req.path);
    next();
  };
  const { signIn, statusFor } = await start({ login: limit, callback: limit });
  const browser = await signIn("alice");
  expect(await statusFor(browser)).toBe(200);
  expect(seen).toEqual(["/login", "/callback"]);
});

test("handlers that are mounted one by one are limited too", async () => {
  const { url } = await start({ login: refusing }, (app, kit) => {
    app.get("/one/by/one", kit.login);
  });
  expect((await fetch(`${url}/one/by/one`)).status).toBe(429);
});

describe("a page with silent sign-in", () => {
  const shop = (app: Express, kit: LoginKit): void => {
    app.get("/shop", kit.silentLogin(), (_req, res) => res.send("shop"));
  };

  test.each<[string, RequestHandler]>([
    ["a limit", refusing],
    ["express-rate-limit", rateLimit({ windowMs: 60_000, limit: 1 })],
  ])("asks nobody above %s, and is shown as it is", async (_whose, limit) => {
    const { url, kit } = await start({ login: limit }, shop);
    let asked = 0;
    kit.events.on("login.started", () => (asked += 1));
    const isUsed = limit !== refusing;
    for (let round = 0; round < 3; round++) {
      const browser = createTestBrowser();
      await browser.navigate(`${url}/shop`);
      const page = await browser.navigate(`${url}/shop`);
      expect([page.response.status, page.body]).toEqual([200, "shop"]);
      expect(page.response.headers.get("retry-after")).toBeNull();
    }
    expect(asked).toBe(isUsed ? 1 : 0);
  });

  test("what a limit fails with goes to the application's error handler", async () => {
    const { url } = await start(
      { login: () => Promise.reject(new Error("away")) },
      shop,
    );
    const browser = createTestBrowser();
    await browser.navigate(`${url}/shop`);
    const page = await browser.navigate(`${url}/shop`);
    expect(page.response.status).toBe(500);
  });
});

test("a limit counts below the names of providers", async () => {
  const providers = (["staff", "customers"] as const).map((name) => [
    name,
    { issuer: "https://op.example", clientId: name, clientSecret: "a secret" },
  ]);
  const kit = createLoginKit({
    providers: Object.fromEntries(providers) as never,
    baseUrl: "http://localhost:3000",
    session: { secret: "a session secret of more than thirty-two characters" },
    limits: {
      callback: refusing,
      initiateLogin: refusing,
      backchannelLogout: refusing,
    },
  });
  const party = await listening();
  party.serve(express().use(kit.routes));
  for (const path of [
    "/callback/staff",
    "/initiate-login/customers",
    "/backchannel-logout/staff",
  ]) {
    expect((await fetch(party.url + path, { method: "POST" })).status).toBe(
      429,
    );
  }
  await party.close();
});

test.each<[string, RequestHandler]>([
  [
    "throws",
    () => {
      throw new Error("broken limit");
    },
  ],
  ["rejects", () => Promise.reject(new Error("broken limit"))],
  [
    "hands to next",
    (_req, _res, next) => {
      next(new Error("broken limit"));
    },
  ],
])("what a limit %s goes to the application", async (_how, limit) => {
  const { url } = await start({ login: limit }, (app) => {
    const tell: express.ErrorRequestHandler = (
      error: Error,
      _req,
      res,
      _next,
    ) => {
      res.status(500).send(`the application says: ${error.message}`);
    };
    app.use(tell);
  });
  const answer = await fetch(`${url}/login`, { redirect: "manual" });
  expect(await answer.text()).toBe("the application says: broken limit");
});

test("a limit that fails after it has let a request through changes nothing more", async () => {
  const { url } = await start({
    login: (_req, _res, next) => {
      next();
      throw new Error("too late");
    },
  });
  const answer = await fetch(`${url}/login`, { redirect: "manual" });
  expect(answer.status).toBe(303);
});

test.each([
  [{ login: 5 }, "limits.login: must be Express middleware"],
  [{ login: undefined }, "limits.login: must be Express middleware"],
  [{ logins: refusing }, "limits: unknown option logins; did you mean login?"],
])("wrong limits stop the start: %j", (limits, problem) => {
  expect(problemsOf({ limits })).toEqual([expect.stringContaining(problem)]);
});

test("a flood from one address: 429 with Retry-After, nothing more in the store, others go on", async () => {
  const redis = createClient({ url: process.env["TEST_REDIS_URL"] ?? "" });
  await redis.connect();
  const store = new RedisStore({
    prefix: `${PREFIX}rate:`,
    sendCommand: (...command: string[]) => redis.sendCommand(command),
  });
  const { url } = (w = await lyingWorld({
    redis: await sharedRedis(),
    kit: {
      redisKeyPrefix: `${PREFIX}kit:`,
      limits: {
        login: rateLimit({
          windowMs: 60_000,
          limit: 30,
          ipv6Subnet: 64,
          standardHeaders: "draft-8",
          legacyHeaders: false,
          store,
        }),
      },
    },
    routes: (app) => app.set("trust proxy", "loopback"),
  }));
  // No request takes up a connection that is just being closed.
  w.server.keepAliveTimeout = 0;
  const loginFrom = (address: string): Promise<Response> =>
    fetch(`${url}/login`, {
      redirect: "manual",
      headers: { "X-Forwarded-For": address },
    });
  const statuses: number[] = [];
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(
      // One user of IPv6 has a whole /64.
      Array.from({ length: 50 }, (_, index) =>
        loginFrom(`2001:db8:1:1::${(round * 50 + index + 1).toString(16)}`),
      ),
    );
    for (const answer of answers) {
      statuses.push(answer.status);
      if (answer.status !== 429) continue;
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(answer.headers.get("set-cookie")).toBeNull();
    }
  }
  expect(statuses.filter((status) => status === 303)).toHaveLength(30);
  expect(statuses.filter((status) => status === 429)).toHaveLength(970);
  expect(await redis.keys(`${PREFIX}kit:*`)).toHaveLength(30);
  expect((await loginFrom("2001:db8:1:2::1")).status).toBe(303);
  expect((await loginFrom("198.51.100.7")).status).toBe(303);
  await redis.del(await redis.keys(`${PREFIX}*`));
  redis.destroy();
});
