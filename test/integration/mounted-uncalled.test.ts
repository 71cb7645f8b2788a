/** A factory that is mounted where what it makes belongs lets nobody in, and says what to write. */
import { afterEach, expect, test } from "@jest/globals";
import type { Express, RequestHandler } from "express";

import type { LoginKit, LoginKitEvents } from "../../lib/index.js";
import { openSocket } from "../support/live-connections.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: LyingWorld;
afterEach(() => w.close());

const mounted = (factory: unknown): RequestHandler => factory as RequestHandler;

test.each<[string, (kit: LoginKit) => unknown, string]>([
  ["requireAuth", (kit) => kit.requireAuth, "write kit.requireAuth()"],
  ["silentLogin", (kit) => kit.silentLogin, "write kit.silentLogin()"],
  ["forward", (kit) => kit.forward, 'write kit.forward("orders")'],
  [
    "forwardUpgrade",
    (kit) => kit.forwardUpgrade,
    'write kit.forwardUpgrade("orders", { path })',
  ],
  [
    "authenticateUpgrade",
    (kit) => kit.authenticateUpgrade,
    "takes the request, and a rule",
  ],
  [
    "forwardUpgrade's listener",
    (kit) => kit.forwardUpgrade("orders", { path: "/mounted" }),
    'write server.on("upgrade", kit.forwardUpgrade(...))',
  ],
  ["clientToken", (kit) => kit.clientToken, "resourceServer: must be a text"],
  ["sessions.list", (kit) => kit.sessions.list, "user: must be a text"],
])(
  "%s as a handler lets nobody in and answers 500",
  async (_what, factory, advice) => {
    let reached = 0;
    const failures: LoginKitEvents["error"][0][] = [];
    await start((app, kit) => {
      kit.events.on("error", (error) => failures.push(error));
      app.get("/mounted", mounted(factory(kit)), (_req, res) => {
        reached += 1;
        res.send("let in");
      });
    });
    const browsers = [createTestBrowser(), await w.signIn("alice")];
    for (const browser of browsers) {
      const answer = await browser
        .fetchJson(`${w.url}/mounted`)
        .catch(() => undefined);
      // authenticateUpgrade closes the connection.
      if (answer !== undefined) expect(answer.status).toBe(500);
    }
    expect(reached).toBe(0);
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringContaining(advice),
      expect.stringContaining(advice),
    ]);
  },
);

test.each([
  ...["routes", "session", "identify", "errorHandler"],
  ...["login", "initiateLogin", "callback", "logout", "loggedOut"],
  ...["backchannelLogout", "frontchannelLogout", "checkSession"],
  ...["keptForm", "loginDone", "sessionStatus", "sessionEvents"],
])("%s with parentheses says at once to leave them out", async (name) => {
  await start(() => undefined);
  const call = w.kit[name as keyof LoginKit] as unknown as (
    options?: object,
  ) => void;
  const advice = `write kit.${name}, without parentheses`;
  expect(() => {
    call();
  }).toThrow(advice);
  expect(() => {
    call({ returnTo: "/cart" });
  }).toThrow(advice);
});

test("authenticateUpgrade without a request says what it takes", async () => {
  await start(() => undefined);
  const call = w.kit.authenticateUpgrade as () => Promise<unknown>;
  await expect(call()).rejects.toThrow("takes the request, and a rule");
});

test("authenticateUpgrade as a listener of its own closes the socket before anybody else is let in", async () => {
  await start(() => undefined);
  let refusal: unknown;
  w.server.on("upgrade", (...given: unknown[]) => {
    const listener = w.kit.authenticateUpgrade as (
      ...given: unknown[]
    ) => Promise<unknown>;
    listener(...given).catch((error: unknown) => {
      refusal = error;
    });
  });
  const browser = await w.signIn("alice");
  await expect(openSocket(browser, w.url)).rejects.toThrow("socket hang up");
  expect(refusal).toMatchObject({ code: "ERR_CONFIG" });
});

async function start(
  routes: (app: Express, kit: LoginKit) => void,
): Promise<void> {
  w = await lyingWorld({
    kit: { resourceServers: { orders: { url: "http://127.0.0.1:9" } } },
    routes,
  });
}
