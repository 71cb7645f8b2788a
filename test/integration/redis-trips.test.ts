/** How often the kit asks Redis, counted by Redis. */
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { createClient, type RedisClientType } from "redis";

import { startRedis, type RedisServer } from "../support/redis-server.js";
import { until } from "../support/until.js";
import {
  answerOf,
  closeRedis,
  isCallback,
  world,
  type World,
} from "../support/world.js";

let server: RedisServer;
let client: RedisClientType;
let watcher: RedisClientType;
let marker: RedisClientType;
let w: World;

/** What clients have sent, oldest first, as Redis tells it; what its scripts do is not sent by anybody. */
const sent: string[] = [];

beforeAll(async () => {
  server = await startRedis();
  [client, watcher, marker] = [1, 2, 3].map(() =>
    createClient({ url: server.url, disableOfflineQueue: true }),
  ) as [RedisClientType, RedisClientType, RedisClientType];
  for (const one of [client, watcher, marker]) {
    one.on("error", () => undefined);
    await one.connect();
  }
  await watcher.monitor((line) => {
    if (!/^[\d.]+ \[\d+ lua\]/.test(line)) sent.push(line);
  });
});

afterEach(() => w.close());

afterAll(async () => {
  for (const one of [client, watcher, marker]) one.destroy();
  await server.stop();
  closeRedis();
});

/** The names of the commands that are sent while it acts. */
async function commandsOf(act: () => Promise<unknown>): Promise<string[]> {
  const [begun, done] = [await mark(), await act().then(mark)];
  return sent
    .slice(sent.indexOf(begun) + 1, sent.indexOf(done))
    .map((line) => /\] "(\w+)"/.exec(line)?.[1]?.toUpperCase() ?? line);
}

let marks = 0;

/** The line of a command that Redis has told of: it has told of all before. */
async function mark(): Promise<string> {
  const text = `mark ${String(++marks)}`;
  await marker.echo(text);
  await until("Redis has told", () => sent.some((line) => line.includes(text)));
  return sent.find((line) => line.includes(text)) ?? "";
}

async function start(session: object = {}, kit: object = {}): Promise<void> {
  w = await world({
    redis: client,
    kit: { session: session as never, ...kit },
    routes(app, kit) {
      app.get("/visits", kit.session, kit.requireAuth(), (req, res) => {
        const session = req.session as { visits?: number };
        session.visits = (session.visits ?? 0) + 1;
        res.json(session.visits);
      });
      app.get(
        "/guarded-twice",
        kit.identify,
        kit.requireAuth(),
        kit.requireAuth({ claims: { sub: "alice" }, scope: "openid" }),
        (_req, res) => {
          res.json({});
        },
      );
      app.get("/note", kit.session, kit.requireAuth(), (req, res) => {
        res.json(Object.keys(req.session));
      });
    },
  });
}

test("a sign-in is begun with one command, and completed with at most six", async () => {
  await start();
  const begun = await commandsOf(() =>
    w.browser.navigate(`${w.app.url}/login`, { stopBefore: isProvider }),
  );
  expect(begun).toHaveLength(1);
  const page = await w.signIn({ stopBefore: isCallback });
  const completed = await commandsOf(() =>
    w.browser.navigate(answerOf(page), { stopBefore: isHome }),
  );
  expect(completed.length).toBeLessThanOrEqual(6);
});

test("a sign-in whose cookie persists is completed with no more", async () => {
  await start({ persistSeconds: 600 });
  const page = await w.signIn({ stopBefore: isCallback });
  const completed = await commandsOf(() =>
    w.browser.navigate(answerOf(page), { stopBefore: isHome }),
  );
  expect(completed.length).toBeLessThanOrEqual(6);
});

test("a guarded request is one command", async () => {
  await start();
  await w.signIn();
  expect(await askedBy("/me")).toEqual(["HMGET"]);
});

test("guards behind each other are one command together", async () => {
  await start();
  await w.signIn();
  expect(await askedBy("/guarded-twice")).toEqual(["HMGET"]);
});

test("it is one command too where claims are kept fresh and are not old", async () => {
  await start({}, { claimsRefreshSeconds: 600 });
  await w.signIn();
  expect(await askedBy("/me")).toEqual(["HMGET"]);
});

test("a sign-in stores no session: the first value that is put into it does", async () => {
  await start();
  const page = await w.signIn({ stopBefore: isCallback });
  const completed = await commandsOf(() =>
    w.browser.navigate(answerOf(page), { stopBefore: isHome }),
  );
  expect(completed).not.toContain("SET");
  expect(await askedBy("/note")).not.toContain("SET");
  const first = await askedBy("/visits");
  expect(first).toContain("SET");
  expect(first.length).toBeLessThanOrEqual(4);
});

test("kit.session with a guard is at most three commands, two where nothing is put into it", async () => {
  await start();
  await w.signIn();
  await askedBy("/visits");
  expect((await askedBy("/visits")).length).toBeLessThanOrEqual(3);
  expect((await askedBy("/note")).length).toBeLessThanOrEqual(2);
});

test("a sign-out is at most five commands", async () => {
  await start();
  await w.signIn();
  const asked = await askedBy("/logout", "POST");
  expect(asked.length).toBeLessThanOrEqual(5);
  expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(401);
});

const isProvider = (url: URL): boolean => url.origin === w.provider.url;
const isHome = ({ pathname }: URL): boolean => pathname !== "/callback";

function askedBy(path: string, method = "GET"): Promise<string[]> {
  return commandsOf(() => w.browser.fetchJson(w.app.url + path, { method }));
}
