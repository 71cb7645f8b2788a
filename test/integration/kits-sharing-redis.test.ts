/** Kits that share a Redis, or a host, do not meet; processes of one application share everything. */
import { randomUUID } from "node:crypto";

import { afterAll, afterEach, expect, test } from "@jest/globals";

import {
  createLoginKit,
  type LoginKit,
  type LoginKitOptions,
} from "../../lib/index.js";
import { redisCommand } from "../support/redis-process.js";
import { createTestBrowser } from "../support/test-browser.js";
import {
  closeRedis,
  isCallback,
  kitOptions,
  ORDERS_RESOURCE,
  SESSION_SECRET,
  sharedRedis,
  world,
  type World,
} from "../support/world.js";

const worlds: World[] = [];

afterEach(async () => {
  for (const w of worlds.splice(0)) {
    await w.app.kit.close();
    await w.close();
  }
});
afterAll(closeRedis);

test("a token of the application itself is not another provider's", async () => {
  const shared = { redisKeyPrefix: `${randomUUID()}:` };
  const [one, other] = [await start(shared), await start(shared)];
  expect((await one.app.kit.clientToken("orders")).value).toBe("one");
  expect((await other.app.kit.clientToken("orders")).value).toBe("two");
  expect((await one.app.kit.clientToken("orders")).value).toBe("one");
});

test.each([
  ["another client of the same provider", { clientId: "another" }, {}],
  ["another scope", {}, { scope: "orders:write" }],
  ["another resource", {}, { resource: "urn:example:other" }],
])(
  "a token of the application itself is not that for %s",
  async (_what, differing, server) => {
    const shared = { redisKeyPrefix: `${randomUUID()}:` };
    const w = await start(shared);
    const other = await kitBeside(w, {
      ...shared,
      ...differing,
      resourceServers: { orders: { ...ordersAt(w), ...server } },
    });
    expect((await w.app.kit.clientToken("orders")).value).toBe("one");
    answerWith(w, "two");
    expect((await other.clientToken("orders")).value).toBe("two");
    expect((await w.app.kit.clientToken("orders")).value).toBe("one");
  },
);

test("a process with the same options has the same token, the same logins and the same ends", async () => {
  const shared = { redisKeyPrefix: `${randomUUID()}:` };
  const w = await start(shared);
  await signIn(w);
  const same = await kitBeside(w, shared);
  const token = await w.app.kit.clientToken("orders");
  answerWith(w, "not asked for");
  expect((await same.clientToken("orders")).value).toBe(token.value);
  expect(await same.sessions.list("alice")).toHaveLength(1);
  await same.sessions.endAll("alice");
  expect(await statusOfMe(w)).toBe(401);
});

test("a user's logins at another client of the same provider are not listed, and do not end", async () => {
  const shared = { redisKeyPrefix: `${randomUUID()}:` };
  const w = await start(shared);
  await signIn(w);
  const other = await kitBeside(w, { ...shared, clientId: "another" });
  expect(await other.sessions.list("alice")).toEqual([]);
  await other.sessions.endAll("alice");
  expect(await statusOfMe(w)).toBe(200);
});

test("a session cookie signed with the same secret is a login only at the kit that started it", async () => {
  const shared = { redisKeyPrefix: `${randomUUID()}:` };
  const [one, other] = [await start(shared), await start(shared)];
  await signIn(one);
  expect(await statusOfMe(one)).toBe(200);
  // Cookies know no ports: the browser sends the same one.
  expect(await statusOfMe(other, one.browser)).toBe(401);
});

