/** Many logins that a logout ends, and many that are made in the same moment as one. */
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, afterEach, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";

import { type LogoutWorld, logoutWorld } from "../support/logout-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";
import { volume } from "../support/volume.js";
import { closeRedis } from "../support/world.js";

const LOGINS = volume(50, 250);
/** Logins that are made at the same time. */
const AT_ONCE = 25;
const RACES = volume(24, 200);
/** Of a login; as many are made at the same time. */
const QUARTERS = [0, 1, 2, 3];

let w: LogoutWorld | undefined;
afterEach(async () => {
  await w?.close();
  w = undefined;
});
afterAll(closeRedis);

const stores = [
  ["Redis", { redis: "shared" as const }],
  ["the embedded store", {}],
] as const;

test("BCL-14: all of many logins of one user end", async () => {
  const here = (w = await logoutWorld({ redis: "shared" }));
  const browsers = Array.from({ length: LOGINS }, () => createTestBrowser());
  for (let first = 0; first < LOGINS; first += AT_ONCE) {
    const part = browsers.slice(first, first + AT_ONCE);
    await Promise.all(part.map((browser) => here.signIn("alice", browser)));
  }
  expect((await here.postLogout({ sub: "alice" })).status).toBe(200);
  await until("all are told", () => here.app.ended.length === LOGINS);
  const living = await Promise.all(browsers.map((one) => here.isSignedIn(one)));
  expect(living).not.toContain(true);
});

test.each(stores)(
  "with %s, in races of a login and a logout of its user, none lives that is older",
  async (_name, options) => {
    const issuedAt = new Map<unknown, number>();
    const here = (w = await logoutWorld({
      ...options,
      misbehave: {
        tokenResponse: (right) => {
          const { sub } = decodeJwt(String(right["id_token"]));
          issuedAt.set(sub, performance.now());
          return right;
        },
      },
    }));
    /** Of the last logins, in milliseconds: so long a login takes just now, on this machine. */
    let longest = 0;
    const signIn = async (user: string, browser: TestBrowser) => {
      const startedAt = performance.now();
      const page = await here.signIn(user, browser);
      longest = Math.max(longest, performance.now() - startedAt);
      return page;
    };
    const outcomes = { older: 0, younger: 0, meanwhile: 0 };
    const race = async (user: string, delay: number): Promise<void> => {
      const browser = createTestBrowser();
      const login = signIn(user, browser);
      await pause(delay);
      const createdAt = performance.now();
      const answer = await here.postLogout({ sub: user });
      expect(answer.status).toBe(200);
      const page = await login;
      const isOlder = (issuedAt.get(user) ?? Infinity) < createdAt;
      if (isOlder) outcomes.older += 1;
      else outcomes.younger += 1;
      if (page.body.includes("ERR_LOGGED_OUT_MEANWHILE")) {
        outcomes.meanwhile += 1;
      }
      const lives = await here.isSignedIn(browser);
      expect({ user, isOlder, lives: isOlder && lives }).toEqual({
        user,
        isOlder,
        lives: false,
      });
    };
    await Promise.all(
      QUARTERS.map((at) => signIn(`first ${at}`, createTestBrowser())),
    );
    for (let round = 0; round < RACES; round += QUARTERS.length) {
      const quarter = longest / QUARTERS.length;
      longest = 0;
      // One logout in each quarter of a login.
      await Promise.all(
        QUARTERS.map((at) =>
          race(`user ${round + at}`, quarter * (at + Math.random())),
        ),
      );
    }
    console.info(`races: ${JSON.stringify(outcomes)}`);
    // Otherwise the delays would be no match for this machine.
    expect(outcomes.older).toBeGreaterThan(0);
    expect(outcomes.younger).toBeGreaterThan(0);
  },
  300_000,
);
