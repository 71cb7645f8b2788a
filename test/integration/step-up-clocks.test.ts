/** A guard that wants a fresh authentication never sends a browser round in circles, whatever the provider's clock says. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RequestHandler } from "express";
import fc from "fast-check";

import type { Claims } from "../support/lying-provider.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

/** What a provider makes of `max_age`. */
type Manner = "honours" | "ignores" | "rounds to minutes";

let w: LyingWorld;
let started = 0;

beforeAll(async () => {
  w = await lyingWorld({
    routes(app, kit) {
      const guards = new Map<string, RequestHandler>();
      for (let age = 0; age <= 60; age++) {
        guards.set(String(age), kit.requireAuth({ maxAgeSeconds: age }));
      }
      app.get(
        "/strict/:age",
        kit.requireAuth(),
        (req, res, next) =>
          guards.get(String(req.params["age"]))?.(req, res, next),
        (_req, res) => {
          res.send("let in");
        },
      );
    },
  });
  w.kit.events.on("login.started", () => (started += 1));
});
afterAll(() => w.close());

function behave(manner: Manner, skewSeconds: number, session: number): void {
  const shifted = (seconds: unknown): number => Number(seconds) + skewSeconds;
  const authTime = (now: number): number =>
    manner === "honours"
      ? now
      : manner === "ignores"
        ? session + skewSeconds
        : Math.floor(now / 60) * 60;
  w.provider.misbehave = {
    idToken: {
      claims: (right: Claims) => ({
        ...right,
        iat: shifted(right["iat"]),
        exp: shifted(right["exp"]),
        auth_time: authTime(shifted(right["iat"])),
      }),
    },
  };
}

test("Core 3.1.2.1 max_age: every run ends signed in or on a page that says why, in at most three rounds", async () => {
  let letIn = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Manner>("honours", "ignores", "rounds to minutes"),
      // A second less than the tolerance: the test takes time too.
      fc.integer({ min: -29, max: 29 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 300 }),
      async (manner, skew, age, sessionAge) => {
        behave(manner, skew, Math.floor(Date.now() / 1000) - sessionAge);
        started = 0;
        const browser = createTestBrowser();
        const page = await browser.navigate(`${w.url}/strict/${age}`);
        expect(started).toBeLessThanOrEqual(3);
        expect(page.body).toMatch(/^let in$|ERR_AUTHENTICATION_TOO_WEAK/);
        if (manner === "honours") expect(page.body).toBe("let in");
        letIn += Number(page.body === "let in");
      },
    ),
    { numRuns: 50 },
  );
  expect(letIn).toBeGreaterThan(0);
});

test("maxAgeSeconds 0 lets in who has just authenticated, and asks again after the tolerance", async () => {
  behave("honours", 0, 0);
  const page = await createTestBrowser().navigate(`${w.url}/strict/0`);
  expect(page.body).toBe("let in");
  behave("honours", -29, 0);
  const behind = await createTestBrowser().navigate(`${w.url}/strict/0`);
  expect(behind.body).toBe("let in");
});
