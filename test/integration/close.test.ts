import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";

import { ConfigError } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { holdAnswer } from "../../lib/testing/provider/request-holds.js";
import { until } from "../support/until.js";
import { closeRedis, world, type World } from "../support/world.js";

let w: World;
beforeEach(async () => {
  takeClock();
  w = await world({ signedInAs: "alice" });
  passSeconds(61);
});
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

const orders = (): Promise<Response> =>
  w.browser.fetchJson(`${w.app.url}/api/orders`);

/** The next answers of the token endpoint wait until they are let go. */
function holdTokens(): (() => void)[] {
  const held: (() => void)[] = [];
  w.provider.intercept = (req, res) => {
    if (req.url === "/token") {
      holdAnswer(res, () => new Promise((letGo) => held.push(letGo)));
    }
    return false;
  };
  return held;
}

test("kit.close() is fulfilled when the refresh under way is stored, and not before", async () => {
  const held = holdTokens();
  const asked = orders();
  await until("a refresh is in flight", () => held.length === 1);
  let isClosed = false;
  const closed = w.app.kit.close().then(() => (isClosed = true));
  // Round trips, in which it would have been fulfilled.
  for (let look = 0; look < 10; look++) await w.app.kit.ready();
  expect(isClosed).toBe(false);
  held[0]?.();
  await closed;
  const answer = await asked;
  expect(answer.status).toBe(200);
  // The new token is in the store: nothing else is asked for.
  expect((await orders()).status).toBe(200);
  expect(held).toHaveLength(1);
});

test("after kit.close() a request that needs another token gets 503, and nobody is signed out", async () => {
  await w.app.kit.close();
  const answer = await orders();
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).not.toBeNull();
  expect(await answer.json()).toMatchObject({
    code: "ERR_PROVIDER_UNAVAILABLE",
  });
  expect((await w.browser.fetchJson(`${w.app.url}/me`)).status).toBe(200);
});

test("kit.close() gives up what outlasts withinSeconds", async () => {
  const held = holdTokens();
  const asked = orders();
  await until("a refresh is in flight", () => held.length === 1);
  await w.app.kit.close({ withinSeconds: 0 });
  expect((await asked).status).toBe(503);
  held[0]?.();
});

test("kit.close() is fulfilled when the tokens of logins that were ended are revoked", async () => {
  let revoke = (): void => undefined;
  const revoked = new Promise<void>((letGo) => (revoke = letGo));
  let asked = 0;
  w.provider.intercept = (req, res) => {
    if (req.url === "/token/revocation") {
      asked += 1;
      holdAnswer(res, () => revoked);
    }
    return false;
  };
  await w.app.kit.sessions.endAll("alice");
  await until("a revocation is in flight", () => asked > 0);
  let isClosed = false;
  const closed = w.app.kit.close().then(() => (isClosed = true));
  for (let look = 0; look < 10; look++) await w.app.kit.ready();
  expect(isClosed).toBe(false);
  revoke();
  await closed;
  expect(asked).toBe(2);
});

test("kit.close() gives the same promise when it is called again", async () => {
  const closing = w.app.kit.close();
  expect(w.app.kit.close({ withinSeconds: 1 })).toBe(closing);
  await closing;
});

test.each<[object, string]>([
  [{ withinSeconds: -1 }, "withinSeconds"],
  [{ withinSeconds: 601 }, "withinSeconds"],
  [{ withinSeconds: Number.NaN }, "withinSeconds"],
  [{ withinSeconds: "20" }, "withinSeconds"],
  [{ seconds: 5 }, "seconds"],
])("kit.close(%j) is a ConfigError that names %s", (options, name) => {
  const close = (): unknown => w.app.kit.close(options);
  expect(close).toThrow(ConfigError);
  expect(close).toThrow(/^kit\.close: 1 wrong option\n/);
  expect(close).toThrow(`- ${name}: `);
});
