/** Who cannot sign a user out: the page that asks, and what browsers and caches are told. */
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import { type LoginKitOptions } from "../../lib/index.js";
import { formsIn } from "../support/html-forms.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../support/test-browser.js";
import { closeRedis, world, type World } from "../support/world.js";

let w: World;
afterEach(async () => {
  await w.close();
});
afterAll(closeRedis);

/** The button of a page of ours. */
const pressLogout = (browser = w.browser): Promise<Response> =>
  browser.request(`${w.app.url}/logout`, {
    method: "POST",
    initiator: w.app.url,
  });

/** A script of a page of ours. */
const fetchLogout = (): Promise<Response> =>
  w.browser.fetchJson(`${w.app.url}/logout`, { method: "POST" });

const statusOfMe = async (browser = w.browser): Promise<number> =>
  (await browser.fetchJson(`${w.app.url}/me`)).status;

// Shows: RPIL-10, ASVS 3.5.3
describe("RPIL-10, ASVS 3.5.3: nobody is signed out by", () => {
  test.each(["GET", "HEAD", "OPTIONS"])("%s", async (method) => {
    w = await world({ embedded: true, signedInAs: "alice" });
    await w.browser.request(`${w.app.url}/logout`, { method });
    expect(await statusOfMe()).toBe(200);
  });

  test("a link on another site, which only makes our page ask", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const page = await w.browser.navigate(`${w.app.url}/logout`, {
      initiator: "https://evil.example",
    });
    expect(page.url).toBe(`${w.app.url}/logout`);
    expect(await statusOfMe()).toBe(200);
  });

  test.each(["https://evil.example", "http://localhost:1"])(
    "a form on %s",
    async (initiator) => {
      w = await world({ embedded: true, signedInAs: "alice" });
      const answer = await w.browser.request(`${w.app.url}/logout`, {
        method: "POST",
        initiator,
        // As if the cookie had come along all the same.
        headers: { Cookie: await w.browser.jar.getCookieString(w.app.url) },
      });
      expect(answer.status).toBe(403);
      expect(await statusOfMe()).toBe(200);
    },
  );
});

describe("GET", () => {
  const openLogout = (browser = w.browser): Promise<Page> =>
    browser.navigate(`${w.app.url}/logout`);

  test("RPIL-10: shows a page with a button that posts", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const page = await openLogout();
    expect(page.response.status).toBe(200);
    expect(page.response.headers.get("content-type")).toMatch("text/html");
    expect(formsIn(page.body)).toMatchObject([
      { method: "POST", action: "/logout", buttons: [{ label: "Sign out" }] },
    ]);
    expect(await statusOfMe()).toBe(200);
  });

  test.each([
    ["a browser", true],
    ["a browser without Fetch Metadata", false],
  ])("the button of its page signs out, in %s", async (_which, modern) => {
    w = await world({ embedded: true });
    const browser = createTestBrowser({ sendsFetchMetadata: modern });
    await w.signIn({ browser });
    const page = await openLogout(browser);
    const there = await browser.submitForm(page, {}, { button: "Sign out" });
    expect(there.url).toContain(`${w.provider.url}/session/end?`);
    expect(await statusOfMe(browser)).toBe(401);
    expect((await confirmAtProvider(there, browser)).body).toBe("home");
  });

  test("its page also offers to stay", async () => {
    w = await world({
      embedded: true,
      kit: { postLogoutReturnTo: "/start?a=1&b=2" },
      signedInAs: "alice",
    });
    expect((await openLogout()).body).toContain(
      '<a href="/start?a=1&amp;b=2">Stay signed in</a>',
    );
  });

  // Shows: BCP-21, ASVS 3.4.6
  test("OA-19: its page cannot be framed, so that nobody is made to press its button", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const { headers } = (await openLogout()).response;
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("content-security-policy")).toContain(
      "frame-ancestors 'none'",
    );
  });

  test("posts to the configured path", async () => {
    const paths = { logout: "/auth/sign-out" };
    w = await world({ embedded: true, kit: { paths }, signedInAs: "alice" });
    const page = await w.browser.navigate(`${w.app.url}/auth/sign-out`);
    await w.browser.submitForm(page);
    expect(await statusOfMe()).toBe(401);
  });

  test("without a login goes on to postLogoutReturnTo", async () => {
    const kit = { postLogoutReturnTo: "/start" };
    w = await world({ embedded: true, kit });
    const answer = await w.browser.request(`${w.app.url}/logout`);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/start");
  });

  test.each([true, false])(
    'is refused with logoutByGet: "refuse" (signed in: %j)',
    async (signedIn) => {
      w = await world({
        embedded: true,
        kit: { logoutByGet: "refuse" },
        ...(signedIn && { signedInAs: "alice" }),
      });
      const answer = await w.browser.request(`${w.app.url}/logout`);
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe("POST");
      expect(await statusOfMe()).toBe(signedIn ? 200 : 401);
    },
  );

  test('with logoutByGet: "refuse" the button of an own page still signs out', async () => {
    w = await world({
      embedded: true,
      kit: { logoutByGet: "refuse" },
      signedInAs: "alice",
    });
    expect((await pressLogout()).status).toBe(200);
    expect(await statusOfMe()).toBe(401);
  });
});

