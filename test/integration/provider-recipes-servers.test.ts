/** Recipes of Apple to Salesforce, by their names, each against a look-alike at its public addresses. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { apple, APPLE_USER } from "../support/look-alikes/apple.js";
import { authelia } from "../support/look-alikes/authelia.js";
import {
  authentik,
  globalAuthentik,
} from "../support/look-alikes/authentik.js";
import { dex, dexWithSessions } from "../support/look-alikes/dex.js";
import { gitlab } from "../support/look-alikes/gitlab.js";
import { hydra, hydraWithKey } from "../support/look-alikes/hydra.js";
import { keycloak } from "../support/look-alikes/keycloak.js";
import { oneLogin } from "../support/look-alikes/one-login.js";
import {
  pingFederate,
  pingFederateBefore,
} from "../support/look-alikes/ping-federate.js";
import { ownPingOne, pingOne } from "../support/look-alikes/ping-one.js";
import {
  recipeWorld,
  type RecipeWorld,
} from "../support/look-alikes/recipe-world.js";
import { salesforce } from "../support/look-alikes/salesforce.js";
import { tryRecipe } from "../support/look-alikes/try-recipe.js";

tryRecipe("keycloak", keycloak);
tryRecipe("apple", apple);
tryRecipe("gitlab", gitlab);
tryRecipe("authentik", authentik);
tryRecipe("authentik, issuerMode global", globalAuthentik);
tryRecipe("authelia", authelia);
tryRecipe("dex", dex);
tryRecipe("dex with sessions", dexWithSessions);
tryRecipe("hydra", hydra);
tryRecipe("hydra with a key", hydraWithKey);
tryRecipe("pingFederate", pingFederate);
tryRecipe("pingFederate, logout startSLO", pingFederateBefore);
tryRecipe("pingOne", pingOne);
tryRecipe("pingOne, customDomain", ownPingOne);
tryRecipe("oneLogin", oneLogin);
tryRecipe("salesforce", salesforce);

let w: RecipeWorld | undefined;
beforeEach(takeClock);
afterEach(async () => {
  releaseClock();
  await w?.close();
  w = undefined;
});

test.each([keycloak, authelia, pingFederate, pingOne])(
  "RFC 9126 2: $recipe offers it, so authorization requests are pushed",
  async (lookAlike) => {
    w = await recipeWorld(lookAlike);
    await w.signIn("alice");
    expect(w.provider.requests).toContain("POST /par");
  },
);

test("Apple posts the user's name beside its answer, and it is the login's", async () => {
  w = await recipeWorld(apple);
  await w.signIn("alice");
  const answer = await w.read("/unverified-user");
  expect(await answer.json()).toEqual(APPLE_USER);
});

test("Apple gets one client secret for as long as it is valid, and then another", async () => {
  const secrets: unknown[] = [];
  w = await recipeWorld({
    ...apple,
    checksClient(req, res, next) {
      secrets.push((req.body as Record<string, unknown>)["client_secret"]);
      void apple.checksClient?.(req, res, next);
    },
  });
  await w.signIn("alice");
  for (const seconds of [301, 1500, 1500]) {
    passSeconds(seconds);
    expect((await w.read("/token")).status).toBe(200);
  }
  const [first, second, third, fourth] = secrets;
  expect([second, third]).toEqual([first, first]);
  expect(fourth).not.toBe(first);
});

test("Apple gets no client secret in a header, and no other party gets one", async () => {
  w = await recipeWorld(apple);
  await w.signIn("alice");
  for (const { path, headers, form } of w.provider.received) {
    expect(headers.authorization).toBeUndefined();
    expect(form.has("client_secret")).toBe(path === "/token");
  }
});

test("GitLab's challenge about the client ends no login", async () => {
  w = await recipeWorld(gitlab);
  await w.signIn("alice");
  const right = w.provider.misbehave;
  w.provider.misbehave = {
    ...right,
    intercept(req, res, next) {
      if (req.path !== "/token") {
        void right.intercept?.(req, res, next);
        return;
      }
      res.set(
        "WWW-Authenticate",
        'Bearer realm="Doorkeeper", error="invalid_client"',
      );
      res.status(401).json({ error: "invalid_client" });
    },
  };
  passSeconds(301);
  expect((await w.read("/token")).status).not.toBe(200);
  expect((await w.read("/me")).status).toBe(200);
  w.provider.misbehave = right;
  expect((await w.read("/token")).status).toBe(200);
});
