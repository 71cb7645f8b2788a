/**
 * A process is told to end while it refreshes logins, at a provider that ends a
 * login when a refresh token is used twice.
 */
import { randomInt } from "node:crypto";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import {
  askForOrders,
  EXPIRY,
  type RefreshingApp,
  type RefreshingWorld,
  refreshingWorld,
} from "../support/refreshing-world.js";
import { holdAnswer } from "../../lib/testing/provider/request-holds.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";
import { volume } from "../support/volume.js";

const LOGINS = 12;

/** How many refreshes are in flight when the signal comes. */
const ROUNDS = volume(
  [1, LOGINS / 3, LOGINS / 2, LOGINS],
  Array.from({ length: 50 }, () => randomInt(1, LOGINS + 1)),
);

/** Requests give up before a refresh that is held is answered. */
const PATIENCE = volume({ providerTimeoutSeconds: 1 }, {});

let world: RefreshingWorld;
let app: RefreshingApp;
let logins: TestBrowser[];

beforeAll(async () => {
  world = await refreshingWorld();
  app = await world.startApp(PATIENCE);
  logins = await world.signIn(app, LOGINS);
});
afterAll(() => world.close());

test(`SIGTERM ${String(ROUNDS.length)} times in the middle of refreshes: no login is lost, and the process ends by itself`, async () => {
  for (const [round, inFlight] of ROUNDS.entries()) {
    await world.passEverywhere(EXPIRY);
    const held: (() => void)[] = [];
    let answersAreHeld = true;
    const whileHeld = async (): Promise<void> => {
      if (answersAreHeld) await new Promise<void>((letGo) => held.push(letGo));
    };
    world.provider.intercept = (req, res) => {
      if (req.url === "/token") holdAnswer(res, whileHeld);
      return false;
    };
    const ending = app;
    // Every other round over connections that are kept.
    const headers: Record<string, string> =
      round % 2 === 0 ? {} : { connection: "close" };
    // Each asks until nobody is there.
    const load = logins.map(async (login) => {
      let status: number;
      do {
        status = await askForOrders(login, ending, headers);
        expect([0, 200, 503]).toContain(status);
      } while (status !== 0);
    });
    await until("refreshes are in flight", () => held.length >= inFlight);
    const ended = ending.process.end("SIGTERM");
    await until("it takes no more requests", async () => {
      return (await askForOrders(createTestBrowser(), ending)) === 0;
    });
    answersAreHeld = false;
    for (const letGo of held) letGo();
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(ending.process.output()).toMatch(/closed/);
    world.apps.delete(ending);
    await Promise.all(load);

    world.provider.intercept = undefined;
    app = await world.startApp(PATIENCE);
    await world.passEverywhere(EXPIRY);
    const statuses = await Promise.all(logins.map(served));
    expect(statuses).toEqual(Array(LOGINS).fill(200));
  }
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
