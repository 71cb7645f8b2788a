/** The option `session.persistSeconds`: browsers keep the cookie so long after the sign-in, and no longer. */
import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { type SessionWorld, sessionWorld } from "../support/session-world.js";
import { signOutAndComeBack } from "../support/sign-out.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { closeRedis, isCallback } from "../support/world.js";

const HOUR = 3600;

let w: SessionWorld;
let signedInAt: number;
beforeEach(takeClock);
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

async function start(
  session: object = { persistSeconds: HOUR },
): Promise<void> {
  w = await sessionWorld({ session: session as never });
  // `Expires` knows whole seconds only.
  passSeconds(1 - (Date.now() % 1000) / 1000);
  signedInAt = Date.now();
}

/** Seconds after the sign-in at which the browser drops the cookie; Infinity: with its own session. */
async function cookieEnd(browser: TestBrowser): Promise<number> {
  const cookies = await browser.jar.getCookies(w.url);
  const cookie = cookies.find(({ key }) => key === "session");
  if (cookie === undefined) return 0;
  const expires = cookie.expiryTime();
  return expires === Infinity || expires === undefined
    ? Infinity
    : Math.round((expires - signedInAt) / 1000);
}

/** What browsers do with the cookie. */
async function cookieRules(browser: TestBrowser): Promise<object> {
  const cookies = await browser.jar.getCookies(w.url);
  const cookie = cookies.find(({ key }) => key === "session");
  const { httpOnly, secure, sameSite, path, domain } = cookie ?? {};
  return { httpOnly, secure, sameSite, path, domain };
}

test("without it the cookie has no end", async () => {
  await start({});
  expect(await cookieEnd(await w.signedIn("alice"))).toBe(Infinity);
});

test("the cookie ends so long after the sign-in, however often the session changes", async () => {
  await start();
  const browser = await w.signIn("alice");
  expect(await cookieEnd(browser)).toBe(HOUR);
  for (const minute of ["ten", "twenty"]) {
    passSeconds(600);
    await w.ask(`/note/${minute}`, browser);
    expect(await cookieEnd(browser)).toBe(HOUR);
  }
  expect(await w.ask("/both", browser)).toEqual([200, ["alice", "twenty"]]);
});

test("a session without a login has a cookie without an end", async () => {
  await start();
  const browser = createTestBrowser();
  await w.ask("/note/nobody", browser);
  expect(await cookieEnd(browser)).toBe(Infinity);
});

test("a sign-in that the browser hears of late has the end of the first answer", async () => {
  await start();
  const browser = createTestBrowser();
  const page = await browser.navigate(`${w.url}/login?login_hint=alice`, {
    stopBefore: isCallback,
  });
  const address = page.response.headers.get("location") ?? "";
  await browser.clone().request(address);
  passSeconds(20);
  await browser.navigate(address);
  expect(await w.statusFor(browser)).toBe(200);
  expect(await cookieEnd(browser)).toBe(HOUR);
});

test("a session that is lost while its login lives gets the same end", async () => {
  await start();
  const browser = await w.signedIn("alice");
  await w.redis.del(await w.redis.keys(`${w.prefix}session:*`));
  passSeconds(600);
  await w.ask("/note/again", browser);
  expect(await cookieEnd(browser)).toBe(HOUR);
});

test("the first value that is put into a session changes nothing but the cookie's end", async () => {
  await start();
  const browser = await w.signIn("alice");
  const atSignIn = await cookieRules(browser);
  passSeconds(600);
  await w.ask("/note/first", browser);
  expect(await cookieRules(browser)).toEqual(atSignIn);
  expect(atSignIn).toMatchObject({ httpOnly: true, sameSite: "lax" });
});

test("what is stored lives as long as without it", async () => {
  await start({ persistSeconds: 60, absoluteTimeoutSeconds: 2 * HOUR });
  const browser = await w.signedIn("alice");
  await w.ask("/note/again", browser);
  const [key = ""] = await w.redis.keys(`${w.prefix}session:*`);
  expect(await w.redis.ttl(key)).toBeGreaterThan(HOUR);
});

test("signing out takes the cookie back", async () => {
  await start();
  const browser = await w.signedIn("alice");
  await signOutAndComeBack(browser, w.url);
  expect(await cookieEnd(browser)).toBe(0);
});
