/** One application in two processes, whose logins have to be refreshed while one of them, the provider or Redis fails. */
import { describe, expect, test } from "@jest/globals";

import { createOrdersApi } from "../../demo-app/orders-api.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { freePort } from "../support/free-port.js";
import { type KeptRedis, startKeptRedis } from "../support/kept-redis.js";
import { type NodeProcess, startNode } from "../support/node-process.js";
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
  type ProviderParty,
  signInAsPerson,
  startProvider,
} from "../support/world.js";

/** Milliseconds within which the slowest of what is waited for has surely come, on any machine. */
const PATIENCE = 60_000;

interface App {
  readonly url: string;
  readonly process: NodeProcess;
}

/** Two processes of one application, and a user who has signed in at the first. */
interface Pair {
  readonly provider: ProviderParty;
  readonly redis: KeptRedis;
  readonly one: App;
  readonly two: App;
  readonly browser: TestBrowser;
  /** Statuses of so many requests for orders at once. */
  readonly ask: (app: App, count: number) => Promise<number[]>;
  /** Moves the clocks of both processes. */
  readonly passInBoth: (seconds: number) => Promise<void>;
}

/** Everything is the test's own, so tests may run side by side. */
async function inPair(
  act: (pair: Pair) => Promise<void>,
  options: object = {},
): Promise<void> {
  const redis = await startKeptRedis();
  const urls = [await freePort(), await freePort()].map(
    (port) => `http://127.0.0.1:${String(port)}`,
  );
  const [first = "", second = ""] = urls;
  const provider = await startProvider([first]);
  const orders = await listening();
  orders.serve(
    createOrdersApi({ issuer: provider.url, audience: ORDERS_RESOURCE }),
  );
  const processes = urls.map((url) =>
    startNode(["test/integration/fixtures/refresh-app.js"], {
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
    }),
  );
  try {
    await Promise.all(processes.map((started) => started.prints(/listening/)));
    const [one, two] = processes as [NodeProcess, NodeProcess];
    const browser = createTestBrowser();
    await signInAsPerson({ browser, appUrl: first });
    // From here on only refreshes are counted. The login has no token for the
    // orders API yet, which is as good as an expired one.
    provider.requests.length = 0;
    await act({
      provider,
      redis,
      one: { url: first, process: one },
      two: { url: second, process: two },
      browser,
      ask: (app, count) =>
        Promise.all(
          Array.from({ length: count }, async () => {
            const answer = await browser.fetchJson(`${app.url}/api/orders`);
            await answer.arrayBuffer();
            return answer.status;
          }),
        ),
      async passInBoth(seconds) {
        const method = { method: "POST" };
        for (const url of urls) {
          await browser.fetchJson(
            `${url}/clock?seconds=${String(seconds)}`,
            method,
          );
        }
      },
    });
  } finally {
    await Promise.all(processes.map((started) => started.end("SIGKILL")));
    await Promise.all([provider.close(), orders.close()]);
    await redis.stop();
  }
}

async function statusOfMe({ browser, two }: Pair): Promise<number> {
  return (await browser.fetchJson(`${two.url}/me`)).status;
}

