/** The inspector changes nothing of what the application answers. */
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { AsyncResource } from "node:async_hooks";

import type { Response } from "express";

import { allHarmless, harmless } from "../../../lib/inspector/harmless.js";
import {
  arrowsOf,
  INSPECTOR,
  type InspectedWorld,
  inspectedWorld,
} from "../../support/inspected-world.js";
import { passSeconds, releaseClock, takeClock } from "../../support/clock.js";
import { rawExchange } from "../../support/raw-exchange.js";
import type { TestBrowser } from "../../support/test-browser.js";

let w: InspectedWorld;
let browser: TestBrowser;
let cookies: readonly string[];
const warnings: string[] = [];

/** Does again what a request has left behind. */
let later: () => void = () => undefined;

/** Ways in which an application writes the head of an answer. */
const HEADS: Readonly<Record<string, (res: Response) => unknown>> = {
  object: (res) => res.writeHead(303, { Location: "/me?token=s3cret" }),
  reason: (res) => res.writeHead(303, "There", { location: "/me" }),
  list: (res) => res.writeHead(303, ["Location", "/me", "X-A", "1"]),
  twice: (res) => {
    res.writeHead(200);
    expect(() => res.writeHead(201)).toThrow("headers");
  },
};

afterEach(releaseClock);
beforeAll(async () => {
  jest
    .spyOn(process, "emitWarning")
    .mockImplementation((warning) => warnings.push(String(warning)));
  w = await inspectedWorld({
    inspect: { maxRuns: 10 },
    routes(app, kit) {
      app.get("/heads/:kind", kit.requireAuth(), (req, res) => {
        later = AsyncResource.bind(() => {
          w.kit.events.emit("logout.received", { channel: "back", ended: 0 });
        });
        if (req.params["kind"] === "later") res.send("done");
        HEADS[String(req.params["kind"])]?.(res);
        res.end();
      });
      app.use(kit.requireAuth());
    },
  });
  browser = await w.viewer();
  await w.signIn("alice", browser);
  const all = await browser.jar.getCookies(w.url);
  cookies = all.map(({ key, value }) => `${key}=${value}`);
});
afterAll(async () => {
  await w.close();
  jest.restoreAllMocks();
});

/** What is answered, without its date. */
async function answerTo(
  head: string,
  cookie: readonly string[],
): Promise<string> {
  const { host } = new URL(w.url);
  const { text } = await rawExchange(
    w.url,
    `${head} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nCookie: ${cookie.join("; ")}\r\n\r\n`,
  );
  return text.replace(/^Date: .*$/m, "");
}

const isOfInspector = (cookie: string): boolean =>
  cookie.startsWith("login-kit-inspector=");

describe("watched or not, the answer is the same to", () => {
  test.each([
    "GET //",
    "GET ///evil.example/x",
    "GET //evil.example:99999/x",
    "GET http://[/x",
    "GET http://evil.example/x",
    "OPTIONS *",
    "HEAD /me",
    "OPTIONS /me",
    "GET /me?%zz&=&__proto__=1&constructor=2&__proto__[x]=3",
    "GET /%E0%A4%A",
    "GET /callback?state=&code=%00",
    "GET /callback?__proto__=x&error=constructor&state=toString",
    `GET /me?${"return_to=/a%3f".repeat(900)}`,
    "GET /heads/object",
    "GET /heads/reason",
    "GET /heads/list",
    "GET /heads/twice",
  ])("%.70s", async (head) => {
    const without = cookies.filter((cookie) => !isOfInspector(cookie));
    const strange = ["a", "=", "b=%zz", "__proto__=1", 'c="'];
    const [unwatched, watched] = await Promise.all([
      answerTo(head, [...without, ...strange]),
      answerTo(head, [...cookies, ...strange]),
    ]);
    expect(watched).toBe(unwatched);
    expect(warnings).toEqual([]);
  });
});

test("headers that are given to writeHead are seen, and without their secrets", async () => {
  for (const kind of ["object", "reason", "list"]) {
    await answerTo(`GET /heads/${kind}`, cookies);
    const run = (await w.runsOf(browser)).at(-1);
    expect(run && arrowsOf(run)).toContain("app>browser 303 to /me");
    expect(JSON.stringify(run)).not.toContain("s3cret");
  }
});

test("what fails in it is a warning that tells no message", () => {
  const failing = allHarmless({
    sent: () => (): void => {
      throw new TypeError("s3cret");
    },
    read: (): void => {
      throw new Error("s3cret");
    },
  });
  expect(failing.sent()).toBeInstanceOf(Function);
  expect(failing.sent()).not.toThrow();
  expect(failing.read).not.toThrow();
  expect(harmless(() => 1)).toBe(1);
  expect(warnings).toHaveLength(2);
  expect(warnings.join("\n")).toContain("goes on without it (TypeError at ");
  expect(warnings.join("\n")).not.toContain("s3cret");
  warnings.length = 0;
});

test("many requests leave no more runs than are kept, and no listener", async () => {
  const listeners = (): number[] =>
    w.kit.events.eventNames().map((name) => w.kit.events.listenerCount(name));
  const before = listeners();
  for (let count = 0; count < 60; count++) await w.statusFor(browser);
  expect(await w.runsOf(browser)).toHaveLength(10);
  expect(listeners()).toEqual(before);
  expect(warnings).toEqual([]);
});

test("what a connection or timer does long after the answer is not told of the request", async () => {
  await browser.fetchJson(`${w.url}/heads/later`);
  const told = async (): Promise<number> =>
    (await w.runsOf(browser)).at(-1)?.items.length ?? 0;
  const before = await told();
  takeClock();
  later();
  expect(await told()).toBe(before + 1);
  passSeconds(61);
  later();
  expect(await told()).toBe(before + 1);
  releaseClock();
});

test("kit.close ends the stream of an open page", async () => {
  const closing = await inspectedWorld();
  const page = await closing.viewer();
  const live = await page.fetchJson(`${closing.url}${INSPECTOR}/live`);
  await closing.kit.close();
  expect(await live.text()).toBe(": listening\n\n");
  const again = await page.fetchJson(`${closing.url}${INSPECTOR}/live`);
  expect(await again.text()).toBe(": listening\n\n");
  await closing.close();
});
