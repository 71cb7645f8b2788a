/** Sign-ins with a provider that misbehaves in one way. */
import { expect } from "@jest/globals";

import type { LoginKitOptions } from "../../lib/index.js";
import type { Misbehaviour } from "./lying-provider.js";
import {
  lyingWorld,
  type LyingWorld,
  type LyingWorldOptions,
} from "./lying-world.js";
import { createTestBrowser, type Page } from "./test-browser.js";

const ends: (() => Promise<void>)[] = [];

/** Closes the worlds of a test: for `afterEach`. */
export async function closeWorlds(): Promise<void> {
  await Promise.all(ends.splice(0).map((end) => end()));
}

/** A world whose provider misbehaves from now on. */
export async function start(
  misbehave: Misbehaviour,
  options: LyingWorldOptions = {},
): Promise<LyingWorld> {
  const w = await lyingWorld(options);
  ends.push(w.close);
  w.provider.misbehave = misbehave;
  return w;
}

/** Opens a page that needs a login. */
export function signIn(
  w: LyingWorld,
  browser = createTestBrowser(),
): Promise<Page> {
  return browser.navigate(`${w.url}/login?return_to=/me`);
}

/** Such a provider's answers count. */
export async function expectSignedIn(
  misbehave: Misbehaviour,
  kit: Partial<LoginKitOptions> = {},
): Promise<void> {
  const page = await signIn(await start(misbehave, { kit }));
  expect(page.body).toContain('"sub":"alice"');
}

/** Such a provider's answers do not count: the login fails with this code. */
export async function expectRefused(
  code: string,
  misbehave: Misbehaviour,
  kit: Partial<LoginKitOptions> = {},
): Promise<LyingWorld> {
  const w = await start(misbehave, { kit });
  const browser = createTestBrowser();
  const page = await signIn(w, browser);
  expect(page.body).toContain(code);
  expect(await w.statusFor(browser)).toBe(401);
  return w;
}
