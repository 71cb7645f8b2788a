/** The inspector's arrows are the messages that a proxy between the parties has seen, in their order, in Chromium. */
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { fetch as undiciFetch, ProxyAgent } from "undici";

import type { OutgoingFetch } from "../../lib/index.js";
import type { Arrow, Run } from "../../lib/inspector/index.js";
import { launchChromium } from "../support/chromium.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  INSPECTOR,
  type InspectedWorld,
  inspectedWorld,
} from "../support/inspected-world.js";
import {
  recordingProxy,
  type RecordingProxy,
  type SeenMessage,
} from "../support/recording-proxy.js";
import { until } from "../support/until.js";

let chromium: Browser;
let w: InspectedWorld;
let context: BrowserContext;
let page: Page;
/** Pages of the kit's failures let no script ask anybody. */
let inspectorPage: Page;
/** The application's origin. */
let own = "";
const proxies: RecordingProxy[] = [];
/** Every message on the wire, in a line. */
const wire: string[] = [];

/** Writes down who has sent what; undefined: it is no part of the flow. */
function write(from: string, toOf: (url: URL) => string | undefined) {
  return ({ is, method, url, status }: SeenMessage): void => {
    const to = toOf(url);
    if (to === undefined) return;
    wire.push(
      is === "request"
        ? `${from}>${to} ${method} ${url.pathname}`
        : `${to}>${from} ${String(status)} ${url.pathname}`,
    );
  };
}

async function proxy(
  ...given: Parameters<typeof recordingProxy>
): Promise<string> {
  const started = await recordingProxy(...given);
  proxies.push(started);
  return started.url;
}

const ASIDE = /^\/(?:__login|session|favicon|$)/;

function toOfBrowser({ origin, pathname }: URL): string | undefined {
  if (origin !== own) return undefined;
  return ASIDE.test(pathname) ? undefined : "app";
}

beforeAll(async () => {
  const browserProxy = await proxy(write("browser", toOfBrowser));
  const appProxy = await proxy(write("app", () => "provider"));
  const dispatcher = new ProxyAgent({ uri: appProxy, proxyTunnel: false });
  const throughProxy: OutgoingFetch = (url, request) =>
    undiciFetch(url, {
      ...request,
      dispatcher,
    });
  chromium = await launchChromium({
    proxy: { server: browserProxy, bypass: "<-loopback>" },
  });
  w = await inspectedWorld({ kit: { fetch: throughProxy } }, async (orders) =>
    proxy(
      write("app", () => "resource"),
      orders,
    ),
  );
  own = w.url;
  context = await chromium.newContext();
  inspectorPage = await context.newPage();
  await inspectorPage.goto(`${w.url}${INSPECTOR}/`);
  page = await context.newPage();
});

afterAll(async () => {
  releaseClock();
  await chromium.close();
  await w.close();
  for (const { close } of proxies) close();
});

beforeEach(() => {
  w.provider.misbehave = {};
  wire.length = 0;
});

async function newest(): Promise<Run | undefined> {
  const { runs } = await inspectorPage.evaluate<{ runs: readonly Run[] }>(
    `fetch("${INSPECTOR}/runs").then((answer) => answer.json())`,
  );
  return runs.at(-1);
}

/** The arrows that the application has seen, as the proxies write them. */
function linesOf(run: Run | undefined): string[] {
  const arrows = (run?.items ?? []).filter(
    (item): item is Arrow => item.is === "arrow",
  );
  const pathOf = ({ url, answers }: Arrow): string =>
    url === undefined
      ? new URL(arrows.find(({ id }) => id === answers)?.url ?? "").pathname
      : new URL(url).pathname;
  return arrows
    .filter(({ isSeen }) => isSeen)
    .map((arrow) => {
      const { direction, from, to, method, status } = arrow;
      const what = direction === "request" ? method : status;
      return `${from}>${to} ${String(what)} ${pathOf(arrow)}`;
    });
}

