import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { createOrdersApi } from "../../demo-app/orders-api.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { freePort } from "../support/free-port.js";
import { type KeptRedis, startKeptRedis } from "../support/kept-redis.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { holdAnswer } from "../../lib/testing/provider/request-holds.js";
import { EXPIRY } from "../support/refreshing-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";
import {
  kitOptions,
  listening,
  ORDERS_RESOURCE,
  type Party,
  type ProviderParty,
  signInAsPerson,
  startProvider,
} from "../support/world.js";

interface App {
  readonly url: string;
  readonly process: NodeProcess;
}

let provider: ProviderParty;
let orders: Party;
let redis: KeptRedis;
let one: App;
let two: App;
let browser: TestBrowser;

/** Two processes of one application, and a user who has signed in at the first. */
async function start(options: object = {}): Promise<void> {
  const urls = [await freePort(), await freePort()].map(
    (port) => `http://127.0.0.1:${String(port)}`,
  );
  const [first = "", second = ""] = urls;
  provider = await startProvider([first]);
  const server = await listening();
  server.serve(
    createOrdersApi({ issuer: provider.url, audience: ORDERS_RESOURCE }),
  );
  orders = server;
  const startApp = async (url: string): Promise<App> => {
    const started = startNode(["test/integration/fixtures/refresh-app.js"], {
      env: {
        REDIS_URL: redis.url,
        PORT: new URL(url).port,
        KIT_OPTIONS: JSON.stringify({
          ...kitOptions({
            appUrl: first,
            providerUrl: provider.url,
            ordersUrl: orders.url,
          }),
          ...options,
        }),
      },
    });
    await started.prints(/listening/);
    return { url, process: started };
  };
  [one, two] = await Promise.all([startApp(first), startApp(second)]);
  browser = createTestBrowser();
  await signInAsPerson({ browser, appUrl: first });
  // From here on only refreshes are counted. The login has no token for the
  // orders API yet, which is as good as an expired one.
  provider.requests.length = 0;
}

beforeEach(async () => {
  takeClock();
  redis = await startKeptRedis();
});
afterEach(async () => {
  releaseClock();
  await endNodeProcesses();
  await Promise.all([provider.close(), orders.close()]);
  await redis.stop();
});

/** Statuses of so many requests for orders at once. */
async function ask(app: App, count: number): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const answer = await browser.fetchJson(`${app.url}/api/orders`);
      await answer.arrayBuffer();
      return answer.status;
    }),
  );
}

async function passEverywhere(seconds: number): Promise<void> {
  passSeconds(seconds);
  await Promise.all(
    [one, two].map(({ url }) =>
      browser.fetchJson(`${url}/clock?seconds=${String(seconds)}`, {
        method: "POST",
      }),
    ),
  );
}

async function loginLives(): Promise<void> {
  expect((await browser.fetchJson(`${two.url}/me`)).status).toBe(200);
}

/** The first token request is taken over by this; the others are served. */
function takeFirstTokenRequest(
  handle: (
    ...parameters: Parameters<NonNullable<ProviderParty["intercept"]>>
  ) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    let taken = false;
    provider.intercept = (req, res) => {
      if (taken || req.url !== "/token") return false;
      taken = true;
      resolve();
      return handle(req, res);
    };
  });
}

test("400 requests in two processes need one token: one token request, 400 answers, and the login works ten expiries later", async () => {
  await start();
  const first = await Promise.all([ask(one, 200), ask(two, 200)]);
  expect(first.flat()).toEqual(Array(400).fill(200));
  expect(provider.tokenRequests()).toBe(1);

  for (let round = 1; round <= 10; round++) {
    await passEverywhere(EXPIRY);
    const answers = await Promise.all([ask(one, 20), ask(two, 20)]);
    expect(answers.flat()).toEqual(Array(40).fill(200));
    expect(provider.tokenRequests()).toBe(1 + round);
  }
});

