/**
 * Redis hangs or is away while an application in plain Node is under load.
 */
import { setMaxListeners } from "node:events";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { freePort } from "../support/free-port.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { createParties, type Parties, signIn } from "../support/parties.js";
import { redisCommand } from "../support/redis-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";

/** Requests to one application at once; every tenth is a page load. */
const REQUESTS = 100;
/** Twice what the kit gives a command of Redis to be answered, in milliseconds. */
const TWICE_THE_LIMIT = 4_000;
/** The status of a request that was not answered before the control. */
const NO_ANSWER = 0;
const USERS = ["alice", "bob", "alice", "bob"];

type Kind = "fetch" | "page";

/** One application and the people who are signed in at it. */
interface App {
  readonly url: string;
  readonly process: NodeProcess;
  readonly browsers: readonly TestBrowser[];
}

/** An answer under load. */
interface Answer {
  readonly kind: Kind;
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | null;
  readonly body: string;
}

/** What each application answered. */
type Answers = ReadonlyMap<string, readonly Answer[]>;

const clients = ["kit", "node-redis"] as const;
const apps = new Map<string, App>();
let redis: RedisServer;
let parties: Parties;

beforeAll(async () => {
  redis = await startRedis();
  const ports = { kit: await freePort(), "node-redis": await freePort() };
  parties = await createParties(Object.values(ports).map(urlOf));
  await parties.start();
  for (const client of clients) {
    const url = urlOf(ports[client]);
    const started = startNode(["test/e2e/fixtures/redis-app.js"], {
      env: {
        ...parties.env,
        BASE_URL: url,
        PORT: String(ports[client]),
        REDIS_URL: redis.url,
        REDIS_CLIENT: client,
      },
    });
    await started.prints(/listening/);
    apps.set(client, {
      url,
      process: started,
      browsers: await Promise.all(USERS.map((user) => signedIn(url, user))),
    });
  }
});

afterAll(async () => {
  redis.resume();
  await endNodeProcesses();
  await parties.stop();
  await redis.stop();
});

describe("Redis hangs under load, until the kit's client has given up a connection", () => {
  let atTheBeginning: Answers;
  let meanwhile: Answers;
  let later: Answers;
  let atTheEnd: Answers;
  let afterwards: Answers;
  const ready = new Map<string, boolean[]>();

  beforeAll(async () => {
    atTheBeginning = await load(() => {
      redis.pause();
    });
    meanwhile = await load();
    await forEachApp(async (client, app) => {
      ready.set(client, [await isReady(app)]);
    });
    // It has connected anew, and that connection was silent for socketTimeout.
    await appOf("kit").process.prints(/^redis: /m);
    later = await load();
    atTheEnd = await load(() => {
      redis.resume();
    });
    await everyoneIsReady();
    await forEachApp(async (client, app) => {
      ready.get(client)?.push(await isReady(app));
    });
    afterwards = await load();
  });

  describe.each(clients)("the client of %s", (client) => {
    // Shows: ASVS 13.1.3
    test("every request is answered before a control that takes twice the time limit", () => {
      expect(all().filter(({ status }) => status === NO_ANSWER)).toEqual([]);
    });

    // Shows: ASVS 16.5.3
    test("nobody is treated as anonymous", () => {
      expect(all()).toHaveLength(5 * REQUESTS);
      expect(new Set(all().map(({ status }) => status))).toEqual(
        new Set([200, 503]),
      );
    });

    // Shows: ASVS 16.5.2
    test("every fetch during the pause gets 503 problem+json with Retry-After", () => {
      expect(kindsOf(duringThePause(), "fetch")).toEqual([
        "503 application/problem+json; charset=utf-8 Retry-After: 5 ERR_STORE_UNAVAILABLE",
      ]);
    });

    test("every page load during the pause gets a page with 503 and Retry-After", () => {
      expect(kindsOf(duringThePause(), "page")).toEqual([
        "503 text/html; charset=utf-8 Retry-After: 5 ERR_STORE_UNAVAILABLE",
      ]);
    });

    test("ready() is false during the pause and true after it", () => {
      expect(ready.get(client)).toEqual([false, true]);
    });

    test("when ready() is true again every login is served", async () => {
      expect(statusesOf(answersOf(afterwards, client))).toEqual([200]);
      expect(await whoIsSignedIn(appOf(client))).toEqual(USERS);
    });

    // Shows: ASVS 16.5.4
    test("it is the same process, and it complained of nothing unhandled", () => {
      expectNoCrash(appOf(client));
    });

    const all = (): Answer[] =>
      [atTheBeginning, meanwhile, later, atTheEnd, afterwards].flatMap(
        (answers) => answersOf(answers, client),
      );
    const duringThePause = (): Answer[] =>
      [meanwhile, later].flatMap((answers) => answersOf(answers, client));
  });
});

