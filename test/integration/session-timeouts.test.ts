/** When a login ends by time: the server decides, whatever the browser holds. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import type { JWTPayload } from "jose";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { tellLie } from "../support/id-token-liar.js";
import { type Page, createTestBrowser } from "../support/test-browser.js";
import {
  closeRedis,
  SESSION_SECRET,
  world,
  type World,
  type WorldOptions,
} from "../support/world.js";

let w: World;
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

const MINUTE = 60;
const HOUR = 60 * MINUTE;

const stores = [
  ["Redis", false],
  ["the embedded store", true],
] as const;

describe.each(stores)(
  "with %s, whatever the cookie says,",
  (_name, embedded) => {
    test("ASVS 7.3.1: a login that was not used for the idle timeout is over", async () => {
      await signedIn({ embedded });
      const cookie = await keptForEver();
      passSeconds(30 * MINUTE - 5);
      expect(await statusWith(cookie)).toBe(200);
      passSeconds(30 * MINUTE + 1);
      expect(await statusWith(cookie)).toBe(401);
    });

    test("ASVS 7.3.2: a login is over after the absolute timeout, however much it is used", async () => {
      await signedIn({
        embedded,
        kit: {
          session: {
            secret: SESSION_SECRET,
            idleTimeoutSeconds: HOUR,
            absoluteTimeoutSeconds: 2 * HOUR,
          },
        },
      });
      const cookie = await keptForEver();
      for (let round = 0; round < 3; round++) {
        passSeconds(39 * MINUTE);
        expect(await statusWith(cookie)).toBe(200);
      }
      passSeconds(3 * MINUTE + 1);
      expect(await statusWith(cookie)).toBe(401);
    });

    test("a login that ran out stays over when the clock is put back", async () => {
      await signedIn({ embedded });
      const cookie = await keptForEver();
      passSeconds(31 * MINUTE);
      expect(await statusWith(cookie)).toBe(401);
      passSeconds(-31 * MINUTE);
      expect(await statusWith(cookie)).toBe(401);
    });
  },
);

test("ASVS 7.3.1: the cookie itself names no time: it ends with the browser", async () => {
  const page = await signedIn({});
  const cookies = await w.browser.jar.getCookies(w.app.url);
  const session = cookies.find(({ key }) => key === "session");
  expect(page.response.status).toBe(200);
  expect(session).toMatchObject({ expires: "Infinity", maxAge: null });
});

describe.each([
  [
    "GET /session",
    (): Promise<Response> => w.browser.fetchJson(`${w.app.url}/session`),
  ],
  [
    "HEAD /session",
    (): Promise<Response> =>
      w.browser.fetchJson(`${w.app.url}/session`, { method: "HEAD" }),
  ],
  ["GET /session/events", listen],
  [
    "GET /logout",
    (): Promise<Response> => w.browser.request(`${w.app.url}/logout`),
  ],
])("%s", (_request, ask) => {
  test.each(stores)(
    "ASVS 7.3.1: does not extend the login, with %s",
    async (_name, embedded) => {
      await signedIn({ embedded });
      for (let round = 0; round < 2; round++) {
        passSeconds(14 * MINUTE);
        expect((await ask()).status).toBe(200);
      }
      passSeconds(3 * MINUTE);
      expect(await statusOfMe()).toBe(401);
    },
  );
});

test("ASVS 7.3.1: a page that is asked for does extend it", async () => {
  await signedIn({});
  for (let round = 0; round < 2; round++) {
    passSeconds(14 * MINUTE);
    expect(await statusOfMe()).toBe(200);
  }
  passSeconds(29 * MINUTE);
  expect(await statusOfMe()).toBe(200);
});

describe("session.endClaim", () => {
  // Shows: ASVS 7.6.1
  test.each(stores)(
    "ends the login at the time that the provider names, however much it is used, with %s",
    async (_name, embedded) => {
      await signedInWith(
        (claims) => ({ ...claims, session_expiry: inSeconds(40 * MINUTE) }),
        { embedded },
      );
      const cookie = await keptForEver();
      passSeconds(20 * MINUTE);
      expect(await statusWith(cookie)).toBe(200);
      passSeconds(19 * MINUTE);
      expect(await statusWith(cookie)).toBe(200);
      passSeconds(MINUTE + 1);
      expect(await statusWith(cookie)).toBe(401);
    },
  );

  test("is told to the page as the time that is left", async () => {
    await signedInWith((claims) => ({
      ...claims,
      session_expiry: inSeconds(10 * MINUTE),
    }));
    expect(await secondsLeft()).toBeLessThanOrEqual(10 * MINUTE);
    expect(await secondsLeft()).toBeGreaterThan(9 * MINUTE);
  });

  test("may be a time with a fraction", async () => {
    await signedInWith((claims) => ({
      ...claims,
      session_expiry: inSeconds(10 * MINUTE) + 0.5,
    }));
    passSeconds(10 * MINUTE - 5);
    expect(await statusOfMe()).toBe(200);
    passSeconds(6);
    expect(await statusOfMe()).toBe(401);
  });

  test("may be exp: the login ends with its ID Token", async () => {
    await signedInWith(
      (claims) => ({ ...claims, exp: inSeconds(40 * MINUTE) }),
      { endClaim: "exp" },
    );
    passSeconds(20 * MINUTE);
    expect(await statusOfMe()).toBe(200);
    passSeconds(19 * MINUTE);
    expect(await statusOfMe()).toBe(200);
    passSeconds(MINUTE + 1);
    expect(await statusOfMe()).toBe(401);
  });

  test("does not keep a login beyond the absolute timeout", async () => {
    await signedInWith(
      (claims) => ({ ...claims, session_expiry: inSeconds(100 * HOUR) }),
      { absoluteTimeoutSeconds: 20 * MINUTE },
    );
    passSeconds(20 * MINUTE - 5);
    expect(await statusOfMe()).toBe(200);
    passSeconds(6);
    expect(await statusOfMe()).toBe(401);
  });

  test("does not keep a login beyond the idle timeout", async () => {
    await signedInWith((claims) => ({
      ...claims,
      session_expiry: inSeconds(2 * HOUR),
    }));
    passSeconds(31 * MINUTE);
    expect(await statusOfMe()).toBe(401);
  });

  test("does not count when nobody asked for it", async () => {
    await signedInWith(
      (claims) => ({ ...claims, session_expiry: inSeconds(10 * MINUTE) }),
      { endClaim: undefined },
    );
    expect(await secondsLeft()).toBeGreaterThan(29 * MINUTE);
  });

  test.each<[string, () => number]>([
    ["a second ago", () => inSeconds(-1)],
    ["long ago", () => inSeconds(-100 * HOUR)],
    ["1970", () => 0],
    ["before 1970", () => -1],
  ])(
    "of %s refuses the login, and the browser does not go round in circles",
    async (_when, end) => {
      const page = await signedInWith((claims) => ({
        ...claims,
        session_expiry: end(),
      }));
      expect(page.response.status).toBe(502);
      expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
      expect(await statusOfMe()).toBe(401);
    },
  );

  test("refuses the login also when the time passes while it is being completed", async () => {
    takeClock();
    w = await world({
      embedded: true,
      kit: { session: { secret: SESSION_SECRET, endClaim: "session_expiry" } },
    });
    await tellLie(w.provider, {
      claims: (claims) => ({ ...claims, session_expiry: inSeconds(5) }),
    });
    const tell = w.provider.intercept;
    w.provider.intercept = (req, res) => {
      // UserInfo is asked for last.
      if (req.url === "/me") passSeconds(10);
      return tell?.(req, res) ?? false;
    };
    const page = await w.signIn();
    expect(page.response.status).toBe(502);
    expect(page.body).toContain("ERR_ID_TOKEN_INVALID");
  });

  test.each<[string, JWTPayload]>([
    ["is missing", {}],
    ["is a text", { session_expiry: "1" }],
    ["is a date", { session_expiry: "2020-01-01T00:00:00Z" }],
    ["is null", { session_expiry: null }],
    ["is a list", { session_expiry: [1] }],
    ["is an object", { session_expiry: { value: 1 } }],
    ["is true", { session_expiry: true }],
  ])("changes nothing when the claim %s", async (_what, more) => {
    const page = await signedInWith((claims) => ({ ...claims, ...more }));
    expect(page.response.status).toBe(200);
    expect(await secondsLeft()).toBeGreaterThan(29 * MINUTE);
  });
});

/** Seconds since 1970 by the clock of the test. */
function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

