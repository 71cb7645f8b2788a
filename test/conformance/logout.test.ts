/** The conformance suite's logout modules, by their names. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Browser, Page as ChromiumPage } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import {
  type LogoutWorld,
  logoutWorld,
  type LogoutWorldOptions,
} from "../support/logout-world.js";
import { LOGOUT_FAULTS, type LogoutFault } from "../support/lying-provider.js";
import type { TestBrowser } from "../support/test-browser.js";
import { until } from "../support/until.js";
import { closeRedis } from "../support/world.js";

let w: LogoutWorld;
afterEach(() => w.close());
afterAll(closeRedis);

describe("RP-initiated logout", () => {
  test("oidcc-client-test-rp-init-logout: ends the session at the provider, and the browser comes home", async () => {
    w = await logoutWorld({ signedInAs: "alice" });
    const page = await w.pressLogout();
    const [request, ...more] = w.provider.endSessionRequests;
    expect(more).toEqual([]);
    expect([...w.provider.idTokens.keys()]).toEqual([
      request?.parameters["id_token_hint"],
    ]);
    expect(request?.parameters["post_logout_redirect_uri"]).toBe(
      `${w.app.url}/logged-out`,
    );
    expect(w.provider.sessions.size).toBe(0);
    expectHome(page);
    expect(await w.isSignedIn()).toBe(false);
  });

  test.each<[string, LogoutFault, string | null]>([
    [
      "oidcc-client-test-rp-init-logout-other-state",
      "other-state",
      "another state",
    ],
    ["oidcc-client-test-rp-init-logout-no-state", "no-state", null],
  ])(
    "%s: the return is handled all the same",
    async (_module, fault, returned) => {
      w = await logoutWorld({
        misbehave: LOGOUT_FAULTS[fault],
        signedInAs: "alice",
      });
      const page = await w.pressLogout();
      // Without one that was sent, the suite skips the module.
      expect(w.provider.endSessionRequests[0]?.parameters["state"]).toMatch(
        /^[\w-]{43}$/,
      );
      const back = page.chain.find(({ url }) => url.includes("/logged-out"));
      expect(new URL(back?.url ?? "").searchParams.get("state")).toBe(returned);
      expectHome(page);
      expect(await w.isSignedIn()).toBe(false);
    },
  );
});

describe.each([
  ["Redis", { redis: "shared" as const }],
  ["the embedded store", {}],
])("back-channel logout, with %s", (_store, options: LogoutWorldOptions) => {
  test("oidcc-client-test-rp-backchannel-rpinitlogout: 200 with no-store, and every login of that session is over before the browser comes back", async () => {
    const logout = await logoutInSecondBrowser(options);
    expect(logout.status).toBe(200);
    expect(logout.cacheControl).toBe("no-store");
    expect(logout.secondIsSignedIn).toBe(false);
    expectHome(await logout.comeBack());
  });

  test.each<[string, LogoutFault]>([
    ["oidcc-client-test-rp-backchannel-rpinitlogout-alg-none", "alg-none"],
    ["oidcc-client-test-rp-backchannel-rpinitlogout-no-event", "no-event"],
    ["oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce", "with-nonce"],
    ["oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg", "wrong-alg"],
    ["oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud", "wrong-aud"],
    [
      "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
      "wrong-event",
    ],
    ["oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss", "wrong-iss"],
  ])(
    "%s: 400 with no-store, and the login that the token names lives on",
    async (_module, fault) => {
      const logout = await logoutInSecondBrowser({
        ...options,
        misbehave: LOGOUT_FAULTS[fault],
      });
      expect(logout.status).toBe(400);
      expect(logout.cacheControl).toBe("no-store");
      expect(logout.secondIsSignedIn).toBe(true);
      expectHome(await logout.comeBack());
      expect(await w.isSignedIn(logout.second)).toBe(true);
    },
  );
});

describe("in Chromium", () => {
  let chromium: Browser;
  beforeAll(async () => {
    chromium = await launchChromium();
  });
  afterAll(() => chromium.close());

  /** A page of the application where alice has signed in. */
  async function signedInPage(): Promise<ChromiumPage> {
    const context = await chromium.newContext();
    const page = await context.newPage();
    await page.goto(`${w.app.url}/login?login_hint=alice&return_to=/home`);
    expect(page.url()).toBe(`${w.app.url}/home`);
    return page;
  }

  test("oidcc-client-test-session-management: the provider is polled before and after the logout, and the page is told", async () => {
    w = await chromiumWorld();
    const page = await signedInPage();
    const answers = () => w.provider.checkSessionPolls.map((p) => p.answer);
    await until("the first poll", () => answers().length > 0);
    expect(new Set(answers())).toEqual(new Set(["unchanged"]));
    expect(await messagesOf(page)).toEqual([]);

    const other = await page.context().newPage();
    await other.goto(`${w.app.url}/home`);
    await other.click("button");
    await other.click("#back");
    await other.waitForURL(`${w.app.url}/`);
    await other.close();
    await until("the next poll", () => answers().includes("changed"), 30_000);
    await until("the page is told", async () => {
      return (await messagesOf(page)).length > 0;
    });
    expect(await messagesOf(page)).toEqual([
      { type: "login-kit:session-changed" },
    ]);
    await page.context().close();
  });

  test("oidcc-client-test-rp-frontchannel-rpinitlogout: the frame is shown, and the login is over", async () => {
    w = await chromiumWorld();
    const page = await signedInPage();
    const frame = watchFrame(page);
    await page.click("button");
    await until("the frame is shown", () => frame.text() !== undefined);
    expect(frame.text()).toBe("Signed out.");
    expect(frame.statuses()).toEqual([200]);
    expect(frame.problems()).toEqual([]);
    await page.click("#back");
    await page.waitForURL(`${w.app.url}/`);
    expect(await meStatus(page)).toBe(401);
    await page.context().close();
  });

  test("oidcc-client-test-rp-frontchannel-opinitlogout: the frame is shown, and ends the login with its cookie", async () => {
    w = await chromiumWorld();
    const page = await signedInPage();
    expect(await sessionCookies(page)).toHaveLength(1);
    const frame = watchFrame(page);
    await page.goto(w.provider.opInitiatedFrontchannelPage());
    await until("the frame is shown", () => frame.text() !== undefined);
    expect(frame.text()).toBe("Signed out.");
    expect(frame.statuses()).toEqual([200]);
    expect(frame.problems()).toEqual([]);
    expect(w.app.ended.map(({ reason }) => reason)).toEqual([
      "provider_logout",
    ]);
    expect(await sessionCookies(page)).toEqual([]);
    await page.goto(`${w.app.url}/`);
    expect(await meStatus(page)).toBe(401);
    await page.context().close();
  });
});

