/** Two providers and three tenants in one browser: sign-ins, answers and logouts in random orders. */
import { expect } from "@jest/globals";
import fc from "fast-check";

import { passSeconds } from "./clock.js";
import { severalWorld, type SeveralWorld } from "./several-world.js";
import { createTestBrowser, type TestBrowser } from "./test-browser.js";

const TENANTS = ["north", "south", "west"];
const NAMES = ["staff", "customers", ...TENANTS];

/** Until then a new login may rest on the session that a Logout Token has ended, in seconds. */
const SESSION_IS_OVER = 61;

/** Something that happens, at a provider and on a host. */
interface Step {
  readonly kind:
    "begin" | "deliver" | "misdeliver" | "logout-token" | "sign-out";
  readonly at: string;
  readonly host: number;
  /** Where a misdelivered answer comes to. */
  readonly to: string;
  readonly toHost: number;
}

/** The one browser that all of it happens in, and what has to be true of it. */
interface Scene {
  readonly w: SeveralWorld;
  readonly browser: TestBrowser;
  /** Answers that wait, by host and provider. */
  readonly held: Map<string, URL>;
  /** By host. */
  readonly signedInAt: Map<number, string>;
}

/** Plays so many random orders on one host or on two; throws where one provider's act touches another's login. */
export async function playInAnyOrder(
  hosts: 1 | 2,
  orders: number,
): Promise<void> {
  const w = await severalWorld({ hosts, tenants: TENANTS });
  try {
    // The same sub and sid at all of them, each in a browser of its own.
    const others = new Map<string, TestBrowser>();
    for (const one of NAMES) others.set(one, await w.signIn(one));
    await fc.assert(
      fc.asyncProperty(
        fc.array(stepOn(hosts), { minLength: 4, maxLength: 10 }),
        async (steps) => {
          await play(steps, w, others);
        },
      ),
      { numRuns: orders },
    );
  } finally {
    await w.close();
  }
}

function stepOn(hosts: number): fc.Arbitrary<Step> {
  const host = fc.nat({ max: hosts - 1 });
  const name = fc.constantFrom(...NAMES);
  return fc.record({
    kind: fc.constantFrom(
      ...([
        "begin",
        "begin",
        "deliver",
        "deliver",
        "misdeliver",
        "misdeliver",
        "logout-token",
        "sign-out",
      ] as const),
    ),
    at: name,
    host,
    to: name,
    toHost: host,
  });
}

async function play(
  steps: readonly Step[],
  w: SeveralWorld,
  others: ReadonlyMap<string, TestBrowser>,
): Promise<void> {
  const scene: Scene = {
    w,
    browser: createTestBrowser(),
    held: new Map(),
    signedInAt: new Map(),
  };
  for (const step of steps) {
    await act(step, scene);
    for (const [index, url] of w.urls.entries()) {
      expect(await w.signedInAt(scene.browser, url)).toBe(
        scene.signedInAt.get(index),
      );
    }
    if (step.kind === "logout-token") await expectOthers(w, others, step.at);
  }
  await expectOthers(w, others);
}

async function act(
  step: Step,
  { w, browser, held, signedInAt }: Scene,
): Promise<void> {
  const { kind, at, host } = step;
  const url = w.urls[host] ?? "";
  const key = `${String(host)} ${at}`;
  const answer = held.get(key);
  switch (kind) {
    case "begin":
      held.set(key, await w.begin(at, browser, url));
      return;
    case "deliver":
      if (answer === undefined) return;
      held.delete(key);
      await browser.navigate(answer);
      signedInAt.set(host, at);
      return;
    case "misdeliver": {
      const { to, toHost } = step;
      if (answer === undefined || (to === at && toHost === host)) return;
      held.delete(key);
      const before = w.tokenRequests();
      const there = w.urls[toHost] ?? "";
      await browser.navigate(`${there}/callback/${to}${answer.search}`);
      expect(w.tokenRequests()).toBe(before);
      return;
    }
    case "logout-token":
      expect((await w.logoutBy(at)).status).toBe(200);
      passSeconds(SESSION_IS_OVER);
      for (const [index, name] of signedInAt) {
        if (name === at) signedInAt.delete(index);
      }
      return;
    case "sign-out":
      if (!signedInAt.has(host)) return;
      await w.signOut(browser, url);
      signedInAt.delete(host);
  }
}

/** All are signed in but the one whose provider has ended its session, which is signed in anew. */
async function expectOthers(
  w: SeveralWorld,
  others: ReadonlyMap<string, TestBrowser>,
  ended?: string,
): Promise<void> {
  for (const [one, browser] of others) {
    expect(await w.signedInAt(browser)).toBe(one === ended ? undefined : one);
    if (one === ended) await w.signIn(one, browser);
  }
}
