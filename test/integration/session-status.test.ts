import { afterAll, afterEach, expect, test } from "@jest/globals";
import request from "supertest";

import type { LoginKitOptions, RedisClient } from "../../lib/index.js";
import { advance, loginAs, resetClock } from "../../lib/testing/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { closeRedis, SESSION_SECRET, sharedRedis } from "../support/world.js";

const HALF_AN_HOUR = {
  idleTimeoutSeconds: 1800,
  absoluteTimeoutSeconds: 1800,
};

let w: LyingWorld;
let agent: ReturnType<typeof request.agent>;
afterEach(async () => {
  resetClock();
  await w.close();
});
afterAll(closeRedis);

async function start(
  kit: Partial<LoginKitOptions> = {},
  redis?: RedisClient,
): Promise<void> {
  w = await lyingWorld({ kit, redis });
  agent = request.agent(w.url);
}

const status = async (): Promise<Record<string, unknown>> => {
  const answer = await agent.get("/session").expect(200);
  return answer.body as Record<string, unknown>;
};

test("BFF-05: says that nobody is signed in, and where to sign in", async () => {
  await start();
  expect(await status()).toEqual({ active: false, login_url: "/login" });
});

// Shows: BFF-03, ASVS 10.1.1
test("BFF-05, ASVS 14.2.6: says who is signed in by the allowed claims, how long, and never a token", async () => {
  await start({ sessionClaims: ["sub", "email"] });
  await loginAs(agent, { email: "alice@example.com", name: "Alice" });
  expect(await status()).toEqual({
    active: true,
    claims: { sub: "alice", email: "alice@example.com" },
    seconds_left: expect.any(Number),
    absolute_seconds_left: expect.any(Number),
    logout_url: "/logout",
  });
});

// Shows: ASVS 3.2.1, 3.4.2, 14.2.2
test("ASVS 14.3.2, 3.4.4: is not stored, not sniffed and not for other origins", async () => {
  await start();
  const { headers } = await agent
    .get("/session")
    .expect("Cache-Control", "no-store")
    .expect("X-Content-Type-Options", "nosniff")
    .expect("Cross-Origin-Resource-Policy", "same-origin");
  expect(headers).not.toHaveProperty("access-control-allow-origin");
});

test("ASVS 7.3.1: asking does not extend the login", async () => {
  await start({}, await sharedRedis());
  await loginAs(agent);
  advance(20 * 60);
  const first = await status();
  expect(first["seconds_left"]).toBeLessThanOrEqual(600);
  expect(first["seconds_left"]).toBeGreaterThan(500);
  advance(11 * 60);
  expect(await status()).toEqual({ active: false, login_url: "/login" });
});

// Shows: ERR_METHOD_NOT_ALLOWED
test("ASVS 4.1.4: only GET, HEAD and POST", async () => {
  await start();
  const answer = await agent
    .put("/session")
    .expect(405)
    .expect("Allow", "GET, HEAD, POST");
  expect(answer.body).toMatchObject({ code: "ERR_METHOD_NOT_ALLOWED" });
});

test("POST extends the login, and says how long it lives now", async () => {
  await start();
  await loginAs(agent);
  advance(20 * 60);
  const answer = await agent
    .post("/session")
    .set("Sec-Fetch-Site", "same-origin")
    .expect(200)
    .expect("Cache-Control", "no-store");
  const { active, seconds_left } = answer.body as Record<string, unknown>;
  expect(active).toBe(true);
  expect(seconds_left).toBeGreaterThan(29 * 60);
  advance(29 * 60);
  expect(await status()).toMatchObject({ active: true });
});

test("POST extends no login beyond its absolute end", async () => {
  await start({ session: { secret: SESSION_SECRET, ...HALF_AN_HOUR } });
  await loginAs(agent);
  advance(25 * 60);
  const before = await status();
  expect(before["seconds_left"]).toBe(before["absolute_seconds_left"]);
  const answer = await agent
    .post("/session")
    .set("x-csrf-protection", "1")
    .expect(200);
  expect((answer.body as typeof before)["seconds_left"]).toBeLessThanOrEqual(
    300,
  );
});

test.each([
  ["another site", { "Sec-Fetch-Site": "cross-site" }],
  ["another host of this site", { "Sec-Fetch-Site": "same-site" }],
  [
    "an address bar",
    { "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate" },
  ],
  ["another origin", { Origin: "https://evil.example" }],
  ["a client that does not say", {}],
])("POST from %s is refused, and extends nothing", async (_from, headers) => {
  await start();
  await loginAs(agent);
  advance(20 * 60);
  await agent.post("/session").unset("Sec-Fetch-Site").set(headers).expect(403);
  advance(11 * 60);
  expect(await status()).toMatchObject({ active: false });
});

test("POST without a login gets 401, and the way to one", async () => {
  await start();
  const answer = await agent
    .post("/session")
    .set("x-csrf-protection", "1")
    .expect(401);
  expect(answer.body).toMatchObject({
    code: "ERR_LOGIN_REQUIRED",
    login_url: "/login",
  });
});
