/** Users who ask all the time, sign in and sign out, and what they are answered. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { createBrowser } from "./browser.js";

/** How often each of the steady users asks, in milliseconds. */
const ASK_EVERY_MS = 450;
/** How often somebody new signs in, and somebody signs out. */
const COME_EVERY_MS = 700;

/**
 * Signs users in and lets them ask until `stop`.
 *
 * @param ports of the processes that a balancer would choose from; may change
 */
export async function startLoad({ users, baseUrl, ports }) {
  const steady = Array.from({ length: users }, (_, index) =>
    followed(createBrowser(`user-${index}`, baseUrl)),
  );
  let turn = 0;
  const portOf = () => ports[(turn += 1) % ports.length];
  for (const { browser } of steady) await signInPatiently(browser, portOf);
  const counts = {
    asked: 0,
    unavailable: 0,
    codes: new Map(),
    other: new Map(),
    wrong: 0,
  };
  const come = [];
  const gone = [];
  let isOver = false;

  const askOnce = async (one) => {
    const { browser } = one;
    const path = (one.asked += 1) % 2 === 0 ? "/me" : "/api/orders";
    const answer = await browser.ask(portOf(), path);
    counts.asked += 1;
    const now = performance.now();
    if (answer.status === 200) {
      // Whoever gets another user's page.
      if (JSON.parse(answer.body).sub !== browser.user) counts.wrong += 1;
      one.longestGap = Math.max(one.longestGap, now - one.answeredAt);
      one.answeredAt = now;
      one.refusedAt = undefined;
    } else if (answer.status === 503) {
      counts.unavailable += 1;
      const { code } = JSON.parse(answer.body);
      counts.codes.set(code, (counts.codes.get(code) ?? 0) + 1);
    } else {
      const known = counts.other.get(answer.status) ?? 0;
      counts.other.set(answer.status, known + 1);
    }
  };
  const askAgainAndAgain = async (one) => {
    await sleep(Math.random() * ASK_EVERY_MS);
    while (!isOver) {
      await askOnce(one);
      await sleep(ASK_EVERY_MS * (0.8 + 0.4 * Math.random()));
    }
  };
  const comeAndGo = async () => {
    for (let number = 0; !isOver; number++) {
      const browser = createBrowser(`guest-${number}`, baseUrl);
      if (await browser.signIn(portOf)) {
        come.push(browser);
        // Where the sign-in leads to: a login that nobody uses ends after ten minutes.
        await browser.ask(portOf(), "/me");
      }
      // Every other one leaves after a while.
      const [leaving] = come.length > 3 ? come.splice(0, 1) : [];
      if (leaving !== undefined) {
        if (number % 2 === 1) come.push(leaving);
        else if (await leaving.signOut(portOf())) gone.push(leaving);
      }
      await sleep(COME_EVERY_MS);
    }
  };
  for (const one of steady) one.answeredAt = performance.now();
  const work = [...steady.map(askAgainAndAgain), comeAndGo()];

  const statusOf = async (browser) => {
    // A refresh that another process is about may still be under way.
    for (let attempt = 0; attempt < 40; attempt++) {
      const { status, body } = await browser.ask(portOf(), "/me");
      if (status === 200 || status === 401) return { status, body };
      await sleep(250);
    }
    return { status: 503, body: "" };
  };
  return {
    counts,
    /** Forgets what was before the fault. */
    beginFault() {
      const now = performance.now();
      for (const one of steady) {
        one.longestGap = 0;
        one.answeredAt = Math.max(one.answeredAt, now - ASK_EVERY_MS);
      }
    },
    /** Whether every steady user was answered since then. */
    allServedSince: (time) =>
      steady.every(({ answeredAt }) => answeredAt > time),
    async stop() {
      isOver = true;
      await Promise.all(work);
      const looked = async (browsers) =>
        Promise.all(
          browsers.map(async (browser) => ({
            user: browser.user,
            ...(await statusOf(browser)),
          })),
        );
      const live = await looked([
        ...steady.map(({ browser }) => browser),
        ...come,
      ]);
      const ended = await looked(gone);
      return {
        gapSeconds:
          Math.max(...steady.map(({ longestGap }) => longestGap)) / 1000,
        acknowledged: live.length,
        lost: live
          .filter(({ status }) => status !== 200)
          .map(({ user }) => user),
        signedOut: ended.length,
        revived: ended
          .filter(({ status }) => status === 200)
          .map(({ user }) => user),
      };
    },
  };
}

async function signInPatiently(browser, portOf) {
  for (let attempt = 0; attempt < 5; attempt++) {
    if (await browser.signIn(portOf)) return;
    await sleep(500);
  }
  throw new Error(`${browser.user} cannot sign in`);
}

function followed(browser) {
  return { browser, asked: 0, answeredAt: 0, longestGap: 0 };
}
