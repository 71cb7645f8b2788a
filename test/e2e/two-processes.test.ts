/**
 * Two processes of the demo application that share a Redis, a provider and a secret.
 */
import { tmpdir } from "node:os";

import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";

import {
  type AlternatingProxy,
  startAlternatingProxy,
} from "../support/alternating-proxy.js";
import { builtDemo } from "../support/demo-build.js";
import { freePort } from "../support/free-port.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { createParties, type Parties, signIn } from "../support/parties.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";

let demo: string;
let ports: readonly [number, number];
let loadBalancer: AlternatingProxy;
let parties: Parties;
let browser: TestBrowser;

beforeAll(async () => {
  demo = await builtDemo();
  ports = [await freePort(), await freePort()];
  loadBalancer = await startAlternatingProxy(ports);
  parties = await createParties([...ports.map(urlOf), loadBalancer.url]);
  await parties.start();
});

beforeEach(() => {
  browser = createTestBrowser();
});

afterAll(async () => {
  await loadBalancer.close();
  await parties.stop();
});

describe("two processes on two ports of one host", () => {
  let first: NodeProcess;
  let second: NodeProcess;
  let firstUrl: string;
  let secondUrl: string;

  beforeAll(async () => {
    [firstUrl, secondUrl] = [urlOf(ports[0]), urlOf(ports[1])];
    [first, second] = await startBoth();
  });
  beforeEach(async () => {
    await signIn(browser, `${firstUrl}/orders`);
  });
  afterAll(endNodeProcesses);

  test("who signed in at one process is signed in at the other", async () => {
    expect(await userAt(secondUrl)).toBe("alice");
  });

  test("the tokens that one process got are of use to the other", async () => {
    const orders = await browser.fetchJson(`${secondUrl}/api/orders`);
    expect(await orders.text()).toContain("Porcelain teapot");
  });

  test("who signs out at one process is signed out at the other", async () => {
    await browser.fetchJson(`${firstUrl}/logout`, { method: "POST" });
    expect(await userAt(secondUrl)).toBeUndefined();
    const orders = await browser.fetchJson(`${secondUrl}/api/orders`);
    expect(orders.status).toBe(401);
  });

  test("when both processes are restarted, users are still signed in", async () => {
    await Promise.all([first.end("SIGKILL"), second.end("SIGTERM")]);
    [first, second] = await startBoth();
    expect([await userAt(firstUrl), await userAt(secondUrl)]).toEqual([
      "alice",
      "alice",
    ]);
  });

  test("when one process is killed, logins go on at the other", async () => {
    await first.end("SIGKILL");
    expect(await userAt(secondUrl)).toBe("alice");
  });

  const startBoth = (): Promise<[NodeProcess, NodeProcess]> =>
    Promise.all([
      startDemo(ports[0], firstUrl),
      // One application has one baseUrl, wherever its processes listen.
      startDemo(ports[1], firstUrl),
    ]);
});

describe("two processes behind a load balancer", () => {
  beforeAll(async () => {
    await Promise.all(ports.map((port) => startDemo(port, loadBalancer.url)));
    loadBalancer.requests.length = 0;
  });
  afterAll(endNodeProcesses);

  test("a login that began at one process is completed at the other", async () => {
    const page = await signIn(browser, `${loadBalancer.url}/orders`);
    expect(page.body).toContain("Porcelain teapot");
    expect(loadBalancer.requests).toEqual([
      "0 GET /orders",
      "1 GET /login",
      "0 GET /callback",
      "1 GET /orders",
    ]);
  });
});

async function startDemo(port: number, baseUrl: string): Promise<NodeProcess> {
  const started = startNode([demo], {
    // Not here: the demo reads .env, which is the developer's own.
    cwd: process.env["TEST_RUN_DIRECTORY"] ?? tmpdir(),
    env: {
      ...parties.env,
      HOST: "127.0.0.1",
      PORT: String(port),
      BASE_URL: baseUrl,
      REDIS_URL: process.env["TEST_REDIS_URL"] ?? "",
    },
  });
  await started.prints(/Open http/);
  return started;
}

/** Who is signed in, as a single-page app would ask. */
async function userAt(url: string): Promise<string | undefined> {
  const status = await browser.fetchJson(`${url}/session`);
  const { claims } = (await status.json()) as { claims?: { sub: string } };
  return claims?.sub;
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}
