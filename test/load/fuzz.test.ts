/** Requests that nobody would send on purpose: every answer is right, and nothing is left of them. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient } from "redis";

import { freePort } from "../support/free-port.js";
import {
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import { clientAt, lyingKitOptions, signInAt } from "../support/lying-world.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { rawExchange } from "../support/raw-exchange.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import { until } from "../support/until.js";
import { volume } from "../support/volume.js";
import { type FuzzRun, fuzzRun } from "./fuzz-run.js";
import { fuzzState } from "./fuzz-state.js";

/** Another one: FUZZ_SEED=1 npm run test:load -- fuzz */
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_122);
/** The first stage shows what lasts; the others show what grows. */
const STAGES = volume(2, 5);
const REQUESTS = volume(2_000, 100_000);
/** Answers of each half in each stage. */
const ANSWERS = REQUESTS / STAGES / 2;
const MEGABYTE = 1024 ** 2;

interface Held {
  /** How often each event was told. */
  readonly told: Readonly<Record<string, number>>;
  /** After a garbage collection, in bytes. */
  readonly heap: number;
  readonly sockets: number;
}

let redis: RedisServer;
let provider: LyingProvider;
let app: NodeProcess;
let url: string;
let run: FuzzRun;
let outputAtStart: string;
let signIns = 0;
const held: Held[] = [];

beforeAll(async () => {
  redis = await startRedis();
  url = `http://127.0.0.1:${String(await freePort())}`;
  provider = await startLyingProvider({ clients: [clientAt([url])] });
  app = startNode(["--expose-gc", "test/load/fixtures/fuzz-app.js"], {
    env: {
      PORT: new URL(url).port,
      REDIS_URL: redis.url,
      KIT_OPTIONS: JSON.stringify(lyingKitOptions(provider, url)),
    },
  });
  await app.prints(/listening/);
  run = fuzzRun([url, provider.url]);
  // The console is told once of the first sign-in, and of another host.
  await signIn("before");
  await rawExchange(
    url,
    "GET /login HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n",
  );
  await app.prints(/was begun at http:\/\/elsewhere\.example/);
  outputAtStart = app.output();
  for (let stage = 0; stage < STAGES; stage++) {
    const state = await fuzzState(url, provider, stage, signIn);
    await run.generated(state, SEED + stage, ANSWERS);
    await run.raw(state, SEED + stage, ANSWERS);
    await run.streams(state);
    held.push(await lookAt());
  }
}, 600_000);

afterAll(async () => {
  await endNodeProcesses();
  await provider.close();
  await redis.stop();
});

