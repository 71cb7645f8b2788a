/** The application is told of logins that have ended: the option `onLogout`. */
import { afterEach, describe, expect, test } from "@jest/globals";

import type {
  FormerLogin,
  LoginEndReason,
  LoginKitOptions,
} from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";

interface Told {
  readonly login: FormerLogin;
  readonly reason: LoginEndReason;
}

let w: LyingWorld;
let told: Told[];
let errors: Error[];
let browser: TestBrowser;
afterEach(async () => {
  releaseClock();
  await w.close();
});

async function start(
  onLogout: LoginKitOptions["onLogout"] = () => undefined,
  kit: Partial<LoginKitOptions> = {},
): Promise<void> {
  [told, errors] = [[], []];
  w = await lyingWorld({
    kit: {
      onLogin: ({ claims }) => ({ data: { userId: `own ${claims.sub}` } }),
      onLogout(login, reason) {
        told.push({ login, reason });
        return onLogout(login, reason);
      },
      ...kit,
    },
  });
  w.kit.events.on("error", (error) => errors.push(error));
  browser = await w.signIn("alice");
}

const signOut = (): Promise<Response> =>
  browser.fetchJson(`${w.url}/logout`, { method: "POST" });

test("a user who signs out is told with claims and data, once", async () => {
  await start();
  const id = await w.loginId(browser);
  await signOut();
  await signOut();
  expect(told).toMatchObject([
    {
      reason: "logout",
      login: {
        id,
        provider: "default",
        issuer: w.provider.issuer,
        subject: "alice",
        claims: { sub: "alice" },
        data: { userId: "own alice" },
      },
    },
  ]);
});

test("without data of the login there is an empty object", async () => {
  await start(undefined, { onLogin: () => undefined });
  await signOut();
  expect(told[0]?.login.data).toEqual({});
});

describe("whatever ends a login is told with its reason", () => {
  test("another user who signs in", async () => {
    await start();
    await w.signIn("bob", browser);
    expect(told).toMatchObject([
      { reason: "replaced", login: { subject: "alice" } },
    ]);
  });

  test("the administrator", async () => {
    await start();
    await w.signIn("alice");
    await w.kit.sessions.endAll("alice");
    expect(told.map(({ reason }) => reason)).toEqual(["revoked", "revoked"]);
  });

  test("the provider", async () => {
    await start();
    const answer = await w.provider.postLogoutToken(
      `${w.url}/backchannel-logout`,
      w.provider.logoutToken({ sub: "alice" }),
    );
    expect(answer.status).toBe(200);
    expect(told.map(({ reason }) => reason)).toEqual(["provider_logout"]);
  });

  test("the time, when a request finds it", async () => {
    takeClock();
    await start();
    passSeconds(3600);
    expect(await w.statusFor(browser)).toBe(401);
    expect(told.map(({ reason }) => reason)).toEqual(["expired"]);
  });
});

test("a sign-in that did not come about is no end of a login", async () => {
  await start();
  w.provider.misbehave = {
    intercept: (req, res, next) => {
      if (req.path !== "/token") next();
      else res.status(400).json({ error: "invalid_grant" });
    },
  };
  await expect(w.signIn("bob", browser)).rejects.toThrow();
  expect(told).toEqual([]);
});

describe("a function that fails fails no sign-out", () => {
  test.each<[string, () => unknown, string]>([
    [
      "throws",
      () => {
        throw new Error("the database is away");
      },
      "the database is away",
    ],
    ["rejects", () => Promise.reject(new Error("no row")), "no row"],
    ["hangs", () => new Promise(() => undefined), "hookTimeoutSeconds"],
  ])("it %s: the event error tells", async (_what, onLogout, diagnosis) => {
    await start(onLogout, { hookTimeoutSeconds: 0.2 });
    expect((await signOut()).status).toBe(200);
    expect(await w.statusFor(browser)).toBe(401);
    await until("it is told", () => errors.length > 0);
    expect(errors).toMatchObject([{ code: "ERR_LOGIN_HOOK_FAILED" }]);
    expect(errors[0]?.message).toContain(diagnosis);
  });
});

test("no sign-out waits for it, and kit.close() does", async () => {
  let finish: () => void = () => undefined;
  await start(() => new Promise<void>((resolve) => (finish = resolve)), {
    hookTimeoutSeconds: 60,
  });
  expect((await signOut()).status).toBe(200);
  const order: string[] = [];
  const closed = w.kit.close().then(() => order.push("closed"));
  // A kit that has nothing to wait for is closed in the meantime.
  const idle = await lyingWorld();
  await idle.close();
  order.push("finished");
  finish();
  await closed;
  expect(order).toEqual(["finished", "closed"]);
  expect(errors).toEqual([]);
});

test("what it does to what it is told changes nothing of the sign-out", async () => {
  let claims: unknown;
  await start(
    (login) => {
      Object.assign(login.claims, { sub: "mallory" });
    },
    {
      logoutParameters: (logout) => {
        ({ claims } = logout);
        return {};
      },
    },
  );
  await signOut();
  expect(claims).toMatchObject({ sub: "alice" });
});