test("every key and channel in Redis belongs to one kit", async () => {
  const redisKeyPrefix = `${randomUUID()}:`;
  const kits = [
    await start({ redisKeyPrefix }),
    await start({ redisKeyPrefix }),
  ];
  const streams: AbortController[] = [];
  for (const w of kits) {
    await signIn(w);
    await w.app.kit.clientToken("orders");
    await w.signIn({ browser: createTestBrowser(), stopBefore: isCallback });
    const stream = new AbortController();
    const answer = await w.browser.fetchJson(`${w.app.url}/session/events`, {
      signal: stream.signal,
      headers: { accept: "text/event-stream" },
    });
    expect(answer.status).toBe(200);
    streams.push(stream);
  }
  const ownParts = async (command: string[]): Promise<string[][]> => {
    const url = process.env["TEST_REDIS_URL"] ?? "";
    const names = (await redisCommand(url, command)) as string[];
    return names.map((name) => name.slice(redisKeyPrefix.length).split(":"));
  };
  const keys = await ownParts(["KEYS", `${redisKeyPrefix}*`]);
  const count = new Map<string, number>();
  for (const [own = ""] of keys) count.set(own, (count.get(own) ?? 0) + 1);
  expect([...count.keys()].every((own) => /^[\w-]{10}$/.test(own))).toBe(true);
  // The same things were done at both, and nothing else is there.
  expect([...count.values()]).toEqual([keys.length / 2, keys.length / 2]);
  const channels = await ownParts(["PUBSUB", "CHANNELS", `${redisKeyPrefix}*`]);
  expect(channels.map(([own = "", name]) => [count.has(own), name])).toEqual([
    [true, "ended"],
    [true, "ended"],
  ]);
  for (const stream of streams) stream.abort();
});

test("two applications on one host with different ports do not sign each other out", async () => {
  const shared = { session: defaultCookieName(), embedded: true };
  const [one, other] = [await start(shared), await start(shared)];
  await signIn(one);
  await signIn(other, one.browser);
  expect(await statusOfMe(one)).toBe(200);
  expect(await statusOfMe(other, one.browser)).toBe(200);
});

test("sign-ins in progress at another port neither make room nor count as attempts here", async () => {
  const shared = { session: defaultCookieName(), embedded: true };
  const [one, other] = [await start(shared), await start(shared)];
  const cookiesOf = async (w: World): Promise<string[]> => {
    const cookies = await one.browser.jar.getCookies(w.app.url);
    const { port } = new URL(w.app.url);
    return cookies
      .map(({ key }) => key)
      .filter((name) => name.startsWith(`session-${port}-`));
  };
  await one.signIn({ stopBefore: isCallback });
  const before = await cookiesOf(one);
  expect(before).toHaveLength(1);
  for (let count = 0; count < 11; count++) {
    await one.browser.navigate(`${other.app.url}/login`, {
      stopBefore: (url) => url.origin !== other.app.url,
    });
  }
  expect(await cookiesOf(one)).toEqual(before);
  expect(await cookiesOf(other)).toHaveLength(10);
});

async function start({
  embedded = false,
  ...kit
}: Partial<LoginKitOptions> & { embedded?: boolean }): Promise<World> {
  const w = await world({
    embedded,
    kit,
  });
  worlds.push(w);
  answerWith(w, worlds.length === 1 ? "one" : "two");
  return w;
}

/** Another kit, with the options of a world's except for some. */
async function kitBeside(
  w: World,
  differing: Partial<LoginKitOptions>,
): Promise<LoginKit> {
  return createLoginKit({
    ...kitOptions({
      appUrl: w.app.url,
      providerUrl: w.provider.url,
      ordersUrl: w.orders.url,
    }),
    redis: await sharedRedis(),
    ...differing,
  });
}

/** The resource server as the world's kit knows it. */
function ordersAt(w: World) {
  return { url: `${w.orders.url}/v1`, resource: ORDERS_RESOURCE };
}

/** From now on the provider gives this token to whoever asks as the application itself. */
function answerWith(w: World, token: string): void {
  w.provider.intercept = (req, res) => {
    if (req.url !== "/token" || Number(req.headers["content-length"]) > 150) {
      return false;
    }
    req.resume().on("end", () => {
      res.writeHead(200, { "Content-Type": "application/json" });
      res.end(
        JSON.stringify({
          access_token: token,
          token_type: "Bearer",
          expires_in: 600,
        }),
      );
    });
    return true;
  };
}

async function signIn(w: World, browser = w.browser): Promise<void> {
  const page = await w.signIn({ browser });
  expect(page.body).toContain("alice");
}

async function statusOfMe(w: World, browser = w.browser): Promise<number> {
  const answer = await browser.fetchJson(`${w.app.url}/me`);
  return answer.status;
}

/** Worlds name their session cookie; here the kit does. */
function defaultCookieName(): LoginKitOptions["session"] {
  return { secret: SESSION_SECRET, ...({ cookieName: undefined } as object) };
}