/**
 * Alice presses "sign out" in one browser. The provider's token is for the
 * session that her second browser shares, so that it names a live login.
 */
async function logoutInSecondBrowser(options: LogoutWorldOptions) {
  w = await logoutWorld({ ...options, signedInAs: "alice" });
  const second: TestBrowser = w.withProviderSessionOf(w.browser);
  await w.signIn("alice", second);
  const held = w.provider.hold("/end-session");
  const returning = w.pressLogout();
  await held.reached;
  // The browser still waits for the provider.
  const [answer, ...more] = w.provider.backchannelAnswers;
  expect(more).toEqual([]);
  return {
    status: answer?.status,
    cacheControl: answer?.headers.get("cache-control"),
    second,
    secondIsSignedIn: await w.isSignedIn(second),
    comeBack() {
      held.release();
      return returning;
    },
  };
}

function expectHome(page: {
  readonly url: string;
  readonly body: string;
  readonly response: Response;
}): void {
  expect(page.url).toBe(`${w.app.url}/`);
  expect(page.response.status).toBe(200);
  expect(page.body).toBe("home");
}

/** An application with a page as its developers would write it. */
function chromiumWorld(): Promise<LogoutWorld> {
  return logoutWorld({
    client: (appUrl) => ({
      frontchannelLogoutUri: `${appUrl}/frontchannel-logout`,
      frontchannelLogoutSessionRequired: true,
    }),
    // The tests leave it when they have looked at it.
    frontchannelPageMilliseconds: 60_000,
    routes(app, kit) {
      app.get("/home", kit.requireAuth(), (_req, res) => {
        res.send(`<!doctype html><title>Home</title>
<form method="post" action="/logout"><button>Sign out</button></form>
<iframe src="/check-session" hidden></iframe>
<script>
  window.messages = [];
  addEventListener("message", ({ data, origin }) => {
    if (origin === location.origin) messages.push(data);
  });
</script>`);
      });
    },
  });
}

function messagesOf(page: ChromiumPage): Promise<unknown[]> {
  return page.evaluate("messages");
}

function meStatus(page: ChromiumPage): Promise<unknown> {
  return page.evaluate('fetch("/me").then(({ status }) => status)');
}

async function sessionCookies(page: ChromiumPage): Promise<string[]> {
  const cookies = await page.context().cookies(w.app.url);
  return cookies.map(({ name }) => name).filter((name) => name === "session");
}

/** What becomes of the front-channel logout frame. */
function watchFrame(page: ChromiumPage) {
  const statuses: number[] = [];
  const problems: string[] = [];
  let text: string | undefined;
  page.on("response", (response) => {
    if (response.url().includes("/frontchannel-logout")) {
      statuses.push(response.status());
    }
  });
  // Chromium says here why it shows no frame.
  page.on("console", (message) => {
    const text = message.text();
    // No icon is served, which is no matter.
    if (message.type() !== "error" || text.includes("404")) return;
    problems.push(text);
  });
  page.on("framenavigated", (frame) => {
    if (!frame.url().includes("/frontchannel-logout")) return;
    void frame
      .locator("p")
      .textContent()
      .then(
        (shown) => (text = shown ?? ""),
        // A frame that is gone shows nothing.
        () => undefined,
      );
  });
  return {
    statuses: () => statuses,
    problems: () => problems,
    text: () => text,
  };
}
