/** What a handler hands to `loginOf(req).accessToken` and `.fetch` is checked before anything is asked or sent. */
import { afterEach, expect, test } from "@jest/globals";

import { type Login, loginOf } from "../../lib/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";

let w: LyingWorld;
afterEach(() => w.close());

type AnyCall = (...given: unknown[]) => Promise<unknown>;

test.each<["accessToken" | "fetch", unknown[], string]>([
  ["accessToken", [null], "resourceServer: must be a text"],
  ["accessToken", [""], "resourceServer: must not be empty"],
  ["accessToken", [{ rejected: "t" }], "resourceServer: must be a text"],
  ["accessToken", ["orders", null], "options: must be a plain object"],
  ["accessToken", ["orders", "t"], "options: must be a plain object"],
  [
    "accessToken",
    ["orders", { reject: "t" }],
    "options: unknown option reject; did you mean rejected?",
  ],
  ["accessToken", ["orders", { rejected: undefined }], "rejected: must be a"],
  ["fetch", [], "url: must be a text or a URL"],
  ["fetch", [new Request("http://a")], "url: must be a text or a URL"],
  ["fetch", ["http://a", "POST"], "init: must be an object"],
  ["fetch", ["http://a", null], "init: must be an object"],
  ["fetch", ["http://a", ["POST"]], "init: must be an object"],
])("%s(...%j) rejects and names what is wrong", async (name, given, text) => {
  const failures: unknown[] = [];
  w = await lyingWorld({
    kit: { resourceServers: { orders: { url: "http://127.0.0.1:9" } } },
    routes: (app, kit) => {
      app.get("/wrong", kit.requireAuth(), async (req, res) => {
        const call = loginOf(req)[name as keyof Login] as AnyCall;
        await call(...given).catch((error: unknown) => failures.push(error));
        res.json({});
      });
    },
  });
  const browser = await w.signIn("alice");
  await browser.fetchJson(`${w.url}/wrong`);
  expect(failures).toEqual([
    expect.objectContaining({
      code: "ERR_CONFIG",
      message: expect.stringMatching(new RegExp(`^${name}: 1 wrong option`)),
      problems: [expect.stringContaining(text)],
    }),
  ]);
});
