/** Redis fails at each command of what ends a login: what is over is told once and revoked, the rest can be tried again. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import { faultsOf, howItFails, printFaults } from "../support/fault-table.js";
import { volume } from "../support/volume.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import { landingOf, providerAddressIn } from "../support/sign-out.js";
import {
  type SignedIn,
  type SignOutApp,
  type SignOutWorld,
  signOutWorld,
} from "../support/sign-out-world.js";
import { until } from "../support/until.js";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis.stop();
});

/** One of the ways in which logins end. */
interface Way {
  readonly name: string;
  readonly withSession?: boolean;
  /** The status of the answer; 503 for a store that failed. */
  readonly act: (act: Act) => Promise<number>;
  /** What an answer has to hold when it is not 503. */
  readonly succeeds: number;
}

interface Act {
  readonly world: SignOutWorld;
  readonly app: SignOutApp;
  readonly login: SignedIn;
  /** A Logout Token for this login: the same one each time. */
  readonly logoutToken: (claims: Claims) => string;
}

interface Claims {
  readonly sub?: string;
  readonly sid?: string;
}

const signOut: Way["act"] = async ({ world, app, login }) => {
  const answer = await login.browser.request(`${app.url}/logout`, {
    method: "POST",
    initiator: app.url,
  });
  if (answer.status !== 200) return answer.status;
  // Whoever gets this far is sent to the provider, as whom it knows.
  const location = providerAddressIn(answer);
  expect(location.origin).toBe(world.provider.url);
  expect(location.searchParams.get("id_token_hint")).toMatch(/^ey/);
  expect(String(answer.headers.getSetCookie())).toMatch(/session=;/);
  const known = landings.get(login.loginId) ?? [];
  landings.set(login.loginId, [...known, landingOf(location.href)]);
  return answer.status;
};

/** Where the provider sends the browser back that has signed out, once for each time, by login: then its tokens are revoked. */
const landings = new Map<string, readonly URL[]>();

const backchannel =
  (claimsOf: (login: SignedIn) => Claims): Way["act"] =>
  async ({ world, app, login, logoutToken }) => {
    const answer = await world.provider.postLogoutToken(
      `${app.url}/backchannel-logout`,
      logoutToken(claimsOf(login)),
    );
    return answer.status;
  };

const frontchannel: Way["act"] = async ({ world, app, login }) => {
  const address = new URL("/frontchannel-logout", app.url);
  address.searchParams.set("iss", world.provider.issuer);
  address.searchParams.set("sid", login.sid);
  const answer = await login.browser.request(address);
  if (answer.status === 200) {
    expect(String(answer.headers.getSetCookie())).toMatch(/session=;/);
  }
  return answer.status;
};

const WAYS: readonly Way[] = [
  { name: "POST /logout", act: signOut, succeeds: 200 },
  {
    name: "POST /logout behind kit.session",
    withSession: true,
    act: signOut,
    succeeds: 200,
  },
  {
    name: "back-channel logout by sid",
    act: backchannel(({ sid }) => ({ sid })),
    succeeds: 200,
  },
  {
    name: "back-channel logout by sub",
    act: backchannel(({ user }) => ({ sub: user })),
    succeeds: 200,
  },
  { name: "front-channel logout", act: frontchannel, succeeds: 200 },
  {
    name: "kit.sessions.endAll",
    act: ({ app, login }) =>
      statusOf(() => app.kit.sessions.endAll(login.user)),
    succeeds: 200,
  },
  {
    name: "kit.sessions.end",
    act: ({ app, login }) =>
      statusOf(() => app.kit.sessions.end(login.user, login.loginId)),
    succeeds: 200,
  },
];

describe.each(WAYS.map((way) => [way.name, way] as const))(
  "%s",
  (_name, way) => {
    let world: SignOutWorld;
    let commands: string[];

    beforeAll(async () => {
      const { withSession = false } = way;
      const apps = 1 + LANES;
      world = await signOutWorld({ redis, apps, withSession });
      // Undisturbed, to see which commands there are.
      const [app] = world.apps;
      if (app === undefined) throw new Error("there is no application");
      const login = await world.signIn();
      app.proxy.reset();
      expect(await way.act(actOf(world, app, login))).toBe(way.succeeds);
      await told(world, login);
      commands = app.proxy.commands();
    });
    afterAll(async () => {
      await world.close();
    });

    test("ASVS 7.4.1, 16.5.3: it finishes whichever command fails, or can be tried again", async () => {
      const cases = faultsOf(commands, volume(5, 1));
      const waiting = [...cases];
      const logins: SignedIn[] = [];
      const lane = async (app: SignOutApp): Promise<void> => {
        for (let one = waiting.shift(); one; one = waiting.shift()) {
          await until("Redis is back", () => app.kit.ready(), 60_000);
          const login = await world.signIn();
          logins.push(login);
          try {
            one.outcome = await outcomeOf(way, actOf(world, app, login), one);
          } catch (error) {
            one.outcome = `WRONG: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`;
          }
        }
      };
      await Promise.all(world.apps.slice(1).map(lane));
      await Promise.all(logins.map((login) => backAndTold(world, login)));
      await revoked(world, logins);
      // What came late would come by now.
      const wrong = logins.filter(
        (login) =>
          world.endsOf(login).length !== 1 ||
          world.revocationsOf(login) !== login.tokens.length,
      );
      printFaults(way.name, cases);
      expect(cases.filter(({ outcome }) => outcome.includes("WRONG"))).toEqual(
        [],
      );
      expect(wrong).toEqual([]);
    }, 600_000);
  },
);