/** The first token request is taken over by this; the others are served. */
function takeFirstTokenRequest(
  { provider }: Pair,
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

/** The provider does what the first token request asks for, and holds the answer back; resolves to what sends it. */
function holdFirstTokenAnswer(pair: Pair): Promise<() => void> {
  return new Promise((reach) => {
    void takeFirstTokenRequest(pair, (_req, res) => {
      holdAnswer(res, () => new Promise(reach));
      return false;
    });
  });
}

// They wait for locks in Redis to end and for pauses to pass: side by side they
// take as long as the slowest of them.
describe("of two processes", () => {
  test.concurrent(
    "the process that refreshes is killed before the provider did anything: the other takes over with one more token request",
    () =>
      inPair(
        async (pair) => {
          const { one, two, provider, ask } = pair;
          const asked = takeFirstTokenRequest(pair, () => true);
          void ask(one, 50).catch(() => undefined);
          await asked;
          const others = ask(two, 200);
          await one.process.end("SIGKILL");

          expect(await others).toEqual(Array(200).fill(200));
          expect(provider.tokenRequests()).toBe(2);
          expect(await statusOfMe(pair)).toBe(200);
        },
        { providerTimeoutSeconds: 30 },
      ),
  );

  test.concurrent(
    "the process that refreshes is killed after the provider spent the refresh token: the provider sees it again and ends the login, nothing else happens",
    () =>
      inPair(
        async (pair) => {
          const { one, two, provider, ask } = pair;
          // The provider rotates, and its answer never arrives.
          const answered = holdFirstTokenAnswer(pair);
          void ask(one, 50).catch(() => undefined);
          await answered;
          const others = ask(two, 200);
          await one.process.end("SIGKILL");

          expect(await others).toEqual(Array(200).fill(401));
          expect(provider.tokenRequests()).toBe(2);
          expect(await statusOfMe(pair)).toBe(401);
        },
        { providerTimeoutSeconds: 30 },
      ),
  );

  test.concurrent(
    "a provider that takes longer than it may: requests get 503 before it answers, one token request, and its answer is not lost",
    () =>
      inPair(
        async (pair) => {
          const { one, two, provider, ask } = pair;
          const answered = holdFirstTokenAnswer(pair);
          const early = await Promise.all([ask(one, 50), ask(two, 50)]);
          expect(early.flat()).toEqual(Array(100).fill(503));
          const answer = await answered;
          // Each waits as long as the provider may take: together longer than
          // it takes until a process replaces one that has died.
          for (let round = 0; round < 2; round++) {
            expect(await ask(two, 5)).toEqual(Array(5).fill(503));
          }
          answer();
          await until(
            "the answer is stored",
            async () => (await ask(two, 1))[0] === 200,
            PATIENCE,
          );
          const late = await Promise.all([ask(one, 20), ask(two, 20)]);
          expect(late.flat()).toEqual(Array(40).fill(200));
          expect(provider.tokenRequests()).toBe(1);
        },
        { providerTimeoutSeconds: 4 },
      ),
  );

  test.concurrent(
    "a provider that answers 500 three times is asked four times, with growing pauses, and nobody is signed out",
    () =>
      inPair(async ({ one, two, provider, ask }) => {
        let failures = 0;
        provider.intercept = (req, res) => {
          if (req.url !== "/token" || failures === 3) return false;
          failures += 1;
          res.writeHead(500).end();
          return true;
        };
        const seen = new Set<number>();
        await until(
          "somebody is served",
          async () => {
            const answers = await Promise.all([ask(one, 10), ask(two, 10)]);
            for (const status of answers.flat()) seen.add(status);
            return seen.has(200);
          },
          PATIENCE,
        );
        expect([...seen].sort()).toEqual([200, 503]);
        expect(provider.tokenRequests()).toBe(4);
        expect(await ask(two, 10)).toEqual(Array(10).fill(200));
      }),
  );

  test.concurrent(
    "Redis is killed while the provider answers and comes back with its data: the new tokens are stored, one token request",
    () =>
      inPair(async (pair) => {
        const { one, two, provider, redis, browser, ask, passInBoth } = pair;
        const answered = holdFirstTokenAnswer(pair);
        const first = ask(one, 20);
        const answer = await answered;
        const early = Promise.all([first, ask(two, 20)]);
        await until("the other process waits", async () => {
          const happened = await browser.fetchJson(`${two.url}/happened`);
          const { counters } = (await happened.json()) as {
            counters: { tokenWaits: number };
          };
          return counters.tokenWaits > 0;
        });
        await redis.kill();
        answer();
        // They wait for the new token as long as the provider may take: longer
        // than the lock lives.
        for (const status of (await early).flat()) {
          expect([200, 503]).toContain(status);
        }
        await redis.start();

        // The one that does not have the new tokens is asked first: the lock is over.
        for (const app of [two, one]) {
          await until(
            "it serves again",
            async () => (await ask(app, 1))[0] === 200,
            PATIENCE,
          );
        }
        const late = await Promise.all([ask(one, 20), ask(two, 20)]);
        expect(late.flat()).toEqual(Array(40).fill(200));
        expect(provider.tokenRequests()).toBe(1);
        await passInBoth(EXPIRY);
        expect(await ask(one, 5)).toEqual(Array(5).fill(200));
        expect(provider.tokenRequests()).toBe(2);
      }),
  );
});

test("400 requests in two processes need one token: one token request, 400 answers, and the login works ten expiries later", async () => {
  takeClock();
  try {
    await inPair(async ({ one, two, provider, ask, passInBoth }) => {
      const first = await Promise.all([ask(one, 200), ask(two, 200)]);
      expect(first.flat()).toEqual(Array(400).fill(200));
      expect(provider.tokenRequests()).toBe(1);

      for (let round = 1; round <= 10; round++) {
        passSeconds(EXPIRY);
        await passInBoth(EXPIRY);
        const answers = await Promise.all([ask(one, 20), ask(two, 20)]);
        expect(answers.flat()).toEqual(Array(40).fill(200));
        expect(provider.tokenRequests()).toBe(1 + round);
      }
    });
  } finally {
    releaseClock();
  }
});
