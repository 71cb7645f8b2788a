/** A browser that comes to the callback twice, late, or back ends where it wanted to go. */
import { randomUUID } from "node:crypto";

import {
  afterAll,
  afterEach,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import type { LoginKitEvents } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { closeRedis, isCallback, sharedRedis } from "../support/world.js";

const PAGE = "/orders/7?tab=notes";

let w: LyingWorld;
let prefix: string;
let browser: TestBrowser;
let failures: LoginKitEvents["login.failed"][0][];
let succeeded: number;
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

async function begin(embedded: boolean, kit = {}): Promise<void> {
  prefix = `${randomUUID()}:`;
  w = await lyingWorld({
    kit: { redisKeyPrefix: prefix, ...kit },
    redis: embedded ? undefined : await sharedRedis(),
    routes: (app, { requireAuth }) => {
      app.get("/orders/:id", requireAuth(), (_req, res) => {
        res.send("order 7");
      });
    },
  });
  browser = createTestBrowser();
  [failures, succeeded] = [[], 0];
  w.kit.events.on("login.failed", (failure) => failures.push(failure));
  w.kit.events.on("login.succeeded", () => (succeeded += 1));
}

/** The address that the provider sends the browser to. */
async function answered(
  path = `/login?login_hint=alice&return_to=${encodeURIComponent(PAGE)}`,
): Promise<string> {
  const page = await browser.navigate(w.url + path, { stopBefore: isCallback });
  return page.response.headers.get("location") ?? "";
}

/** What the browser does with an address whose answers it has not got before. */
async function lands(address: string): Promise<string> {
  const page = await browser.navigate(address);
  return page.url.slice(w.url.length);
}

const redemptions = (): number =>
  w.provider.requests.filter((request) => request === "POST /token").length;

/** A request whose answer the browser gives up: it keeps no cookie of it. */
async function cancelled(address: string): Promise<void> {
  const deaf = browser.clone();
  await deaf.request(address);
}

interface OwnRedis {
  readonly keys: (pattern: string) => Promise<string[]>;
  readonly pTTL: (key: string) => Promise<number>;
  readonly del: (keys: string[]) => Promise<number>;
}

async function ownRedis(): Promise<OwnRedis> {
  return (await sharedRedis()) as unknown as OwnRedis;
}

describe.each([
  ["Redis", false],
  ["the embedded store", true],
])("with %s", (_name, embedded) => {
  beforeEach(() => begin(embedded));

  test("the second of two requests waits for the first and signs in", async () => {
    const address = await answered();
    const token = w.provider.hold("/token");
    const first = cancelled(address);
    await token.reached;
    const second = lands(address);
    const third = browser.clone().navigate(address);
    token.release();
    await first;
    await expect(second).resolves.toBe(PAGE);
    expect((await third).body).toBe("order 7");
    expect([redemptions(), succeeded, failures]).toEqual([1, 1, []]);
  });

  test("another code with the same state is not redeemed, and signs in as well", async () => {
    const address = new URL(await answered());
    await cancelled(address.href);
    address.searchParams.set("code", "another one");
    await expect(lands(address.href)).resolves.toBe(PAGE);
    expect([redemptions(), succeeded, failures]).toEqual([1, 1, []]);
  });

  test("both sessions are one: a sign-out ends it for both", async () => {
    const address = await answered();
    const other = browser.clone();
    await other.navigate(address);
    await browser.navigate(address);
    expect(await w.loginId(other)).toBe(await w.loginId(browser));
    await browser.fetchJson(`${w.url}/logout`, {
      method: "POST",
      headers: { "X-Login-Kit": "1" },
    });
    expect(await w.statusFor(browser)).toBe(401);
    expect(await w.statusFor(other)).toBe(401);
  });

  test("a failure is told again as it was, and counted once", async () => {
    const address = await answered();
    w.provider.misbehave = {
      intercept: (req, res, next) => {
        if (req.path !== "/token") next();
        else res.status(400).json({ error: "invalid_grant" });
      },
    };
    const token = w.provider.hold("/token");
    const first = browser.clone().navigate(address);
    await token.reached;
    const second = browser.navigate(address);
    token.release();
    const pages = await Promise.all([first, second]);
    expect(pages.map(({ response }) => response.status)).toEqual([502, 502]);
    expect(pages[1].body).toBe(pages[0].body);
    expect(pages[1].body).toContain(encodeURIComponent(PAGE));
    expect(failures).toHaveLength(1);
    expect(redemptions()).toBe(1);
  });

  test("a login that has ended meanwhile is not handed out again", async () => {
    const address = await answered();
    const other = browser.clone();
    await other.navigate(address);
    await other.fetchJson(`${w.url}/logout`, {
      method: "POST",
      headers: { "X-Login-Kit": "1" },
    });
    const page = await browser.navigate(address);
    expect(page.body).toContain("ERR_TRANSACTION_USED");
    expect(page.body).toContain(encodeURIComponent(encodeURI(PAGE)));
    expect(await w.statusFor(browser)).toBe(401);
  });

  test("whoever has signed in as somebody else since stays who they are", async () => {
    const address = await answered();
    await cancelled(address);
    await w.signIn("bob", browser);
    await expect(lands(address)).resolves.toBe(PAGE);
    const me = await browser.fetchJson(`${w.url}/me`);
    expect(await me.json()).toMatchObject({ sub: "bob" });
  });

  test("after a minute it is not handed out any more", async () => {
    takeClock();
    const address = await answered();
    await cancelled(address);
    if (embedded) {
      passSeconds(61);
      const page = await browser.navigate(address);
      expect(page.body).toContain("ERR_TRANSACTION_USED");
    } else {
      const redis = await ownRedis();
      const keys = await redis.keys(`${prefix}*outcome:*`);
      const lifetimes = await Promise.all(keys.map((key) => redis.pTTL(key)));
      expect(lifetimes).not.toEqual([]);
      expect(Math.max(...lifetimes)).toBeLessThanOrEqual(60_000);
    }
  });

  test("the browser of somebody else gets nothing of it, before and after", async () => {
    const address = await answered();
    const stranger = createTestBrowser();
    const early = await stranger.navigate(address);
    expect(early.body).toContain("ERR_TRANSACTION_NOT_FOUND");
    await expect(lands(address)).resolves.toBe(PAGE);
    const late = await stranger.navigate(address);
    expect(late.body).toContain("ERR_TRANSACTION_NOT_FOUND");
    expect(await w.statusFor(stranger)).toBe(401);
  });

  test("back, reload or a bookmark lead a signed-in user where the sign-in led", async () => {
    const address = await answered();
    await lands(address);
    await expect(lands(address)).resolves.toBe(PAGE);
    const other = await answered();
    await expect(lands(other)).resolves.toBe(PAGE);
    await expect(lands(address)).resolves.toBe(PAGE);
    await expect(lands(`${w.url}/callback?code=old&state=old`)).resolves.toBe(
      "/",
    );
    expect(redemptions()).toBe(2);
    expect(failures).toEqual([]);
  });

  test("a refusal that comes back is no way in: its page says so", async () => {
    await lands(await answered());
    const page = await browser.navigate(
      `${w.url}/callback?error=access_denied&state=old`,
    );
    expect(page.body).toContain("ERR_TRANSACTION_NOT_FOUND");
  });

  test("a signed-out user who goes back is led to the wanted page", async () => {
    const address = await answered();
    await lands(address);
    await browser.fetchJson(`${w.url}/logout`, {
      method: "POST",
      headers: { "X-Login-Kit": "1" },
    });
    const page = await browser.navigate(address);
    expect(page.body).toContain("ERR_TRANSACTION_NOT_FOUND");
    await expect(lands(wayOn(page.body))).resolves.toBe(PAGE);
  });

  test("a program that followed the redirects itself does not lose the deep link", async () => {
    const office = browser.clone();
    const atProvider = await office.navigate(w.url + PAGE, {
      stopBefore: (url) => url.origin !== w.url,
    });
    const handedOver = atProvider.response.headers.get("location") ?? "";
    const page = await browser.navigate(handedOver);
    expect(page.body).toContain("ERR_TRANSACTION_NOT_FOUND");
    await expect(lands(wayOn(page.body))).resolves.toBe(PAGE);
  });

  test("a tab that waited too long at the provider still knows its page", async () => {
    takeClock();
    const address = await answered();
    passSeconds(3 * 60 * 60);
    if (!embedded) {
      // Redis has no test clock.
      const redis = await ownRedis();
      await redis.del(await redis.keys(`${prefix}*`));
    }
    const page = await browser.navigate(address);
    expect(page.body).toContain("ERR_TRANSACTION_EXPIRED");
    await expect(lands(wayOn(page.body))).resolves.toBe(PAGE);
  });
});

/** Where the page's "Sign in again" leads. */
function wayOn(body: string): string {
  const [, href = ""] = /class="action" href="([^"]*)"/.exec(body) ?? [];
  return w.url + href.replaceAll("&amp;", "&");
}

