/** A viewer sees what his own browsers did, whatever others send. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";

import {
  INSPECTOR,
  type InspectedWorld,
  inspectedWorld,
} from "../support/inspected-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";

const COOKIE = "login-kit-inspector";
let w: InspectedWorld;
let browser: TestBrowser;

beforeEach(async () => {
  w = await inspectedWorld();
  browser = await w.viewer();
});
afterEach(async () => {
  await w.close();
});

async function titles(one: TestBrowser): Promise<readonly string[]> {
  return (await w.runsOf(one)).map(({ title }) => title);
}

/** Begins a login, and gives the address with the provider's answer. */
async function answerOf(one: TestBrowser): Promise<string> {
  const page = await one.navigate(`${w.url}/login?login_hint=alice`, {
    stopBefore: ({ pathname }) => pathname === "/callback",
  });
  return page.response.headers.get("location") ?? "";
}

test("who has stolen a state sees nothing of the login, and leaves nothing in it", async () => {
  const answer = await answerOf(browser);
  const thief = await w.viewer();
  await thief.request(answer, { headers: { "user-agent": "Thief/1" } });
  await browser.navigate(answer);
  const seen = JSON.stringify(await w.runsOf(thief));
  expect(seen).not.toContain("authorization-request");
  expect(seen).not.toContain("alice");
  const own = JSON.stringify(await w.runsOf(browser));
  expect(own).not.toContain("Thief");
  expect(await titles(browser)).toEqual(["Login of alice"]);
});

test("who was lured to another's answer without the inspector shows nothing of himself", async () => {
  const answer = await answerOf(browser);
  const lured = createTestBrowser();
  await lured.jar.setCookie("own-cookie=1; Path=/", w.url);
  await lured.request(answer, { headers: { "user-agent": "Lured/1" } });
  const run = (await w.runsOf(browser)).at(-1);
  expect(run?.failure?.code).toBe("ERR_TRANSACTION_NOT_FOUND");
  expect(JSON.stringify(run)).not.toMatch(/Lured|own-cookie/);
});

test("only who may look becomes a viewer: made-up cookies put nobody out", async () => {
  await w.signIn("alice", browser);
  for (let count = 0; count < 30; count++) {
    const stranger = createTestBrowser();
    const id = String(count).padStart(22, "x");
    await stranger.jar.setCookie(`${COOKIE}=${id}; Path=/`, w.url);
    await stranger.request(`${w.url}/me`);
  }
  expect(await titles(browser)).toEqual(["Login of alice"]);
});

test("of more viewers than are remembered, those with an open page stay", async () => {
  await w.signIn("alice", browser);
  const live = await browser.fetchJson(`${w.url}${INSPECTOR}/live`);
  for (let count = 0; count < 25; count++) await w.viewer();
  await live.body?.cancel();
  expect(await titles(browser)).toEqual(["Login of alice"]);
});

test("a cookie from before a restart counts again once the page has asked", async () => {
  const old = createTestBrowser();
  await old.jar.setCookie(`${COOKIE}=${"o".repeat(22)}; Path=/`, w.url);
  expect(await titles(old)).toEqual([]);
  await w.signIn("alice", old);
  expect(await titles(old)).toEqual(["Login of alice"]);
});

test("a second cookie of the name, tossed by another host or path, ends the recording", async () => {
  await browser.jar.setCookie(`${COOKIE}=${"e".repeat(22)}; Path=/me`, w.url);
  const evil = createTestBrowser();
  await evil.jar.setCookie(`${COOKIE}=${"e".repeat(22)}; Path=/`, w.url);
  await evil.navigate(`${w.url}${INSPECTOR}/`);
  await browser.request(`${w.url}/me`);
  expect(await titles(evil)).toEqual([]);
  expect(await titles(browser)).toEqual([]);
});

test("refused Logout Tokens of strangers do not push out the viewer's own runs", async () => {
  await w.signIn("alice", browser);
  for (let count = 0; count < 120; count++) {
    await w.provider.postLogoutToken(`${w.url}/backchannel-logout`, "none");
  }
  const all = await titles(browser);
  expect(all[0]).toBe("Login of alice");
  expect(all).toHaveLength(11);
});

test("a page of another site in a frame makes no viewer", async () => {
  const answer = await fetch(`${w.url}${INSPECTOR}/`, {
    headers: {
      "sec-fetch-dest": "iframe",
      "sec-fetch-mode": "navigate",
      "sec-fetch-site": "cross-site",
    },
  });
  expect(answer.status).toBe(403);
  expect(answer.headers.get("set-cookie")).toBeNull();
});
