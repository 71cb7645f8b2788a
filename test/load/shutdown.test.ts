/**
 * A process is told to end while it refreshes logins, at a provider that ends a
 * login when a refresh token is used twice.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import {
  askForOrders,
  EXPIRY,
  type RefreshingApp,
  type RefreshingWorld,
  refreshingWorld,
} from "../support/refreshing-world.js";
import { holdAnswer } from "../../lib/testing/provider/request-holds.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { volume } from "../support/volume.js";

const LOGINS = 12;

/** How often, and the longest refresh in milliseconds. */
const [ROUNDS, LONGEST_REFRESH] = volume([4, 3000], [50, 8000]);

/** Requests give up sooner than the longest refresh. */
const PATIENCE = volume({ providerTimeoutSeconds: 1 }, {});

/** Milliseconds in which the signal comes after the first request. */
const SIGNAL_WITHIN = 1000;

let world: RefreshingWorld;
let app: RefreshingApp;
let logins: TestBrowser[];

beforeAll(async () => {
  world = await refreshingWorld();
  app = await world.startApp(PATIENCE);
  logins = await world.signIn(app, LOGINS);
});
afterAll(() => world.close());

test(`SIGTERM ${String(ROUNDS)} times in the middle of refreshes: no login is lost, and the process ends by itself`, async () => {
  const tookFor: number[] = [];
  let inFlight = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await world.passEverywhere(EXPIRY);
    let running = 0;
    world.provider.intercept = (req, res) => {
      if (req.url !== "/token") return false;
      running += 1;
      res.once("close", () => (running -= 1));
      const takes = 100 + Math.random() * (LONGEST_REFRESH - 100);
      holdAnswer(res, () => sleep(takes));
      return false;
    };
    const stop = new AbortController();
    const ending = app;
    // Every other round over connections that are kept.
    const headers: Record<string, string> =
      round % 2 === 0 ? {} : { connection: "close" };
    const load = logins.map(async (login) => {
      await sleep((Math.random() * SIGNAL_WITHIN) / 2);
      while (!stop.signal.aborted) {
        const status = await askForOrders(login, ending, headers);
        expect([0, 200, 503]).toContain(status);
        await sleep(20 + Math.random() * 200);
      }
    });
    await until("a refresh is in flight", () => running > 0);
    await sleep(Math.random() * SIGNAL_WITHIN);
    inFlight += running;
    const from = performance.now();
    const exit = await ending.process.end("SIGTERM");
    tookFor.push(performance.now() - from);
    world.apps.delete(ending);
    stop.abort();
    await Promise.all(load);
    expect(exit).toEqual({ code: 0, signal: null });
    expect(ending.process.output()).toMatch(/closed/);

    world.provider.intercept = undefined;
    app = await world.startApp(PATIENCE);
    await world.passEverywhere(EXPIRY);
    const statuses = await Promise.all(logins.map(served));
    expect(statuses).toEqual(Array(LOGINS).fill(200));
  }
  expect(inFlight).toBeGreaterThan(0);
  console.log(
    `${String(ROUNDS)} ends with ${String(inFlight)} refreshes in flight: no login lost; a process ended after ${(Math.max(...tookFor) / 1000).toFixed(1)} s at most`,
  );
}, 1_800_000);

test("a refresh that outlasts withinSeconds is given up, and the process ends", async () => {
  const ending = await world.startApp({ providerTimeoutSeconds: 30 });
  await world.passEverywhere(EXPIRY);
  const held: (() => void)[] = [];
  world.provider.intercept = (req, res) => {
    if (req.url !== "/token") return false;
    holdAnswer(res, () => new Promise((letGo) => held.push(letGo)));
    return false;
  };
  const [login] = logins;
  if (login === undefined) throw new Error("nobody is signed in");
  const asked = askForOrders(login, ending);
  await until("a refresh is in flight", () => held.length === 1);
  // An answer that never comes.
  process.kill(ending.process.pid, "SIGUSR2");
  await ending.process.prints(/closed/);
  expect(await asked).toBe(503);
  world.apps.delete(ending);
  await until("it has ended", () => !ending.process.isRunning());
  for (const letGo of held) letGo();
});

/** The first answer that is not "later". */
async function served(login: TestBrowser): Promise<number> {
  let status = 503;
  await until("it is answered", async () => {
    status = await askForOrders(login, app);
    return status !== 503;
  });
  return status;
}