describe("form_post", () => {
  test("the posted answer that comes twice signs in, and is redeemed once", async () => {
    await begin(false, { responseMode: "form_post" });
    const form = await browser.navigate(
      `${w.url}/login?login_hint=alice&return_to=${encodeURIComponent(PAGE)}`,
    );
    const token = w.provider.hold("/token");
    const first = browser.clone().submitForm(form, {}, { initiator: form.url });
    await token.reached;
    const second = browser.submitForm(form, {}, { initiator: form.url });
    token.release();
    const pages = await Promise.all([first, second]);
    expect(pages.map(({ body }) => body)).toEqual(["order 7", "order 7"]);
    // The redirect's target, reloaded.
    const target = pages[1].chain.find(({ url }) => url.includes("parked"));
    await expect(lands(target?.url ?? "")).resolves.toBe(PAGE);
    expect([redemptions(), succeeded, failures]).toEqual([1, 1, []]);
  });

  test("a parked answer that is gone does not cost the sign-in that waits for it", async () => {
    await begin(true, { responseMode: "form_post" });
    const form = await browser.navigate(`${w.url}/login?login_hint=alice`);
    const stopBefore = (url: URL): boolean => url.search.includes("parked");
    const parked = await browser.submitForm(
      form,
      {},
      { initiator: form.url, stopBefore },
    );
    const target = parked.response.headers.get("location") ?? "";
    const { searchParams } = new URL(target, w.url);
    const hash = String(searchParams.get("state_hash"));
    for (const query of [
      "parked_response=x",
      `parked_response=x&state_hash=${hash}&state_hash=${hash}`,
      `parked_response=x&parked_response=y&state_hash=${hash}`,
      "parked_response=x&state_hash=a",
    ]) {
      const page = await browser.navigate(`${w.url}/callback?${query}`);
      expect(page.body).toContain("ERR_CALLBACK_MALFORMED");
    }
    await expect(lands(w.url + target)).resolves.toBe("/");
    expect(succeeded).toBe(1);
  });

  test("OA-18: an answer that was parked for another sign-in is not taken in its place", async () => {
    await begin(true, { responseMode: "form_post" });
    const park = async (user: string, by: TestBrowser): Promise<URL> => {
      const form = await by.navigate(`${w.url}/login?login_hint=${user}`);
      const stopBefore = (url: URL): boolean => url.search.includes("parked");
      const options = { initiator: form.url, stopBefore };
      const { response } = await by.submitForm(form, {}, options);
      return new URL(response.headers.get("location") ?? "", w.url);
    };
    const planted = await park("mallory", createTestBrowser());
    const own = await park("alice", browser);
    own.searchParams.set(
      "parked_response",
      planted.searchParams.get("parked_response") ?? "",
    );
    const page = await browser.navigate(own);
    expect(page.body).toContain("ERR_CALLBACK_MALFORMED");
    expect([redemptions(), succeeded]).toEqual([0, 0]);
  });
});
