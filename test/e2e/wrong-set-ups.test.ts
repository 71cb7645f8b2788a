/** Set-ups that are wrong in one way, each a program: what it says names the cause and the line to change. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import type { WrongSetUp } from "../../docs/make/wrong-set-ups.js";
import { freePort } from "../support/free-port.js";
import {
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import { clientAt } from "../support/lying-world.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";

const rows = JSON.parse(
  readFileSync(
    join(import.meta.dirname, "../../docs/make/wrong-set-ups.json"),
    "utf8",
  ),
) as readonly WrongSetUp[];

/** For a program among others, on a machine that has other things to do. */
const START_TIMEOUT_MS = 60_000;

/** What a row runs in. */
interface Run {
  readonly url: string;
  readonly browser: TestBrowser;
  readonly provider: LyingProvider;
  /** Starts one more process of the application, at another port; its URL. */
  readonly another: () => Promise<string>;
  /** Opens a page as a browser does, and keeps what it shows. */
  readonly open: (
    address: string,
    init?: Parameters<TestBrowser["navigate"]>[1],
  ) => Promise<void>;
}

/** What a user does. Default: opens a page that needs a login. */
const ACTS: Readonly<Record<string, (run: Run) => Promise<void>>> = {
  "routes-in-a-router": ({ open, url }) => open(`${url}/auth/login`),
  "other-host": ({ open, url }) =>
    open(`${url.replace("127.0.0.1", "localhost")}/me`),
  async "body-parser-before-forward"({ open, url, browser }) {
    await open(`${url}/me`);
    await browser.fetchJson(`${url}/api/orders`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
  },
  "resource-down": askApi,
  "forward-without-guard": askApi,
  "resource-not-allowed": async (run) => {
    await run.open(`${run.url}/me`);
    run.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path !== "/token") next();
        else res.status(400).json(NOT_ALLOWED);
      },
    };
    await run.browser.fetchJson(`${run.url}/api/orders`);
  },
  async "in-a-frame"({ open, url }) {
    const frame = { initiator: "https://portal.example" } as const;
    await open(`${url}/login`, { ...frame, destination: "iframe" });
  },
  async "trust-proxy-missing"({ open, url }) {
    await open(`${url}/me`, {
      headers: { "X-Forwarded-Host": "shop.example" },
    });
  },
  "two-processes-embedded": answeredByAnother,
  "two-processes-two-secrets": answeredByAnother,
};

const NOT_ALLOWED = {
  error: "invalid_target",
  error_description: "this client may not ask for this resource",
};

async function askApi({ open, url, browser }: Run): Promise<void> {
  await open(`${url}/me`);
  await browser.fetchJson(`${url}/api/orders`);
}

/** The provider's answer comes to another process than the one that asked. */
async function answeredByAnother({ another, browser, url, open }: Run) {
  const second = await another();
  const isCallback = ({ pathname }: URL): boolean => pathname === "/callback";
  const page = await browser.navigate(`${url}/login`, {
    stopBefore: isCallback,
  });
  const answer = page.response.headers.get("location") ?? "";
  await open(answer.replace(url, second));
}

let redis: RedisServer;
/** Nothing listens there, and no system gives the port away. */
const CLOSED_URL = "http://127.0.0.1:2";
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await endNodeProcesses();
  await Promise.all(ends.map((end) => end()));
  await redis.stop();
});

/** All that is said when a row's program runs and a user comes. */
async function saidBy(row: WrongSetUp): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const provider = await startLyingProvider({ clients: [clientAt([url])] });
  ends.push(provider.close);
  const processes: NodeProcess[] = [];
  const pages: string[] = [];
  const start = async (at: number, more: object = {}): Promise<boolean> => {
    const program = startNode(["test/e2e/fixtures/wrong-set-up.js"], {
      env: {
        ROW: row.id,
        ISSUER: provider.issuer,
        BASE_URL: url,
        PORT: String(at),
        REDIS_URL: redis.url,
        CLOSED_URL,
        OPEN_URL: provider.issuer,
        ...(row.id === "production-without-redis" && {
          NODE_ENV: "production",
        }),
        ...more,
      },
    });
    processes.push(program);
    await until(
      "it listens or ends",
      () => /^listening$/m.test(program.output()) || !program.isRunning(),
      START_TIMEOUT_MS,
    );
    return program.isRunning();
  };
  const said = (): string =>
    [...processes.map((one) => one.output()), ...pages].join("\n");

  if (await start(port)) {
    const browser = createTestBrowser();
    const run: Run = {
      url,
      browser,
      provider,
      async another() {
        const second = await freePort();
        await start(second, { SECOND: "1" });
        return `http://127.0.0.1:${String(second)}`;
      },
      async open(address, init) {
        // A circle ends in Chromium, and in this browser too.
        const page = await browser
          .navigate(address, init)
          .catch((error: unknown) => ({ body: String(error) }));
        pages.push(plain(page.body));
      },
    };
    const act = ACTS[row.id] ?? (() => run.open(`${url}/me`));
    await act(run);
  }
  await until("it is said", () => said().includes(row.sees)).catch(() => {
    throw new Error(`${row.id} says:\n${said()}`);
  });
  for (const program of processes) {
    if (program.isRunning()) await program.end("SIGKILL");
  }
  return said();
}

/** The text of a page. */
function plain(html: string): string {
  return html
    .replace(/<style>.*?<\/style>|<script>.*?<\/script>/gs, "")
    .replace(/<[^>]*>/g, "")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
}

describe("what is set up wrongly says what to change", () => {
  test.concurrent.each(rows.map((row) => [row.id, row] as const))(
    "%s",
    async (_id, row) => {
      const said = await saidBy(row);
      expect(said).toContain(row.sees);
      expect(said).toContain(row.names);
      // What a ConfigError says is not printed a second time as its members.
      expect(said).not.toContain("problems: [");
    },
  );
});
