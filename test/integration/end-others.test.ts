/** `kit.sessions.endOthers` believes what the kit found, not what an application or an ended login says. */
import { afterEach, expect, test } from "@jest/globals";

import { type Login, type LoginKitError, loginOf } from "../../lib/index.js";
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

test("a login whose members the application has written over ends its own user's others", async () => {
  const outcomes = await start((login) =>
    Object.assign(login, { id: "x", claims: { ...login.claims, sub: "bob" } }),
  );
  const [alice, other, bob] = [
    await w.signIn("alice"),
    await w.signIn("alice"),
    await w.signIn("bob"),
  ];
  await alice.fetchJson(`${w.url}/end-others`, { method: "POST" });
  expect(outcomes).toEqual([1]);
  expect(await w.statusFor(alice)).toBe(200);
  expect(await w.statusFor(other)).toBe(401);
  expect(await w.statusFor(bob)).toBe(200);
});

test("a login that has ended meanwhile ends no other", async () => {
  let letGo: (() => void) | undefined;
  const outcomes = await start(
    () => new Promise<void>((resolve) => (letGo = resolve)),
  );
  const thief = await w.signIn("alice");
  const asked = thief.fetchJson(`${w.url}/end-others`, { method: "POST" });
  await until("the request is behind the guard", () => letGo !== undefined);
  await w.kit.sessions.endAll("alice");
  const owner = await w.signIn("alice");
  letGo?.();
  await asked;
  expect(outcomes).toEqual(["ERR_LOGIN_REQUIRED"]);
  expect(await w.statusFor(owner)).toBe(200);
});
