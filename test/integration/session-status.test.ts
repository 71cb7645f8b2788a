import { afterAll, afterEach, expect, test } from "@jest/globals";
import request from "supertest";

import type { LoginKitOptions, RedisClient } from "../../lib/index.js";
import { advance, loginAs, resetClock } from "../../lib/testing/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { closeRedis, sharedRedis } from "../support/world.js";

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
test("ASVS 4.1.4: only GET and HEAD", async () => {
  await start();
  const answer = await agent
    .post("/session")
    .expect(405)
    .expect("Allow", "GET, HEAD");
  expect(answer.body).toMatchObject({ code: "ERR_METHOD_NOT_ALLOWED" });
});
