/** A request without `Host`, or with an empty one, gets an answer of the kit at every endpoint. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import type { LoginKitEvents } from "../../lib/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { rawExchange } from "../support/raw-exchange.js";

let w: LyingWorld;
const failures: LoginKitEvents["login.failed"][0][] = [];

beforeAll(async () => {
  w = await lyingWorld({
    routes(app, kit) {
      app.use("/guarded", kit.requireAuth(), (_req, res) => {
        res.send("guarded");
      });
    },
  });
  w.kit.events.on("login.failed", (failure) => failures.push(failure));
});
afterAll(() => w.close());

const ENDPOINTS = [
  ["GET", "/login"],
  ["GET", "/login?return_to=/me"],
  ["GET", "/initiate-login"],
  ["GET", "/callback"],
  ["GET", "/callback?code=x&state=y"],
  ["GET", "/callback?error=access_denied&state=y"],
  ["POST", "/callback"],
  ["GET", "/logout"],
  ["POST", "/logout"],
  ["GET", "/logged-out"],
  ["GET", "/session"],
  ["GET", "/session/events"],
  ["POST", "/backchannel-logout"],
  ["GET", "/frontchannel-logout"],
  ["GET", "/check-session"],
  ["GET", "/guarded"],
  ["POST", "/guarded"],
] as const;

test.each(
  ENDPOINTS.flatMap(([method, path]) => [
    [method, path, "HTTP/1.0 without Host", "1.0", ""] as const,
    [method, path, "an empty Host", "1.1", "Host: \r\n"] as const,
  ]),
)(
  "%s %s with %s: no error of the application",
  async (method, path, _what, version, host) => {
    const { statuses, text } = await rawExchange(
      w.url,
      `${method} ${path} HTTP/${version}\r\n${host}Accept: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    expect(statuses).toHaveLength(1);
    expect(statuses[0]).toBeLessThan(500);
    expect(text).not.toMatch(/TypeError|at .*\.js:/);
  },
);

test("the diagnosis of a callback says that there was no host", () => {
  expect(failures.map(({ diagnosis }) => diagnosis)).toContainEqual(
    expect.stringContaining("the request is for no host"),
  );
});