describe("Redis is away under load, and comes back empty", () => {
  let atTheBeginning: Answers;
  let meanwhile: Answers;
  let afterwards: Answers;

  beforeAll(async () => {
    const pid = await pidOf(redis);
    atTheBeginning = await load(() => {
      process.kill(pid, "SIGKILL");
    });
    meanwhile = await load();
    await redis.restart();
    await everyoneIsReady();
    afterwards = await load();
  });

  describe.each(clients)("the client of %s", (client) => {
    test("every request is answered before a control that takes twice the time limit", () => {
      const all = [atTheBeginning, meanwhile, afterwards].flatMap((answers) =>
        answersOf(answers, client),
      );
      expect(all.filter(({ status }) => status === NO_ANSWER)).toEqual([]);
    });

    test("nobody is treated as anonymous while Redis is away", () => {
      for (const status of statusesOf(answersOf(atTheBeginning, client))) {
        expect([200, 503]).toContain(status);
      }
    });

    test("every fetch while Redis is away gets 503 problem+json", () => {
      expect(kindsOf(answersOf(meanwhile, client), "fetch")).toEqual([
        "503 application/problem+json; charset=utf-8 Retry-After: 5 ERR_STORE_UNAVAILABLE",
      ]);
    });

    test("the logins that Redis lost are gone: 401", () => {
      const fetches = answersOf(afterwards, client).filter(
        ({ kind }) => kind === "fetch",
      );
      expect(statusesOf(fetches)).toEqual([401]);
    });

    test("a new login works in the same process", async () => {
      const app = appOf(client);
      const browser = await signedIn(app.url, "bob");
      const me = await browser.fetchJson(`${app.url}/me`);
      expect(await me.json()).toEqual({ sub: "bob", pid: app.process.pid });
      expectNoCrash(app);
    });
  });
});

/** Asks each application at once, and then lets this happen. */
async function load(meanwhile: () => void = () => undefined): Promise<Answers> {
  const answers = new Map<string, readonly Answer[]>();
  const asked = forEachApp(async (client, app) => {
    answers.set(client, await askAtOnce(app));
  });
  meanwhile();
  await asked;
  return answers;
}

/** Nobody is waited for longer than for a control, which the same process answers after twice the time limit. */
async function askAtOnce({ url, browsers }: App): Promise<Answer[]> {
  const late = new AbortController();
  setMaxListeners(REQUESTS, late.signal);
  const answered = new AbortController();
  const asked = Array.from({ length: REQUESTS }, (_, index) => {
    const browser = browsers[index % browsers.length];
    if (browser === undefined) throw new Error("nobody is signed in");
    return ask(browser, url, index % 10 === 0 ? "page" : "fetch", late.signal);
  });
  const control = fetch(`${url}/after?milliseconds=${TWICE_THE_LIMIT}`, {
    signal: answered.signal,
  });
  void control.then(
    () => {
      late.abort();
    },
    () => undefined,
  );
  try {
    return await Promise.all(asked);
  } finally {
    answered.abort();
  }
}

async function ask(
  browser: TestBrowser,
  url: string,
  kind: Kind,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const response =
      kind === "fetch"
        ? await browser.fetchJson(`${url}/me`, { signal })
        : await browser.request(`${url}/page`, { signal });
    return {
      kind,
      status: response.status,
      contentType: response.headers.get("content-type") ?? "none",
      retryAfter: response.headers.get("retry-after"),
      body: await response.text(),
    };
  } catch (error) {
    return {
      kind,
      status: NO_ANSWER,
      contentType: "none",
      retryAfter: null,
      body: String(error),
    };
  }
}

/** The different answers there were, each once and in words. */
function kindsOf(answers: readonly Answer[], kind: Kind): string[] {
  const words = answers
    .filter((answer) => answer.kind === kind)
    .map(
      ({ status, contentType, retryAfter, body }) =>
        `${status} ${contentType} Retry-After: ${String(retryAfter)} ${/ERR_\w+/.exec(body)?.[0] ?? body}`,
    );
  return [...new Set(words)];
}

function statusesOf(answers: readonly Answer[]): number[] {
  return [...new Set(answers.map(({ status }) => status))];
}

function answersOf(answers: Answers, client: string): readonly Answer[] {
  return answers.get(client) ?? [];
}

async function whoIsSignedIn({ url, browsers }: App): Promise<unknown[]> {
  return await Promise.all(
    browsers.map(async (browser) => {
      const me = await browser.fetchJson(`${url}/me`);
      return ((await me.json()) as { sub?: unknown }).sub;
    }),
  );
}

async function everyoneIsReady(): Promise<void> {
  await until("both applications are ready", async () => {
    const ready = await Promise.all([...apps.values()].map(isReady));
    return ready.every(Boolean);
  });
}

async function isReady({ url }: App): Promise<boolean> {
  const readyz = await createTestBrowser().fetchJson(`${url}/readyz`);
  return ((await readyz.json()) as { ready: boolean }).ready;
}

function expectNoCrash({ process }: App): void {
  expect(process.isRunning()).toBe(true);
  expect(process.output()).not.toMatch(/unhandled|uncaught|^\s+at /im);
}

async function signedIn(url: string, user: string): Promise<TestBrowser> {
  const browser = createTestBrowser();
  const page = await signIn(browser, `${url}/page`, user);
  expect(page.body).toBe(`the page of ${user}`);
  return browser;
}

async function pidOf({ url }: RedisServer): Promise<number> {
  const info = String(await redisCommand(url, ["INFO", "server"]));
  return Number(/process_id:(\d+)/.exec(info)?.[1]);
}

async function forEachApp(
  action: (client: string, app: App) => Promise<void>,
): Promise<void> {
  await Promise.all(
    [...apps].map(async ([client, app]) => {
      await action(client, app);
    }),
  );
}

function appOf(client: string): App {
  const app = apps.get(client);
  if (app === undefined) throw new Error(`no application with ${client}`);
  return app;
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}
