/** What a provider posts about the user beside its answer, as Apple does: `loginOf(req).unverifiedUser`. */
import { randomBytes } from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";

import { type LoginKitOptions, loginOf } from "../../lib/index.js";
import { redisCommand } from "../support/redis-process.js";
import type { Misbehaviour } from "../support/lying-provider.js";
import {
  lyingWorld,
  type LyingWorld,
  type LyingWorldOptions,
} from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { closeRedis, isCallback, sharedRedis } from "../support/world.js";

let w: LyingWorld;
afterEach(() => w.close());
afterAll(closeRedis);

const FORM_POST: Partial<LoginKitOptions> = { responseMode: "form_post" };

const APPLE = {
  name: { firstName: "Alice", lastName: "Ørsted" },
  email: "alice@example.com",
};

/** The provider sends this text in the field. */
const sending = (user: string): Misbehaviour => ({
  authorizationResponse: (right) => ({ ...right, user }),
});

async function start(
  misbehave: Misbehaviour,
  options: LyingWorldOptions = {},
): Promise<void> {
  w = await lyingWorld({
    kit: FORM_POST,
    routes(app, kit) {
      app.get("/user", kit.requireAuth(), (req, res) => {
        const { unverifiedUser, claims } = loginOf(req);
        res.json({ unverifiedUser, claims });
        // What one request does with it is no business of the next.
        if (unverifiedUser !== undefined) {
          Object.assign(unverifiedUser["name"] as object, { firstName: "Eve" });
        }
      });
    },
    ...options,
  });
  w.provider.misbehave = misbehave;
}

/** What a signed-in page gets. */
async function seenBy(
  browser = createTestBrowser(),
): Promise<{ unverifiedUser?: unknown; claims: object }> {
  const answer = await browser.fetchJson(`${w.url}/user`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as { unverifiedUser?: unknown; claims: object };
}

test("Apple's field user is the login's, and in no claim", async () => {
  await start(sending(JSON.stringify(APPLE)));
  const browser = await w.signIn("alice");
  const { unverifiedUser, claims } = await seenBy(browser);
  expect(unverifiedUser).toEqual(APPLE);
  expect(Object.keys(claims).sort()).toEqual(["auth_time", "iss", "sub"]);
});

test("each request has its own copy", async () => {
  await start(sending(JSON.stringify(APPLE)));
  const browser = await w.signIn("alice");
  await seenBy(browser);
  expect((await seenBy(browser)).unverifiedUser).toEqual(APPLE);
});

test("a later sign-in without it has none", async () => {
  await start(sending(JSON.stringify(APPLE)));
  const browser = await w.signIn("alice");
  w.provider.misbehave = {};
  await w.signIn("alice", browser);
  expect(await seenBy(browser)).not.toHaveProperty("unverifiedUser");
});

test.each<[string, string]>([
  ["longer than 1 KB", JSON.stringify({ name: "a".repeat(1024) })],
  ["longer than 1 KB as a form", JSON.stringify({ name: "ø".repeat(300) })],
  ["nested 17 levels deep", '{"a":'.repeat(17) + "{}" + "}".repeat(17)],
  ["a list", '["Alice"]'],
  ["a text", '"Alice"'],
  ["null", "null"],
  ["half an object", '{"name":'],
  ["empty", ""],
])(
  "a field that is %s is dropped, and the user signs in",
  async (_what, user) => {
    await start(sending(user));
    const browser = await w.signIn("alice");
    expect(await seenBy(browser)).not.toHaveProperty("unverifiedUser");
  },
);

test("the field twice is no answer", async () => {
  await start({});
  const user = JSON.stringify(APPLE);
  const body = new URLSearchParams({ state: "s", code: "c", user });
  body.append("user", user);
  const answer = await createTestBrowser().navigate(`${w.url}/callback`, {
    method: "POST",
    body,
  });
  expect(answer.response.status).toBe(400);
  expect(answer.body).toContain("ERR_CALLBACK_MALFORMED");
});

test("it has room beside a code of 4 KB", async () => {
  await start({});
  const answer = await createTestBrowser().request(`${w.url}/callback`, {
    method: "POST",
    body: new URLSearchParams({
      state: "s".repeat(43),
      code: randomBytes(3072).toString("base64url"),
      user: JSON.stringify({ name: "a".repeat(980) }),
    }),
  });
  expect(answer.status).toBe(303);
});

describe("of an answer in an address it is not taken", () => {
  test.each<[string, Partial<LoginKitOptions>]>([
    ["query", {}],
    ["form_post", FORM_POST],
  ])("with responseMode %s", async (_mode, kit) => {
    await start({}, { kit });
    const browser = createTestBrowser();
    const login = await browser.navigate(`${w.url}/login?login_hint=alice`, {
      stopBefore: ({ pathname }) => pathname === "/authorize",
    });
    const authorize = new URL(login.response.headers.get("location") ?? "");
    authorize.searchParams.delete("response_mode");
    const page = await browser.navigate(authorize, { stopBefore: isCallback });
    const callback = new URL(page.response.headers.get("location") ?? "");
    callback.searchParams.set("user", JSON.stringify(APPLE));
    await browser.navigate(callback);
    expect(await seenBy(browser)).not.toHaveProperty("unverifiedUser");
  });
});

test("in Redis it is sealed", async () => {
  const redisKeyPrefix = `${randomBytes(8).toString("hex")}:`;
  await start(sending(JSON.stringify(APPLE)), {
    redis: await sharedRedis(),
    kit: { ...FORM_POST, redisKeyPrefix },
  });
  const browser = await w.signIn("alice");
  expect((await seenBy(browser)).unverifiedUser).toEqual(APPLE);
  const url = process.env["TEST_REDIS_URL"] ?? "";
  const keys = await redisCommand(url, ["KEYS", `${redisKeyPrefix}*`]);
  expect(keys).not.toEqual([]);
  for (const key of keys as string[]) {
    const dump = await redisCommand(url, ["DUMP", key]);
    expect(String(dump)).not.toContain("rsted");
  }
});
