/** Event streams and WebSockets of a resource server, through forward and forwardUpgrade, on a page in Chromium. */
import { once } from "node:events";
import { resolve } from "node:path";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";

import { beforeControl } from "../support/before-control.js";
import { launchChromium } from "../support/chromium.js";
import { liveWorld, type LiveWorld } from "../support/live-world.js";
import { until } from "../support/until.js";
import { closeRedis } from "../support/world.js";

/** Less than it takes to find the end of a login by looking, in milliseconds. */
const FOUND_BY_LOOKING = 10_000;
const EVENTS = 20;
const HELPER = resolve("dist/browser/browser.js");

let chromium: Browser;
let w: LiveWorld;
let context: BrowserContext;
let page: Page;
/** What the page has told. */
let told: string[];

beforeAll(async () => {
  chromium = await launchChromium();
});

afterAll(async () => {
  await chromium.close();
  closeRedis();
});

beforeEach(async () => {
  told = [];
  w = await liveWorld((app) => {
    app.get("/browser.js", (_req, res) => {
      res.sendFile(HELPER);
    });
  });
  context = await chromium.newContext();
  page = await signedInPage(context, "alice");
});

afterEach(async () => {
  await context.close();
  await w.close();
});

describe("an event stream", () => {
  test.each([
    ["an EventSource", openEventSource],
    ["the helper's fetch", openByFetch],
  ])(
    "BFF-23: reaches %s event by event: each is sent when the one before has arrived",
    async (_reader, open) => {
      await open();
      for (let number = 1; number <= EVENTS; number++) {
        w.api.streams[0]?.write(`data: ${number}\n\n`);
        await untilTold(`event ${number}`);
      }
      expect(told).toEqual([
        "stream open",
        ...Array.from({ length: EVENTS }, (_, index) => `event ${index + 1}`),
      ]);
    },
  );

  test("BT-02, BFF-23: is asked for with the token, and without a cookie", async () => {
    await openEventSource();
    expectTokenAndNoCookie("/v1/events");
  });
});

describe("a WebSocket", () => {
  test("BT-02, BFF-23: is opened with the token, and without a cookie; echoes come back one by one", async () => {
    await openWebSocket();
    expectTokenAndNoCookie("/v1/echo");
    for (let number = 1; number <= EVENTS; number++) {
      await page.evaluate(`webSocket.send("${number}")`);
      await untilTold(`echo ${number}`);
    }
    expect(told).toHaveLength(1 + EVENTS);
  });
});

describe("a login that ends", () => {
  test.each([
    ["POST /logout in another tab", signOutInAnotherTab],
    ["a Logout Token of the provider", signOutByProvider],
    ["kit.sessions.endAll", endAllLogins],
  ])(
    "ASVS 7.4.1: by %s: its event stream and WebSocket end at once, on the page and at the resource server",
    async (_how, end) => {
      const bobs = await chromium.newContext();
      const otherPage = await signedInPage(bobs, "bob");
      await openWebSocket(otherPage);

      await openEventSource();
      await openWebSocket();
      const [stream, socket] = [w.api.streams.at(-1), w.api.sockets.at(-1)];
      if (!stream || !socket) throw new Error("nothing was forwarded");
      const closed = [stream, socket].map((one) => once(one, "close"));
      await end();
      await beforeControl(
        FOUND_BY_LOOKING,
        Promise.all([
          untilTold("stream ended"),
          untilTold("WebSocket closed"),
          ...closed,
        ]),
      );

      // It was this login's end that did it.
      await otherPage.evaluate(`webSocket.send("of bob")`);
      await untilTold("echo of bob");
      await bobs.close();
    },
  );

  test("ASVS 7.4.1: an EventSource that connects anew is refused, and gives up", async () => {
    await openEventSource();
    w.api.streams[0]?.write("retry: 100\n\n");
    await signOutInAnotherTab();
    await untilTold("stream refused");
    expect(told).toEqual(["stream open", "stream ended", "stream refused"]);
    expect(w.api.streams).toHaveLength(1);
  });
});

/** A page of the application with somebody's login, which can `tell`. */
async function signedInPage(
  where: BrowserContext,
  user: string,
): Promise<Page> {
  const opened = await where.newPage();
  await opened.exposeFunction("tell", (what: string) => {
    told.push(what);
  });
  await opened.goto(`${w.url}/login?login_hint=${user}&return_to=/`);
  return opened;
}

async function openEventSource(): Promise<void> {
  await page.evaluate(`
    const source = new EventSource("/api/events");
    source.onopen = () => tell("stream open");
    source.onmessage = ({ data }) => tell("event " + data);
    source.onerror = () => tell(
      source.readyState === EventSource.CLOSED ? "stream refused" : "stream ended");
  `);
  await untilTold("stream open");
}

async function openByFetch(): Promise<void> {
  await page.evaluate(`void (async () => {
    const { browserLogin } = await import("/browser.js");
    const { body } = await browserLogin().fetch("/api/events");
    tell("stream open");
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      tell(value.replace("data:", "event").trim());
    }
  })()`);
  await untilTold("stream open");
}

async function openWebSocket(on = page): Promise<void> {
  const before = timesTold("WebSocket open");
  await on.evaluate(`
    window.webSocket = new WebSocket("/api/live/echo");
    webSocket.onopen = () => tell("WebSocket open");
    webSocket.onmessage = ({ data }) => tell("echo " + data);
    webSocket.onclose = () => tell("WebSocket closed");
  `);
  await until(
    "the WebSocket is open",
    () => timesTold("WebSocket open") > before,
  );
}

function timesTold(what: string): number {
  return told.filter((one) => one === what).length;
}

function untilTold(what: string): Promise<void> {
  return until(`the page tells "${what}"`, () => timesTold(what) > 0);
}

/** The resource server has had one request. */
function expectTokenAndNoCookie(target: string): void {
  expect(w.api.arrived).toMatchObject([{ method: "GET", target }]);
  const { authorization, cookie } = w.api.arrived[0]?.headers ?? {};
  expect(authorization).toMatch(/^Bearer [0-9a-f-]{36}$/);
  expect(cookie).toBeUndefined();
}

async function signOutInAnotherTab(): Promise<void> {
  const other = await context.newPage();
  await other.goto(`${w.url}/logout`);
  await other.getByRole("button", { name: "Sign out" }).click();
}

async function signOutByProvider(): Promise<void> {
  const token = w.provider.logoutToken({
    sub: "alice",
    sid: w.provider.sidOf("alice"),
  });
  const uri = `${w.url}/backchannel-logout`;
  expect((await w.provider.postLogoutToken(uri, token)).status).toBe(200);
}

async function endAllLogins(): Promise<void> {
  expect(await w.kit.sessions.endAll("alice")).toBe(1);
}
