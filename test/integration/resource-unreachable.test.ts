/** A resource server that cannot be reached: the log says why, and which option names its address. */
import { afterEach, expect, test } from "@jest/globals";

import { type LoginKitEvents, loginOf } from "../../lib/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";

let w: LyingWorld;
afterEach(() => w.close());

const ADDRESSES: readonly (readonly [url: string, told: string])[] = [
  // Nothing listens there, and no system gives the port away.
  ["http://127.0.0.1:2/v1", "ECONNREFUSED (nothing listens there"],
  ["https://orders.invalid/v1", "(no such host is known?"],
];

test.each(ADDRESSES)(
  "%s is told with its option, by forward and by fetch",
  async (url, told) => {
    const refused: LoginKitEvents["request.refused"][0][] = [];
    w = await lyingWorld({
      kit: { resourceServers: { orders: { url } } },
      routes(app, kit) {
        app.use("/api", kit.requireAuth(), kit.forward("orders"));
        app.get("/own", kit.requireAuth(), async (req, res) => {
          res.json(await loginOf(req).fetch(`${url}/orders`));
        });
      },
    });
    w.kit.events.on("request.refused", (event) => refused.push(event));
    const browser = await w.signIn("alice");
    for (const path of ["/api/orders", "/own"]) {
      const answer = await browser.fetchJson(w.url + path);
      expect(answer.status).toBe(502);
      // For the developer: it is nothing to the browser.
      expect(await answer.text()).not.toContain("resourceServers");
    }
    expect(refused.map(({ diagnosis }) => diagnosis)).toEqual([
      expect.stringContaining(told),
      expect.stringContaining(told),
    ]);
    for (const { diagnosis } of refused) {
      expect(diagnosis).toMatch(/see resourceServers\.orders\.url\)$/);
    }
  },
);