test("the process that refreshes is killed before the provider did anything: the other takes over with one more token request", async () => {
  await start({ providerTimeoutSeconds: 30 });
  const asked = takeFirstTokenRequest(() => true);
  void ask(one, 50).catch(() => undefined);
  await asked;
  const others = ask(two, 200);
  await one.process.end("SIGKILL");

  expect(await others).toEqual(Array(200).fill(200));
  expect(provider.tokenRequests()).toBe(2);
  await loginLives();
});

test("the process that refreshes is killed after the provider spent the refresh token: the provider sees it again and ends the login, nothing else happens", async () => {
  await start({ providerTimeoutSeconds: 30 });
  const asked = takeFirstTokenRequest((_req, res) => {
    // The provider rotates, and its answer never arrives.
    res.end = () => res;
    return false;
  });
  void ask(one, 50).catch(() => undefined);
  await asked;
  await sleep(500);
  const others = ask(two, 200);
  await one.process.end("SIGKILL");

  expect(await others).toEqual(Array(200).fill(401));
  expect(provider.tokenRequests()).toBe(2);
  expect((await browser.fetchJson(`${two.url}/me`)).status).toBe(401);
});

test("a provider that takes 30 s: requests get 503 in time, one token request, and its answer is not lost", async () => {
  await start();
  await takeThirtySeconds();
  const begun = performance.now();
  const early = await Promise.all([ask(one, 50), ask(two, 50)]);
  expect(early.flat()).toEqual(Array(100).fill(503));
  expect(performance.now() - begun).toBeLessThan(20_000);

  // Whoever asks meanwhile makes no second token request.
  await sleep(10_000);
  expect(await ask(two, 5)).toEqual(Array(5).fill(503));
  await sleep(17_000);
  const late = await Promise.all([ask(one, 20), ask(two, 20)]);
  expect(late.flat()).toEqual(Array(40).fill(200));
  expect(provider.tokenRequests()).toBe(1);
}, 180_000);

/** The token endpoint does its work, and then holds the answer back. */
async function takeThirtySeconds(): Promise<void> {
  void takeFirstTokenRequest((_req, res) => {
    holdAnswer(res, () => sleep(30_000));
    return false;
  });
  return Promise.resolve();
}

test("a provider that answers 500 three times is asked four times, with growing pauses, and nobody is signed out", async () => {
  await start();
  let failures = 0;
  provider.intercept = (req, res) => {
    if (req.url !== "/token" || failures === 3) return false;
    failures += 1;
    res.writeHead(500).end();
    return true;
  };
  const seen = new Set<number>();
  const giveUpAt = performance.now() + 20_000;
  let answers: number[] = [];
  while (!answers.includes(200) && performance.now() < giveUpAt) {
    answers = (await Promise.all([ask(one, 10), ask(two, 10)])).flat();
    for (const status of answers) seen.add(status);
    await sleep(50);
  }
  expect([...seen].sort()).toEqual([200, 503]);
  expect(provider.tokenRequests()).toBe(4);
  expect(await ask(two, 10)).toEqual(Array(10).fill(200));
});

test("Redis is killed while the provider answers and comes back with its data: the new tokens are stored, one token request", async () => {
  await start();
  const held = new Promise<() => void>((reach) => {
    void takeFirstTokenRequest((_req, res) => {
      holdAnswer(res, () => new Promise(reach));
      return false;
    });
  });
  const first = ask(one, 20);
  const answer = await held;
  const early = Promise.all([first, ask(two, 20)]);
  await sleep(300);
  await redis.kill();
  answer();
  // Longer than the lock lives.
  await sleep(5000);
  await redis.start();
  for (const status of (await early).flat())
    expect([200, 503]).toContain(status);

  // The one that does not have the new tokens is asked first: the lock is over.
  for (const app of [two, one]) {
    await until("it serves again", async () => (await ask(app, 1))[0] === 200);
  }
  const late = await Promise.all([ask(one, 20), ask(two, 20)]);
  expect(late.flat()).toEqual(Array(40).fill(200));
  expect(provider.tokenRequests()).toBe(1);
  await passEverywhere(EXPIRY);
  expect(await ask(one, 5)).toEqual(Array(5).fill(200));
});