test.each(["HEAD", "OPTIONS", "PUT", "DELETE"])(
  "ASVS 4.1.4: %s is no method of this address",
  async (method) => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const answer = await w.browser.request(`${w.app.url}/logout`, {
      method,
      initiator: w.app.url,
    });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, POST");
    expect(await statusOfMe()).toBe(200);
  },
);

// Shows: ASVS 14.3.1
describe("ASVS 14.3.1: the browser is told to forget", () => {
  test.each<[string, Partial<LoginKitOptions>, string | null]>([
    ["cache and storage", {}, '"cache", "storage"'],
    ["what the application names", { clearSiteData: ["cookies"] }, '"cookies"'],
    ["nothing, if so configured", { clearSiteData: [] }, null],
  ])("%s", async (_what, kit, header) => {
    w = await world({ embedded: true, kit });
    for (const logOut of [pressLogout, fetchLogout]) {
      await w.signIn();
      const answer = await logOut();
      expect(answer.status).toBeLessThan(400);
      expect(answer.headers.get("clear-site-data")).toBe(header);
    }
  });

  test("nothing as long as nobody signed out", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    for (const init of [
      {},
      { method: "HEAD" },
      { method: "POST", initiator: "https://evil.example" },
    ]) {
      const answer = await w.browser.request(`${w.app.url}/logout`, init);
      expect(answer.headers.get("clear-site-data")).toBeNull();
    }
  });
});

// Shows: ASVS 14.2.2, 14.3.2
describe("ASVS 14.3.2: no cache keeps", () => {
  const answers: Record<string, () => Promise<Response>> = {
    "the page that asks": () => w.browser.request(`${w.app.url}/logout`),
    "the way to the provider": () => pressLogout(),
    "the address for a fetch": () => fetchLogout(),
    "the way home without a login": () =>
      createTestBrowser().request(`${w.app.url}/logout`),
    "a sign-out without a login": () => pressLogout(createTestBrowser()),
    "a refused method": () =>
      w.browser.request(`${w.app.url}/logout`, { method: "HEAD" }),
    "a refused form": () =>
      w.browser.request(`${w.app.url}/logout`, {
        method: "POST",
        initiator: "https://evil.example",
      }),
    "the landing": () => w.browser.request(`${w.app.url}/logged-out`),
  };

  test.each(Object.entries(answers))("%s", async (_what, ask) => {
    w = await world({ embedded: true, signedInAs: "alice" });
    expect((await ask()).headers.get("cache-control")).toBe("no-store");
  });
});

/** Answers "do you want to sign out at the provider as well?" with yes. */
function confirmAtProvider(
  page: Page,
  browser: TestBrowser = w.browser,
): Promise<Page> {
  return browser.submitForm(page, { logout: "yes" });
}
