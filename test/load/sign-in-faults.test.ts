/** Redis fails at each command of the callback: nobody is signed in unless it was told, and nothing is left. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import {
  type FaultCase,
  faultsOf,
  howItFails,
  printFaults,
} from "../support/fault-table.js";
import { volume } from "../support/volume.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import {
  type SignOutApp,
  type SignOutWorld,
  signOutWorld,
} from "../support/sign-out-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until, untilItWorks } from "../support/until.js";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis.stop();
});

/** How many cases are tried at the same time. */
const LANES = 8;

/** A situation in which a user signs in. */
interface Situation {
  readonly name: string;
  /** Whether the application mounts `kit.session` for all routes. */
  readonly withSession?: boolean;
  /** Who is signed in in the browser before. Default: nobody. */
  readonly before?: "somebody else" | "the same user";
  /** Whether all logins of the user are ended during the token request. */
  readonly isLoggedOut?: boolean;
}

const SITUATIONS: readonly Situation[] = [
  { name: "a first sign-in" },
  { name: "a first sign-in behind kit.session", withSession: true },
  { name: "a sign-in in another user's place", before: "somebody else" },
  {
    name: "a sign-in anew behind kit.session",
    before: "the same user",
    withSession: true,
  },
  { name: "a sign-in, and endAll during it", isLoggedOut: true },
  {
    name: "a sign-in behind kit.session, and endAll during it",
    isLoggedOut: true,
    withSession: true,
  },
];

/** A browser that comes back from the provider. */
interface Attempt {
  readonly user: string;
  readonly browser: TestBrowser;
  readonly before: string | undefined;
  readonly callback: () => Promise<Response>;
  /** Tokens of the login before. */
  readonly earlier: readonly string[];
}

describe.each(
  SITUATIONS.map((situation) => [situation.name, situation] as const),
)("%s", (_name, situation) => {
  let world: SignOutWorld;
  let commands: readonly string[];

  const attempt = async (app: SignOutApp): Promise<Attempt> => {
    const user = randomUUID();
    const browser = createTestBrowser();
    let before: string | undefined;
    if (situation.before !== undefined) {
      before = situation.before === "the same user" ? user : randomUUID();
      await world.signIn({ user: before, browser });
    }
    const earlier = world.tokensOf(user);
    const address = await world.wayBack(app, user, browser);
    if (situation.isLoggedOut === true) {
      const code = address.searchParams.get("code") ?? "";
      world.beforeTokens(code, () => world.soundKit.sessions.endAll(user));
    }
    const callback = (): Promise<Response> =>
      browser.request(address, { initiator: world.provider.url });
    return { user, browser, before, callback, earlier };
  };

  beforeAll(async () => {
    const { withSession = false } = situation;
    world = await signOutWorld({ redis, apps: 1 + LANES, withSession });
    // Undisturbed, to see which commands there are.
    const [app] = world.apps;
    if (app === undefined) throw new Error("there is no application");
    const one = await attempt(app);
    app.proxy.reset();
    const { status } = await one.callback();
    expect(status).toBe(situation.isLoggedOut === true ? 401 : 303);
    await settled(world, one, status);
    commands = app.proxy.commands();
  });
  afterAll(async () => {
    await world.close();
  });

  test("ASVS 16.5.3: whichever command fails, nobody is signed in of whom it was not told", async () => {
    const cases = faultsOf(commands, volume(5, 1));
    const waiting = [...cases];
    // With Redis back, a second may still be too short on a busy machine.
    const prepared = async (app: SignOutApp): Promise<Attempt> => {
      let one: Attempt | undefined;
      await untilItWorks(async () => {
        one = await attempt(app);
      });
      if (one === undefined) throw new Error("nothing is prepared");
      return one;
    };
    const lane = async (app: SignOutApp): Promise<void> => {
      for (let one = waiting.shift(); one; one = waiting.shift()) {
        try {
          app.proxy.heal();
          await until("Redis is back", () => app.kit.ready());
          let outcome: string | undefined;
          for (let tries = 20; outcome === undefined; tries -= 1) {
            if (tries === 0) throw new Error("another command is struck");
            outcome = await outcomeOf(app, await prepared(app), one);
          }
          one.outcome = outcome;
        } catch (error) {
          one.outcome = `WRONG: ${error instanceof Error ? error.message.replaceAll("\n", " ") : String(error)}`;
        }
      }
    };
    await Promise.all(world.apps.slice(1).map(lane));
    printFaults(situation.name, cases);
    expect(cases.filter(({ outcome }) => outcome.includes("WRONG"))).toEqual(
      [],
    );
  }, 600_000);

  /** Undefined: another command was struck, of what an attempt before had left to be done. */
  async function outcomeOf(
    { proxy, kit }: SignOutApp,
    one: Attempt,
    { index, fault, command }: FaultCase,
  ): Promise<string | undefined> {
    proxy.reset();
    proxy.fault(index, ...howItFails(fault));
    const { status, headers } = await one.callback();
    // What is only done after the answer may come a little later; or never,
    // where a busy machine made an earlier command fail.
    await until("the fault strikes", () => proxy.struck(), 3000).catch(
      () => undefined,
    );
    if (status !== 303) {
      expect(String(headers.getSetCookie())).not.toMatch(/session=[^;]/);
    }
    const struck = proxy.commands()[index - 1] ?? "";
    proxy.heal();
    await until("Redis is back", () => kit.ready());
    await settled(world, one, status);
    if (kindOf(struck) !== kindOf(command)) return undefined;
    const { length } = world.tokensOf(one.user);
    const tokens = length - one.earlier.length;
    if (status === 303) return "303, told, signed in";
    return `${String(status)}, nobody${tokens > 0 ? ", revoked" : ""}`;
  }
});

