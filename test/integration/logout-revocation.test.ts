/** When the tokens of who signs out are revoked: after the provider's own logout, and in any case. */
import {
  afterAll,
  afterEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";

import {
  logoutWorld,
  type LogoutWorld,
  type LogoutWorldOptions,
} from "../support/logout-world.js";
import {
  landingOf,
  pressLogout,
  providerAddressIn,
} from "../support/sign-out.js";
import { until } from "../support/until.js";
import { closeRedis } from "../support/world.js";

let w: LogoutWorld;
afterEach(async () => {
  jest.useRealTimers();
  await w.close();
});
afterAll(closeRedis);

/** How long the kit waits for a browser. */
const AWAY_MS = 30_000;

/** Someone is signed in at one process, or at two. */
async function start(options: LogoutWorldOptions = {}): Promise<void> {
  w = await logoutWorld({ signedInAs: "alice", ...options });
}

const bothRevoked = (): Promise<void> =>
  until("both tokens are revoked", () => w.provider.revoked.length === 2);

/** Round trips, in which a revocation that had begun would have come. */
async function roundTrips(): Promise<void> {
  for (let round = 0; round < 10; round++) {
    await fetch(`${w.provider.url}/jwks`);
  }
}

/** From now on the kit's timers wait for the test; sockets and the clock go on. */
function takeTimers(): void {
  jest.useFakeTimers({
    doNotFake: [
      "clearImmediate",
      "Date",
      "hrtime",
      "nextTick",
      "performance",
      "queueMicrotask",
      "setImmediate",
    ],
  });
}

const byPageLoad = async (browser = w.browser): Promise<string> => {
  const answer = await pressLogout(browser, w.app.url);
  return answer.status === 200
    ? providerAddressIn(answer).href
    : (answer.headers.get("location") ?? "");
};

const byFetch = async (browser = w.browser): Promise<string> => {
  const answer = await browser.fetchJson(`${w.app.url}/logout`, {
    method: "POST",
  });
  return ((await answer.json()) as { location: string }).location;
};

describe.each([
  ["a page load", byPageLoad],
  ["a fetch", byFetch],
])("RV-02: after a sign-out by %s", (_way, signOut) => {
  test("the provider's logout comes first, then the revocation", async () => {
    await start();
    const home = await w.browser.navigate(await signOut());
    expect(home.body).toBe("home");
    await bothRevoked();
    const asked = w.provider.requests.filter(
      (request) =>
        request === "POST /revoke" || request.includes("end-session"),
    );
    expect(asked).toEqual(["GET /end-session", "POST /revoke", "POST /revoke"]);
  });

  test("a provider that forgets a client with its refresh token tells its other logins first", async () => {
    await start();
    w.provider.misbehave = {
      intercept(req, _res, next) {
        const sessions = w.provider.sessions.values();
        if (req.path === "/revoke") {
          for (const { clients } of sessions) clients.clear();
        }
        next();
      },
    };
    const other = w.withProviderSessionOf(w.browser);
    await w.signIn("alice", other);
    expect(await w.isSignedIn(other)).toBe(true);
    await w.browser.navigate(await signOut());
    expect(await w.isSignedIn(other)).toBe(false);
  });

  test("the tokens are revoked half a minute later where the browser never comes back", async () => {
    await start();
    takeTimers();
    await signOut();
    jest.advanceTimersByTime(AWAY_MS - 1);
    await roundTrips();
    expect(w.provider.revoked).toEqual([]);
    jest.advanceTimersByTime(1);
    jest.useRealTimers();
    await bothRevoked();
  });

  test("kit.close() is fulfilled when the tokens that still wait are revoked", async () => {
    await start();
    await signOut();
    await roundTrips();
    expect(w.provider.revoked).toEqual([]);
    await w.app.kit.close();
    expect(w.provider.revoked).toHaveLength(2);
  });
});

test("RV-02: a browser that comes back to another process: the first one revokes all the same", async () => {
  await start({ redis: "shared" });
  const other = await w.startAnother();
  takeTimers();
  const landing = landingOf(await byPageLoad());
  const { status } = await w.browser.request(
    `${other.url}/logged-out${landing.search}`,
  );
  expect(status).toBe(303);
  await roundTrips();
  expect(w.provider.revoked).toEqual([]);
  jest.advanceTimersByTime(AWAY_MS);
  jest.useRealTimers();
  await bothRevoked();
});

test("RV-02: a sign-out while kit.close() is at work waits for no browser, and is waited for", async () => {
  await start();
  const bob = w.withProviderSessionOf(w.browser);
  await w.signIn("bob", bob);
  await byPageLoad();
  const hold = w.provider.hold("/revoke", "request");
  const closing = w.app.kit.close();
  await hold.reached;
  await byPageLoad(bob);
  hold.release();
  await closing;
  expect(w.provider.revoked).toHaveLength(4);
});

test("RV-02: the second of two clicks, whose answer the browser follows, brings it back as well", async () => {
  await start();
  const copy = w.browser.clone();
  const first = landingOf(await byPageLoad());
  const second = landingOf(await byPageLoad(copy));
  expect(second.href).not.toBe(first.href);
  await copy.request(second);
  await bothRevoked();
});

test("RPIL-09: a landing with a state that is nobody's, or with two, revokes nothing", async () => {
  await start();
  const landing = landingOf(await byPageLoad());
  const twice = new URL(landing);
  twice.searchParams.append("state", "another");
  const foreign = new URL(landing);
  foreign.searchParams.set("state", "foreign");
  for (const url of [twice, foreign, `${w.app.url}/logged-out`]) {
    expect((await w.browser.request(url)).status).toBe(303);
  }
  await roundTrips();
  expect(w.provider.revoked).toEqual([]);
  await w.browser.request(landing);
  await bothRevoked();
});

test("RV-02: a landing revokes the tokens of its own sign-out, and nobody else's", async () => {
  await start();
  const bob = w.withProviderSessionOf(w.browser);
  await w.signIn("bob", bob);
  await byPageLoad(bob);
  await w.browser.request(landingOf(await byPageLoad()));
  await bothRevoked();
  await roundTrips();
  expect(w.provider.revoked).toHaveLength(2);
});

test("RV-02: a provider without a logout of its own gets the tokens before the user has the answer", async () => {
  await start({
    misbehave: {
      metadata: (right) => ({ ...right, end_session_endpoint: undefined }),
    },
  });
  expect(await byPageLoad()).toBe("/");
  expect(w.provider.revoked).toHaveLength(2);
});

describe("with tokensEndWithSession, as for Keycloak", () => {
  const atKeycloak: LogoutWorldOptions = {
    kit: { tokensEndWithSession: true },
  };

  test("RV-02: nothing is revoked when the browser comes back from the provider's logout", async () => {
    await start(atKeycloak);
    expect((await w.browser.navigate(await byPageLoad())).body).toBe("home");
    // Revokes what still waits.
    await w.app.kit.close();
    expect(w.provider.revoked).toEqual([]);
  });

  test("RV-02: the tokens are revoked where the browser never comes back", async () => {
    await start(atKeycloak);
    takeTimers();
    await byPageLoad();
    jest.advanceTimersByTime(AWAY_MS);
    jest.useRealTimers();
    await bothRevoked();
  });

  test("RV-02: tokens for offline use are revoked, for they outlive the session", async () => {
    await start({
      ...atKeycloak,
      misbehave: {
        tokenResponse: (right) => ({
          ...right,
          scope: "openid offline_access",
        }),
      },
    });
    await w.browser.navigate(await byPageLoad());
    await bothRevoked();
  });
});