describe("two processes", () => {
  let world: SignOutWorld;

  beforeEach(async () => {
    world = await signOutWorld({ redis, apps: 2 });
  });
  afterEach(async () => {
    await world.close();
  });

  const twoApps = (): readonly [SignOutApp, SignOutApp] => {
    const [one, other] = world.apps;
    if (one === undefined || other === undefined) throw new Error("too few");
    return [one, other];
  };

  test("one that got no answer tells and revokes, also when another one was asked meanwhile", async () => {
    const [one, other] = twoApps();
    const login = await world.signIn();
    one.proxy.reset();
    // The script that ends the login.
    one.proxy.fault(2, "cut-after", { away: true });
    expect(await signOut(actOf(world, one, login))).toBe(503);
    expect(one.proxy.commands().at(1)).toMatch(/^EVAL .*:login$/);
    expect(await world.isSignedIn(login.browser)).toBe(false);
    expect(await signOut(actOf(world, other, login))).toBe(200);
    expect(world.endsOf(login)).toEqual([]);
    one.proxy.heal();
    await backAndTold(world, login);
    await revoked(world, [login]);
    expect(world.endsOf(login)).toHaveLength(1);
    expect(world.revocationsOf(login)).toBe(2);
  });

  test("one that has not ended the login yet leaves it to another one, which does", async () => {
    const [one, other] = twoApps();
    const login = await world.signIn();
    one.proxy.reset();
    one.proxy.fault(2, "cut-before", { away: true });
    expect(await signOut(actOf(world, one, login))).toBe(503);
    expect(await world.isSignedIn(login.browser)).toBe(true);
    expect(await signOut(actOf(world, other, login))).toBe(200);
    await backAndTold(world, login);
    await until("it is revoked", () => world.revocationsOf(login) >= 2);
    expect(world.endsOf(login)).toHaveLength(1);
    expect(world.revocationsOf(login)).toBe(2);
    const before = one.proxy.commands().length;
    one.proxy.heal();
    // It asks once more, and learns that there is nothing left to do.
    await until("it asks", () => one.proxy.commands().length > before);
    await until("Redis is back", () => one.kit.ready(), 60_000);
    expect(world.endsOf(login)).toHaveLength(1);
    expect(world.revocationsOf(login)).toBe(2);
  });

  test("twenty sign-outs at once are one, and each leads to the provider with its hint", async () => {
    const apps = twoApps();
    const login = await world.signIn();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_value, index) => {
        const browser = login.browser.clone();
        const app = apps[index % 2] ?? apps[0];
        return signOut(actOf(world, app, { ...login, browser }));
      }),
    );
    expect(answers).toEqual(answers.map(() => 200));
    await backAndTold(world, login);
    await revoked(world, [login]);
    expect(world.endsOf(login)).toHaveLength(1);
    expect(world.revocationsOf(login)).toBe(2);
  });
});

/** How many cases are tried at the same time. */
const LANES = 8;

/** Lets the fault strike, heals Redis, and tries again if that is what the first answer said. */
async function outcomeOf(
  way: Way,
  act: Act,
  { index, fault }: { readonly index: number; readonly fault: string },
): Promise<string> {
  const { world, app, login } = act;
  app.proxy.reset();
  app.proxy.fault(index, ...howItFails(fault));
  const first = await way.act(act);
  expect(app.proxy.struck()).toBe(true);
  app.proxy.heal();
  expect([503, way.succeeds]).toContain(first);
  let outcome = String(first);
  if (first === 503) {
    await until("Redis is back", () => app.kit.ready(), 60_000);
    const second = await way.act(act);
    expect(second).toBe(way.succeeds);
    outcome += ` then ${String(second)}`;
  }
  expect(await world.isSignedIn(login.browser)).toBe(false);
  await told(world, login);
  expect(world.endsOf(login)).toHaveLength(1);
  return outcome;
}

function told(world: SignOutWorld, login: SignedIn): Promise<void> {
  return until("it is told", () => world.endsOf(login).length > 0, 30_000);
}

/** The browser comes back from the provider, and the end of the login is told. */
async function backAndTold(
  world: SignOutWorld,
  login: SignedIn,
): Promise<void> {
  expect(login.tokens).toHaveLength(2);
  for (const landing of landings.get(login.loginId) ?? []) {
    await login.browser.request(landing);
  }
  await told(world, login);
}

/**
 * The tokens of logins whose ends were told are revoked: where the browser was
 * back before the work was done, or at another process, when the kit closes,
 * which is earlier than the half minute that it gives the browser.
 */
async function revoked(
  world: SignOutWorld,
  logins: readonly SignedIn[],
): Promise<void> {
  await Promise.all(world.apps.map(({ kit }) => kit.close()));
  await until("they are revoked", () =>
    logins.every((login) => world.revocationsOf(login) >= login.tokens.length),
  );
}

function actOf(world: SignOutWorld, app: SignOutApp, login: SignedIn): Act {
  let token: string | undefined;
  return {
    world,
    app,
    login,
    logoutToken: (claims) => (token ??= world.provider.logoutToken(claims)),
  };
}

async function statusOf(call: () => Promise<unknown>): Promise<number> {
  try {
    await call();
    return 200;
  } catch (error) {
    const { status } = error as { status?: unknown };
    if (typeof status !== "number") throw error;
    return status;
  }
}
