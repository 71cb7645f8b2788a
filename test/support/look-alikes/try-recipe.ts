/** The tests that every recipe passes with the options of its page. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { passSeconds, releaseClock, takeClock } from "../clock.js";
import { until } from "../until.js";
import type { LookAlike } from "./look-alike.js";
import { recipeWorld, type RecipeWorld } from "./recipe-world.js";

/** Longer than an access token lives. */
const LATER_SECONDS = 301;

/** Declares them. */
export function tryRecipe(title: string, lookAlike: LookAlike): void {
  const { endpoints, unlisted, logoutToken, without, api } = lookAlike;
  const hasLogout =
    (endpoints.end_session_endpoint ?? unlisted?.end_session_endpoint) !==
    undefined;

  describe(title, () => {
    let w: RecipeWorld;
    beforeEach(takeClock);
    afterEach(async () => {
      releaseClock();
      await w.close();
    });

    async function signedIn(
      changes?: Readonly<Record<string, unknown>>,
    ): Promise<void> {
      w = await recipeWorld(lookAlike, changes);
      const page = await w.signIn("alice");
      expect(page.body).toContain('"sub":"alice"');
    }

    const tokenRequests = (): number =>
      w.provider.requests.filter((request) => request === "POST /token").length;

    test("a user signs in with the options of its page", async () => {
      await signedIn();
      expect((await w.read("/me")).status).toBe(200);
    });

    if (api === undefined) {
      test("tokens are refreshed, twice", async () => {
        await signedIn();
        const tokens = new Set<string>();
        for (const different of [1, 2, 3]) {
          const answer = await w.read("/token");
          expect(answer.status).toBe(200);
          tokens.add(await answer.text());
          expect(tokens.size).toBe(different);
          passSeconds(LATER_SECONDS);
        }
      });
    } else {
      test("a token that its API refuses is refreshed, twice", async () => {
        await signedIn();
        for (const requests of [1, 2, 3]) {
          expect((await w.read("/api")).status).toBe(200);
          expect(tokenRequests()).toBe(requests);
          passSeconds(LATER_SECONDS);
        }
      });
    }

    if (endpoints.userinfo_endpoint !== undefined) {
      test("UserInfo is read", async () => {
        await signedIn();
        const answer = await w.read("/user-info");
        expect(await answer.json()).toMatchObject({ sub: "alice" });
      });
    }

    test("a sign-out ends where it should, and the login with it", async () => {
      await signedIn();
      const page = await w.signOut();
      const { logoutEndsAt = `${w.baseUrl}/` } = lookAlike;
      expect(page.url).toBe(logoutEndsAt);
      expect(page.body === "home").toBe(page.url === `${w.baseUrl}/`);
      expect(w.provider.requests.includes("GET /end-session")).toBe(hasLogout);
      expect((await w.read("/me")).status).toBe(401);
      const { revocation_endpoint: revocation } = endpoints;
      if (lookAlike.endsTokens === true) {
        // Revokes what still waits.
        await w.kit.close();
        expect(w.provider.revoked).toEqual([]);
        return;
      }
      // Without state, nothing says that the browser has come back.
      const isBack = page.chain.some(
        ({ url }) => url.startsWith(w.baseUrl) && url.includes("state="),
      );
      if (revocation !== undefined && (isBack || !hasLogout)) {
        await until("it is revoked", () => w.provider.revoked.length > 0);
      }
    });

    if (logoutToken !== undefined) {
      test("Back-Channel Logout 2.5: its Logout Token ends the login", async () => {
        await signedIn();
        const answer = await w.logoutByProvider("alice");
        expect([answer.status, await answer.text()]).toEqual([200, ""]);
        expect((await w.read("/me")).status).toBe(401);
      });
    }

    test(`without it: ${without.rule}`, async () => {
      if (without.fails === "sign-in") {
        w = await recipeWorld(lookAlike, without.options);
        const page = await w.signIn("alice");
        expect(page.body).not.toContain('"sub":"alice"');
        return;
      }
      await signedIn(without.options);
      if (without.fails === "sign-out") {
        expect((await w.signOut()).body).not.toBe("home");
        return;
      }
      if (without.fails === "revocation") {
        await w.signOut();
        await until("it is revoked", () => w.provider.revoked.length > 0);
        return;
      }
      if (without.fails === "back-channel-logout") {
        expect((await w.logoutByProvider("alice")).status).toBe(400);
        expect((await w.read("/me")).status).toBe(200);
        return;
      }
      if (without.fails === "user-info") {
        expect((await w.read("/user-info")).status).not.toBe(200);
        return;
      }
      passSeconds(LATER_SECONDS);
      const path = api === undefined ? "/token" : "/api";
      expect((await w.read(path)).status).not.toBe(200);
    });
  });
}
