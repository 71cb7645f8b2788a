import { afterAll, afterEach, expect, test } from "@jest/globals";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { closeRedis, world, type World } from "../support/world.js";

let w: World;
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

const status = async (): Promise<Record<string, unknown>> => {
  const answer = await w.browser.fetchJson(`${w.app.url}/session`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
};

test("BFF-05: says that nobody is signed in, and where to sign in", async () => {
  w = await world({ embedded: true });
  expect(await status()).toEqual({ active: false, login_url: "/login" });
});

// Shows: BFF-03, ASVS 10.1.1
test("BFF-05, ASVS 14.2.6: says who is signed in by the allowed claims, how long, and never a token", async () => {
  w = await world({
    embedded: true,
    kit: { sessionClaims: ["sub", "email"] },
    signedInAs: "alice",
  });
  expect(await status()).toEqual({
    active: true,
    claims: { sub: "alice", email: "alice@example.com" },
    seconds_left: expect.any(Number),
    logout_url: "/logout",
  });
});

// Shows: ASVS 3.2.1, 3.4.2, 14.2.2
test("ASVS 14.3.2, 3.4.4: is not stored, not sniffed and not for other origins", async () => {
  w = await world({ embedded: true });
  const { headers } = await w.browser.fetchJson(`${w.app.url}/session`);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  expect(headers.get("access-control-allow-origin")).toBeNull();
});

test("ASVS 7.3.1: asking does not extend the login", async () => {
  takeClock();
  w = await world({ signedInAs: "alice" });
  passSeconds(20 * 60);
  const first = await status();
  expect(first["seconds_left"]).toBeLessThanOrEqual(600);
  expect(first["seconds_left"]).toBeGreaterThan(590);
  passSeconds(11 * 60);
  expect(await status()).toEqual({ active: false, login_url: "/login" });
});

// Shows: ERR_METHOD_NOT_ALLOWED
test("ASVS 4.1.4: only GET and HEAD", async () => {
  w = await world({ embedded: true });
  const answer = await w.browser.fetchJson(`${w.app.url}/session`, {
    method: "POST",
  });
  expect(answer.status).toBe(405);
  expect(answer.headers.get("allow")).toBe("GET, HEAD");
  expect(await answer.json()).toMatchObject({ code: "ERR_METHOD_NOT_ALLOWED" });
});
