/** `kit.sessions.endOthers` believes what the kit found, not what an application or an ended login says. */
import { afterEach, expect, test } from "@jest/globals";
import request from "supertest";

import { type Login, type LoginKitError, loginOf } from "../../lib/index.js";
import { loginAs } from "../../lib/testing/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { until } from "../support/until.js";

let w: LyingWorld;
afterEach(() => w.close());

/** A route that ends the others, after something has happened to its login. */
async function start(before: (login: Login) => unknown): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  w = await lyingWorld({
    routes(app, kit) {
      app.post("/end-others", kit.requireAuth(), async (req, res) => {
        const login = loginOf(req);
        await before(login);
        outcomes.push(
          await kit.sessions
            .endOthers(login)
            .catch((error: unknown) => (error as LoginKitError).code),
        );
        res.json({});
      });
    },
  });
  return outcomes;
}

/** A browser that is signed in. */
async function signedIn(sub: string) {
  const agent = request.agent(w.url);
  await loginAs(agent, { sub });
  return agent;
}

test("a login whose members the application has written over ends its own user's others", async () => {
  const outcomes = await start((login) =>
    Object.assign(login, { id: "x", claims: { ...login.claims, sub: "bob" } }),
  );
  const [alice, other, bob] = [
    await signedIn("alice"),
    await signedIn("alice"),
    await signedIn("bob"),
  ];
  await alice.post("/end-others").expect(200);
  expect(outcomes).toEqual([1]);
  await alice.get("/me").expect(200);
  await other.get("/me").expect(401);
  await bob.get("/me").expect(200);
});

test("a login that has ended meanwhile ends no other", async () => {
  let letGo: (() => void) | undefined;
  const outcomes = await start(
    () => new Promise<void>((resolve) => (letGo = resolve)),
  );
  const thief = await signedIn("alice");
  const asked = thief.post("/end-others").then(({ status }) => status);
  await until("the request is behind the guard", () => letGo !== undefined);
  await w.kit.sessions.endAll("alice");
  const owner = await signedIn("alice");
  letGo?.();
  expect(await asked).toBe(200);
  expect(outcomes).toEqual(["ERR_LOGIN_REQUIRED"]);
  await owner.get("/me").expect(200);
});
