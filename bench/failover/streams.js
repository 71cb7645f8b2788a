/** Pages that listen for the end of their login, which comes by sign-out or from the provider. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { createBrowser } from "./browser.js";

/** A login that ended elsewhere is noticed by then where its message was lost (docs/scaling.md). */
const NOTICED_WITHIN_MS = 16_000;

/**
 * Keeps so many pages open until `stop`: each signs in, listens for a while, and
 * is ended. The end is asked for until it is confirmed.
 *
 * @param postLogoutToken ends all logins of a user at a process; resolves with the status
 */
export function startStreams({ pages, baseUrl, ports, postLogoutToken }) {
  const counts = {
    opened: 0,
    signedOut: 0,
    endedByProvider: 0,
    broken: 0,
    unnoticed: 0,
    revived: 0,
  };
  let turn = 0;
  const portOf = () => ports[(turn += 1) % ports.length];
  let isOver = false;

  const listenOnce = async (user) => {
    const browser = createBrowser(user, baseUrl);
    if (!(await browser.signIn(portOf))) {
      await sleep(500);
      return;
    }
    const stream = await browser.listen(portOf(), "/session/events");
    if (stream === undefined) return;
    counts.opened += 1;
    await sleep(1000 + 4000 * Math.random());
    const isByProvider = counts.opened % 2 === 0;
    while (
      isByProvider
        ? (await postLogoutToken(portOf(), user)) !== 200
        : !(await browser.signOut(portOf()))
    ) {
      if (isOver) return;
      await sleep(300);
    }
    counts[isByProvider ? "endedByProvider" : "signedOut"] += 1;
    const giveUpAt = performance.now() + NOTICED_WITHIN_MS;
    while (!stream.isOver() && performance.now() < giveUpAt) await sleep(50);
    if (!stream.isOver()) counts.unnoticed += 1;
    else if (!stream.text().includes("session-ended")) counts.broken += 1;
    stream.close();
    const { status } = await browser.ask(portOf(), "/me");
    if (status === 200) counts.revived += 1;
  };
  const work = Array.from({ length: pages }, async (_, index) => {
    for (let number = 0; !isOver; number++) {
      await listenOnce(`page-${index}-${number}`);
    }
  });
  return {
    counts,
    async stop() {
      isOver = true;
      await Promise.all(work);
    },
  };
}