/** Revocation goes on beside the answer to the browser: on two wires neither comes first. */
function inOrder(lines: readonly string[]): string[] {
  const revoking = lines.filter((line) => line.endsWith(" /revoke"));
  return [...lines.filter((line) => !revoking.includes(line)), ...revoking];
}

/** The newest run, when its arrows are all that was on the wire. */
async function runAsOnTheWire(): Promise<Run> {
  let run: Run | undefined;
  await until("the run is whole", async () => {
    run = await newest();
    return run?.state !== "running" && linesOf(run).length === wire.length;
  }).catch(() => undefined);
  expect(inOrder(linesOf(run))).toEqual(inOrder(wire));
  if (run === undefined) throw new Error("nothing was recorded");
  return run;
}

test("a login", async () => {
  await page.goto(`${w.url}/me`);
  const run = await runAsOnTheWire();
  expect(wire.length).toBeGreaterThan(12);
  const carried = run.items.filter(
    (item): item is Arrow => item.is === "arrow" && !item.isSeen,
  );
  expect(carried.map(({ from, to }) => `${from}>${to}`)).toEqual([
    "browser>provider",
    "provider>browser",
  ]);
  const { received } = w.provider;
  const asked = received.find(({ path }) => path === "/authorize");
  expect(carried[0]?.fields.map(({ name }) => name)).toEqual([
    ...(asked?.query.keys() ?? []),
  ]);
});

test("a forwarded call, and one that needs a refresh", async () => {
  await page.evaluate("fetch('/api/orders').then((answer) => answer.text())");
  expect((await runAsOnTheWire()).kind).toBe("call");
  wire.length = 0;
  takeClock();
  passSeconds(299);
  await page.evaluate("fetch('/api/orders').then((answer) => answer.text())");
  expect((await runAsOnTheWire()).kind).toBe("refresh");
  releaseClock();
});

test("a logout", async () => {
  await page.goto(`${w.url}/logout`);
  wire.length = 0;
  await page.click("button.action");
  await page.waitForURL(`${w.url}/`);
  const run = await runAsOnTheWire();
  expect(run.kind).toBe("logout");
  const provider = new URL(w.provider.issuer).host;
  expect(run.items).toContainEqual(
    expect.objectContaining({
      message: "end-session-request",
      label: expect.stringContaining(`GET ${provider}/`),
    }),
  );
});

test("a back-channel logout", async () => {
  await page.goto(`${w.url}/me`);
  await runAsOnTheWire();
  wire.length = 0;
  const app = await proxy(
    write("provider", () => "app"),
    w.url,
  );
  const { provider } = w;
  await provider.postLogoutToken(
    `${app}/backchannel-logout`,
    provider.logoutToken({ sub: "alice", sid: provider.sidOf("alice") }),
  );
  expect((await runAsOnTheWire()).kind).toBe("provider-logout");
});

describe("a login that fails:", () => {
  const cut: InspectedWorld["provider"]["misbehave"] = {
    intercept({ path }, res, next) {
      if (path === "/token") res.status(503).end();
      else next();
    },
  };
  test.each([
    ["the nonce of another login", { idToken: { claims: { nonce: "other" } } }],
    ["a signature that no key fits to", { idToken: { key: "foreign" } }],
    [
      "a client that the provider does not know",
      { tokenResponse: () => ({ error: "invalid_client" }) },
    ],
    ["a provider in trouble", cut],
    [
      "a user who does not agree",
      {
        authorizationResponse: ({ state = "", iss = "" }) => ({
          state,
          ...(iss !== "" && { iss }),
          error: "access_denied",
        }),
      },
    ],
  ] as const satisfies readonly [
    string,
    InspectedWorld["provider"]["misbehave"],
  ][])("%s", async (_why, misbehave) => {
    await context.clearCookies({ name: /^session/ });
    w.provider.misbehave = misbehave;
    await page.goto(`${w.url}/login?return_to=/me`);
    const run = await runAsOnTheWire();
    expect(run).toMatchObject({ kind: "login", state: "failed" });
    expect(run.items.map(({ id }) => id)).toContain(run.failure?.arrow);
  });
});
