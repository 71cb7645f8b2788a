/** A sign-in that may ask the user nothing (`prompt=none`) leads back to the page, signed in or with the reason. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";

import type { LoginKitEvents } from "../../lib/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: LyingWorld;
let failures: LoginKitEvents["login.failed"][0][];
beforeEach(async () => {
  w = await lyingWorld();
  failures = [];
  w.kit.events.on("login.failed", (failure) => failures.push(failure));
});
afterEach(() => w.close());

/** Where the browser ends that asks in silence, and what the page says. */
async function silently(error: string, returnTo: string, prompt = "none") {
  w.provider.misbehave = {
    authorizationResponse: ({ code: _removed, ...right }) => ({
      ...right,
      error,
    }),
  };
  const browser = createTestBrowser();
  const page = await browser.navigate(
    `${w.url}/login?prompt=${prompt}&return_to=${encodeURIComponent(returnTo)}`,
  );
  return { browser, page };
}

test.each([
  "login_required",
  "interaction_required",
  "consent_required",
  "account_selection_required",
])(
  "Core 3.1.2.6: %s leads back, signed out, with the reason, and is no failure",
  async (error) => {
    const { browser, page } = await silently(error, "/?q=a%20b");
    expect(page.url).toBe(`${w.url}/?q=a+b&login_error=${error}`);
    expect(page.body).toBe("home");
    expect(await w.statusFor(browser)).toBe(401);
    expect(failures).toEqual([]);
    expect(w.provider.requests).not.toContain("POST /token");
  },
);

test("another error is a page", async () => {
  const { page } = await silently("invalid_scope", "/");
  expect(page.body).toContain("ERR_AUTHORIZATION_FAILED");
  expect(failures).toHaveLength(1);
});

test("without prompt=none the same answer is a page", async () => {
  const { page } = await silently("login_required", "/", "login");
  expect(page.body).toContain("ERR_AUTHORIZATION_FAILED");
});

test("a page that asks in silence whenever it is not signed in ends on the loop page", async () => {
  const { browser } = await silently("login_required", "/");
  await browser.navigate(`${w.url}/login?prompt=none&return_to=/`);
  const page = await browser.navigate(`${w.url}/login?prompt=none&return_to=/`);
  expect(page.body).toContain("ERR_LOGIN_LOOP");
});

test("a reason that was there before is replaced", async () => {
  const { page } = await silently("login_required", "/?login_error=x#top");
  expect(page.url).toBe(`${w.url}/?login_error=login_required#top`);
});