test("all steps in the store together take no longer than one of them may", async () => {
  const world = await signOutWorld({ redis, apps: LANES });
  try {
    await Promise.all(
      world.apps.map(async ({ proxy, kit, ...app }, lane) => {
        const browser = createTestBrowser();
        const user = randomUUID();
        const address = await world.wayBack(
          { proxy, kit, ...app },
          user,
          browser,
        );
        proxy.reset();
        // From the one that prepares the login to the one that makes it live.
        proxy.fault(2 + (lane % 5), "stall", { late: true });
        const answered = browser
          .request(address, { initiator: world.provider.url })
          .then(({ status }) => status);
        await until("the fault strikes", () => proxy.struck());
        // One command that Redis does not answer, and half as long again.
        const tooLong = async (): Promise<string> => {
          const from = performance.now();
          await kit.ready();
          await sleep((performance.now() - from) / 2);
          return "too long";
        };
        const late = tooLong();
        const first = await Promise.race([answered, late]);
        proxy.heal();
        expect([303, 503]).toContain(first);
        await late;
      }),
    );
  } finally {
    await world.close();
  }
});

test("a guarded request is one command; the first of a login is two", async () => {
  const world = await signOutWorld({ redis, apps: 1 });
  try {
    const [app] = world.apps;
    if (app === undefined) throw new Error("there is no application");
    const browser = createTestBrowser();
    const address = await world.wayBack(app, randomUUID(), browser);
    app.proxy.reset();
    await browser.request(address, { initiator: world.provider.url });
    // It was taken, and what came of it is kept behind the answer.
    const isKept = (): boolean =>
      app.proxy.commands().filter((one) => one.includes("transaction:"))
        .length === 2;
    await until("what came of it is kept", isKept);
    const commandsOf = async (): Promise<string[]> => {
      app.proxy.reset();
      const { status } = await browser.fetchJson(`${app.url}/me`);
      expect(status).toBe(200);
      return app.proxy.commands().map((command) => command.split(" ")[0] ?? "");
    };
    expect(await commandsOf()).toEqual(["HMGET", "EVAL"]);
    expect(await commandsOf()).toEqual(["HMGET"]);
  } finally {
    await world.close();
  }
});

/** What has to hold after an attempt that was answered so. */
async function settled(
  { whoIs, successesOf, tokensOf, provider, soundKit }: SignOutWorld,
  { user, browser, before, earlier }: Attempt,
  status: number,
): Promise<void> {
  const earlierSuccesses = before === user ? 1 : 0;
  const isSuccess = successesOf(user) > earlierSuccesses;
  expect([status, isSuccess]).toEqual([status, status === 303]);
  if (isSuccess) {
    expect(await whoIs(browser)).toBe(user);
    return;
  }
  expect([503, 401]).toContain(status);
  // The browser keeps what it had.
  expect(await whoIs(browser)).toBe(before);
  const fresh = tokensOf(user).filter((token) => !earlier.includes(token));
  await until(
    "the new tokens are revoked",
    () => fresh.every((token) => provider.revoked.includes(token)),
    30_000,
  );
  const live = await soundKit.sessions.list(user);
  expect(live).toHaveLength(before === user ? 1 : 0);
}

/** A command without what differs from case to case. */
function kindOf(command: string): string {
  return command.replace(/[\w-]{22,}/g, "");
}
