/** Whose token goes along with a forwarded request, and guards that forward. */
import { afterEach, expect, test } from "@jest/globals";

import { type AuthRule, LoginKitError } from "../../lib/index.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import {
  recordingServer,
  type RecordingServer,
} from "../support/recording-server.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";

let w: LyingWorld;
let api: RecordingServer;
let browser: TestBrowser;
afterEach(async () => {
  await Promise.all([w.close(), api.close()]);
});

/** `/api` is guarded and forwarded by one rule. */
async function start(forward: NonNullable<AuthRule["forward"]>): Promise<void> {
  api = await recordingServer();
  w = await lyingWorld({
    kit: { resourceServers: { orders: { url: `${api.url}/v1` } } },
    routes(app, kit) {
      app.use("/api", kit.requireAuth({ forward }));
    },
  });
  browser = await w.signIn("alice");
}

const ask = (path: string, init?: object, as = browser): Promise<Response> =>
  as.fetchJson(`${w.url}/api${path}`, init);
const tokenSent = (): string | undefined =>
  api.requests.at(-1)?.headers.authorization;

test("requireAuth({ forward }) guards and forwards with the user's token", async () => {
  await start("orders");
  const answer = await ask("/orders?page=2");
  expect(answer.status).toBe(200);
  const [seen] = api.requests;
  expect(seen?.target).toBe("/v1/orders?page=2");
  expect(tokenSent()).toMatch(/^Bearer /);
  expect((await ask("/orders", {}, createTestBrowser())).status).toBe(401);
  expect(api.requests).toHaveLength(1);
});

test("options of forward stand beside the name", async () => {
  await start({ resourceServer: "orders", methods: ["GET"] });
  const refused = await ask("/orders", { method: "POST", initiator: w.url });
  expect(refused.status).toBe(405);
  expect(api.requests).toHaveLength(0);
});

test("token client: the application's own goes along, asked for once", async () => {
  await start({ resourceServer: "orders", token: "client" });
  await ask("/orders");
  const first = tokenSent();
  await ask("/orders");
  expect(first).toMatch(/^Bearer /);
  expect(tokenSent()).toBe(first);
  const grants = w.provider.received
    .filter(({ path }) => path === "/token")
    .map(({ form }) => form.get("grant_type"));
  expect(grants).toEqual(["authorization_code", "client_credentials"]);
  // What the server says of it is no matter of the user's login.
  api.answer = (_req, res) => {
    res.writeHead(401, { "WWW-Authenticate": 'Bearer error="invalid_token"' });
    res.end();
  };
  expect((await ask("/orders")).status).toBe(401);
  expect(await w.statusFor(browser)).toBe(200);
  expect((await ask("/orders", {}, createTestBrowser())).status).toBe(401);
});

test("token client: without one nothing is forwarded", async () => {
  await start({ resourceServer: "orders", token: "client" });
  w.provider.misbehave = {
    intercept(req, res, next) {
      if (req.path === "/token") res.status(500).end();
      else next();
    },
  };
  expect((await ask("/orders")).status).toBe(503);
  expect(api.requests).toHaveLength(0);
});

test("token none: nothing says who asks, and a login is needed all the same", async () => {
  await start({ resourceServer: "orders", token: "none" });
  const answer = await ask("/orders");
  expect(answer.status).toBe(200);
  const headers = api.requests.at(-1)?.headers ?? {};
  expect(headers).not.toHaveProperty("authorization");
  expect(headers).not.toHaveProperty("cookie");
  expect((await ask("/orders", {}, createTestBrowser())).status).toBe(401);
  expect(api.requests).toHaveLength(1);
});

test("another owner stops the start", async () => {
  await start("orders");
  const forward = w.kit.forward as (...given: unknown[]) => unknown;
  expect(() => forward("orders", { token: "mine" })).toThrow(LoginKitError);
});