/** A world with its clock in our hands, and alice signed in. */
async function signedIn(options: WorldOptions): Promise<Page> {
  takeClock();
  w = await world({ embedded: true, ...options });
  return await w.signIn();
}

/** The same, with these claims in the ID Token. */
async function signedInWith(
  claims: (claims: JWTPayload) => JWTPayload,
  {
    embedded = true,
    ...session
  }: {
    readonly embedded?: boolean;
    readonly endClaim?: string | undefined;
    readonly absoluteTimeoutSeconds?: number;
  } = {},
): Promise<Page> {
  takeClock();
  const { endClaim } = { endClaim: "session_expiry", ...session };
  const { absoluteTimeoutSeconds } = session;
  w = await world({
    embedded,
    kit: {
      session: {
        secret: SESSION_SECRET,
        ...(endClaim !== undefined && { endClaim }),
        ...(absoluteTimeoutSeconds !== undefined && { absoluteTimeoutSeconds }),
      },
    },
  });
  await tellLie(w.provider, { claims });
  return await w.signIn();
}

/** The browser's cookie as somebody could write it down, without any time. */
function keptForEver(): Promise<string> {
  return w.browser.jar.getCookieString(w.app.url);
}

async function statusWith(cookie: string): Promise<number> {
  const answer = await createTestBrowser().fetchJson(`${w.app.url}/me`, {
    headers: { Cookie: cookie },
  });
  return answer.status;
}

async function statusOfMe(): Promise<number> {
  return (await w.browser.fetchJson(`${w.app.url}/me`)).status;
}

async function secondsLeft(): Promise<unknown> {
  const answer = await w.browser.fetchJson(`${w.app.url}/session`);
  return ((await answer.json()) as Record<string, unknown>)["seconds_left"];
}

/** Opens the stream of events and closes it again. */
async function listen(): Promise<Response> {
  const stop = new AbortController();
  const answer = await w.browser.fetchJson(`${w.app.url}/session/events`, {
    signal: stop.signal,
  });
  stop.abort();
  return answer;
}
