/** Who cannot show a certificate that somebody trusted vouches for gets no request, no code and no token. */
import { get } from "node:https";

import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { loginOf } from "../../lib/index.js";
import { forwardWorld } from "../support/forward-world.js";
import { lyingWorld, type LyingWorldOptions } from "../support/lying-world.js";
import {
  CERTIFICATE,
  selfSignedServer,
  type SelfSignedServer,
} from "../support/self-signed.js";
import { createTestBrowser } from "../support/test-browser.js";

let foreign: SelfSignedServer;
const ends: (() => Promise<void>)[] = [];
beforeEach(async () => {
  foreign = await selfSignedServer();
});
afterEach(async () => {
  await Promise.all([...ends.splice(0), foreign.close].map((end) => end()));
});

async function start(kit: NonNullable<LyingWorldOptions["kit"]> = {}) {
  const w = await lyingWorld({ kit });
  ends.push(w.close);
  return w;
}

test("the certificate is all that is wrong: who trusts it gets an answer", async () => {
  const status = await new Promise((resolve, reject) => {
    get(`${foreign.url}/trusted`, { ca: CERTIFICATE }, (res) => {
      res.resume();
      resolve(res.statusCode);
    }).on("error", reject);
  });
  expect(status).toBe(200);
  expect(foreign.requests).toEqual(["/trusted"]);
});

// Shows: ASVS 12.3.2
test("DISC-09, OA-16, F2-01: a provider with such a certificate is asked for nothing", async () => {
  const w = await start({ issuer: foreign.url });
  const page = await createTestBrowser().navigate(`${w.url}/login`);
  expect(page.response.status).toBe(503);
  expect(page.body).toContain("ERR_PROVIDER_UNAVAILABLE");
  expect(foreign.requests).toEqual([]);
});

test.each(["token_endpoint", "jwks_uri", "userinfo_endpoint"])(
  "CORE-11, CORE-41, OA-16: %s with such a certificate gets no request, and there is no login",
  async (endpoint) => {
    const w = await start({ scope: "openid profile" });
    w.provider.misbehave = {
      metadata: (right) => ({ ...right, [endpoint]: `${foreign.url}/there` }),
    };
    const browser = createTestBrowser();
    const page = await browser.navigate(`${w.url}/login`);
    expect(page.response.status).toBe(503);
    expect(page.body).toContain("ERR_PROVIDER_UNAVAILABLE");
    expect(await w.statusFor(browser)).toBe(401);
    expect(foreign.requests).toEqual([]);
  },
);

test("BT-06, OA-16, ASVS 12.3.2: a resource server with such a certificate gets no token, by forward or by fetch", async () => {
  const w = await forwardWorld({
    server: { url: foreign.url },
    before(app, kit) {
      app.get("/fetch", kit.requireAuth(), async (req, res) => {
        await loginOf(req).fetch(`${foreign.url}/orders`);
        res.json({});
      });
    },
  });
  ends.push(w.close);
  for (const path of ["/api/orders", "/fetch"]) {
    const answer = await w.browser.fetchJson(w.url + path);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({
      code: "ERR_RESOURCE_UNAVAILABLE",
    });
  }
  expect(foreign.requests).toEqual([]);
});