describe(`${String(REQUESTS)} requests over all endpoints`, () => {
  test("are answered", () => {
    console.info(report());
    expect(run.answered.generated).toBe(STAGES * ANSWERS);
    expect(run.answered.raw).toBeGreaterThanOrEqual(STAGES * ANSWERS);
  });

  test("ASVS 16.5.4, OA-20, 4.2.4: and no answer is a failure without a code, repeats markup, has a header of ours or leads away", () => {
    expect({ seed: SEED, odd: Object.fromEntries(run.odd) }).toEqual({
      seed: SEED,
      odd: {},
    });
  });

  test.each([
    [
      "/callback",
      "303",
      "400 ERR_TRANSACTION_NOT_FOUND",
      "502 ERR_TOKEN_REQUEST_REJECTED",
    ],
    [
      "/login",
      "303",
      "400 ERR_RETURN_TO_INVALID",
      "400 ERR_LOGIN_PARAMETER_INVALID",
    ],
    [
      "/initiate-login",
      "303",
      "400 ERR_LOGIN_PARAMETER_INVALID",
      "400 ERR_RETURN_TO_INVALID",
    ],
    ["/logout", "303", "200", "403 ERR_CROSS_SITE_REQUEST"],
    ["/logged-out", "303", "405 ERR_METHOD_NOT_ALLOWED"],
    ["/backchannel-logout", "200", "400 ERR_LOGOUT_TOKEN_INVALID"],
    ["/frontchannel-logout", "200", "400 ERR_LOGOUT_REQUEST_INVALID"],
    ["/check-session", "200", "204"],
    ["/session", "200", "405 ERR_METHOD_NOT_ALLOWED"],
    ["/session/events", "401 ERR_LOGIN_REQUIRED", "403 ERR_CROSS_SITE_REQUEST"],
  ])("they get far: %s answers as well as refuses", (path, ...outcomes) => {
    expect([...(run.seen.get(path)?.keys() ?? [])]).toEqual(
      expect.arrayContaining(outcomes),
    );
  });

  test("ASVS 16.5.4: it is the same process, and it complained of nothing", () => {
    expect(app.isRunning()).toBe(true);
    expect(app.output().slice(outputAtStart.length)).toBe("");
  });

  test("ASVS 15.2.2: they leave nothing in memory, and no connection", async () => {
    const [first, last] = [
      held.at(0)?.heap ?? 0,
      held.at(-1)?.heap ?? Infinity,
    ];
    // Of 80,000 that left 50 bytes each, or 16,000 that left 250, these would be 4 MB.
    expect((last - first) / MEGABYTE).toBeLessThan(4);
    await until("connections are closed", async () => {
      return (await lookAt()).sockets <= 4;
    });
  });

  test("ASVS 15.2.2: Redis keeps what belongs to logins and logouts, for a limited time, and nothing else", async () => {
    const { told } = await lookAt();
    const { "login.started": started = 0, "login.succeeded": logins = 0 } =
      told;
    const logouts = told["logout.received"] ?? 0;
    const parked = run.seen.get("/callback")?.get("303") ?? 0;
    const bounds: readonly (readonly [RegExp, number])[] = [
      [/^transaction:\{[\w-]{43}\}$/, started],
      // What came of them, for a minute.
      [/^outcome:\{[\w-]{43}\}$/, started],
      [/^response:[\w-]{43}$/, parked],
      [/^session:[\w-]{22}$/, logins],
      [/^\{[\w-]{22}\}:login$/, logins],
      // What they were, for a minute.
      [/^\{[\w-]{22}\}:ended$/, logins],
      [/^\{(?:user|sid|no-sid)\.[\w-]{22}\}:logins$/, 2 * logins],
      [/^\{(?:user|sid|no-sid)\.[\w-]{22}\}:logged-out$/, 2 * logouts],
      [/^\{jti\.[\w-]{43}\}:lock$/, logouts],
    ];
    const keys = await keysWithLife();
    for (const [pattern, bound] of bounds) {
      const count = keys.filter(({ key }) => pattern.test(key)).length;
      expect([pattern, count <= bound]).toEqual([pattern, true]);
    }
    const isKnown = (key: string): boolean =>
      bounds.some(([pattern]) => pattern.test(key));
    expect(keys.filter(({ key }) => !isKnown(key))).toEqual([]);
    // -1: without end; -2 would be: over since the keys were listed.
    expect(keys.filter(({ life }) => life === -1)).toEqual([]);
    expect(logins).toBe(signIns);
    expect(keys.length).toBeGreaterThan(STAGES * 200);
  });

  test("and people sign in as before", async () => {
    const browser = await signIn("after");
    expect((await browser.fetchJson(`${url}/me`)).status).toBe(200);
  });
});

function signIn(user: string) {
  signIns += 1;
  return signInAt(url, user);
}

async function lookAt(): Promise<Held> {
  const answer = await fetch(`${url}/held`, {
    headers: { connection: "close" },
  });
  return (await answer.json()) as Held;
}

async function keysWithLife(): Promise<{ key: string; life: number }[]> {
  const client = createClient({ url: redis.url });
  await client.connect();
  const keys = await client.keys("*");
  const lives = await Promise.all(keys.map((key) => client.pTTL(key)));
  client.destroy();
  return keys.map((key, at) => ({
    key: key.replace(/^login-kit:[\w-]{10}:/, ""),
    life: lives[at] ?? 0,
  }));
}

function report(): string {
  const heaps = held.map(({ heap }) => (heap / MEGABYTE).toFixed(2)).join(", ");
  return [
    `seed ${String(SEED)}; ${JSON.stringify(run.answered)}; heap in MB: ${heaps}`,
    JSON.stringify(held.at(-1)?.told),
    ...[...run.seen].map(
      ([path, outcomes]) =>
        `${path}: ${JSON.stringify(Object.fromEntries(outcomes))}`,
    ),
  ].join("\n");
}
