/** A browser that is closed and opened again: with `persistSeconds` its user is still signed in. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, expect, test } from "@jest/globals";

import { openProfile } from "../support/chromium.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";

let w: LyingWorld;
let profile: string;
afterEach(async () => {
  await w.close();
  await rm(profile, { recursive: true, force: true });
});

test.each([
  [3600, 200],
  [undefined, 401],
])(
  "Chromium with the same profile, persistSeconds %s: %s",
  async (persistSeconds, status) => {
    w = await lyingWorld({ kit: { session: { persistSeconds } as never } });
    w.provider.currentUser = "alice";
    profile = await mkdtemp(join(tmpdir(), "profile-"));
    const before = await openProfile(profile);
    const page = await before.newPage();
    await page.goto(`${w.url}/login?return_to=/me`);
    expect(await page.textContent("body")).toContain('"sub":"alice"');
    await before.close();

    const after = await openProfile(profile);
    const answer = await after.request.get(`${w.url}/me`, {
      headers: { accept: "application/json" },
      maxRedirects: 0,
    });
    expect(answer.status()).toBe(status);
    await after.close();
  },
);
