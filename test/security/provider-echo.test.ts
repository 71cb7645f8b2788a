/** A provider repeats what it was sent: it is in no error, event, log line or page. */
import { inspect } from "node:util";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Request, Response } from "express";

import { logEvents, type ProviderOptions } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import type { Misbehaviour } from "../support/lying-provider.js";
import { signOutAndComeBack } from "../support/sign-out.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { CLIENT_ID, CLIENT_SECRET } from "../support/world.js";

let w: ForwardWorld;
/** What the provider was sent in confidence. */
let sent: Set<string>;
/** What the application could print. */
let told: string[];
beforeEach(() => {
  takeClock();
  sent = new Set();
  told = [];
});
afterEach(async () => {
  releaseClock();
  await w.close();
});

async function start(kit?: Partial<ProviderOptions>): Promise<void> {
  w = await forwardWorld(kit && { kit });
  for (const name of [
    "error",
    "login.failed",
    "token.refresh_failed",
    "token.revocation_failed",
    "request.refused",
  ] as const) {
    w.kit.events.on(name, (payload: object) => {
      told.push(inspect(payload, { depth: null, showHidden: true }));
      told.push(JSON.stringify({ ...payload }));
      if (payload instanceof Error) told.push(String(payload.stack));
    });
  }
  const log = (fields: object): void => {
    told.push(JSON.stringify(fields));
  };
  logEvents(w.kit.events, { info: log, warn: log, error: log });
}

const CONFIDENTIAL = new Set([
  "client_assertion",
  "client_secret",
  "code",
  "code_verifier",
  "nonce",
  "refresh_token",
  "state",
  "token",
]);

/** Everything in confidence that a request brought, in every spelling. */
async function spellingsIn(req: Request): Promise<string[]> {
  let body = "";
  for await (const chunk of req) body += String(chunk);
  const form = [...new URLSearchParams(body)]
    .filter(([name]) => CONFIDENTIAL.has(name))
    .map(([, value]) => value);
  const { authorization = "" } = req.headers;
  const [, credentials = ""] = authorization.split(" ");
  const secrets = [...form, ...(credentials === "" ? [] : [credentials])];
  if (authorization.startsWith("Basic ")) secrets.push(CLIENT_SECRET);
  for (const secret of secrets) sent.add(secret);
  return secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase(),
    new URLSearchParams({ v: secret }).toString(),
    Buffer.from(secret).toString("base64"),
    Buffer.from(secret).toString("base64url"),
    Buffer.from(secret).toString("hex"),
    JSON.stringify(secret),
    secret.slice(0, -1),
    secret.slice(1),
  ]);
}

type Repeat = (res: Response, text: string) => unknown;

/** The spellings take turns at the beginning: texts in errors are cut off after 200 characters. */
let turn = 0;
function repeating(path: string, repeat: Repeat): Misbehaviour {
  return {
    async intercept(req, res, next) {
      if (req.path !== path) {
        next();
        return;
      }
      const texts = await spellingsIn(req);
      turn = (turn + 3) % texts.length;
      const text = [...texts.slice(turn), ...texts.slice(0, turn)].join(" ");
      repeat(res, text);
    },
  };
}

const REPEATS: [string, Repeat][] = [
  [
    "an error_description",
    (res, text) =>
      res.status(400).json({ error: "invalid_grant", error_description: text }),
  ],
  ["an error", (res, text) => res.status(400).json({ error: text })],
  [
    "a challenge",
    (res, text) =>
      res
        .status(401)
        .set(
          "WWW-Authenticate",
          `Bearer error="invalid_token", error_description="${text.replace(/["\\]/g, "")}"`,
        )
        .end(),
  ],
  ["a page", (res, text) => res.status(503).send(`<p>${text}</p>`)],
  ["a page with 200", (res, text) => res.send(`<p>${text}</p>`)],
  [
    "an error inside 200",
    (res, text) => res.json({ error: text, error_description: text }),
  ],
  [
    "its token_type",
    (res, text) => res.json({ access_token: "a", token_type: text }),
  ],
  [
    "a redirect",
    (res, text) => {
      res.redirect(302, `/?${new URLSearchParams({ text }).toString()}`);
    },
  ],
  ["half a JSON", (res, text) => res.type("json").send(`{"a": ${text}`)],
  [
    "escaped JSON",
    (res, text) =>
      res
        .status(400)
        .type("json")
        .send(
          `{"error":"invalid_grant","error_description":"${text.replace(/[^]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`)}"}`,
        ),
  ],
  [
    "its content type",
    (res, text) => {
      res.status(200).set("Content-Type", `text/${encodeURIComponent(text)}`);
      res.end("{}");
    },
  ],
];

/** A client authentication of the application's own. */
const withAssertion: ProviderOptions["clientAuth"] = (
  _provider,
  _client,
  body,
  headers,
) => {
  const encoded = encodeURIComponent(CLIENT_SECRET);
  const credentials = Buffer.from(`${CLIENT_ID}:${encoded}`);
  headers.set("authorization", `Basic ${credentials.toString("base64")}`);
  body.set(
    "client_assertion",
    `eyJhbGciOiJIUzI1NiJ9.${"assertion+/".repeat(9)}`,
  );
};

/** So many that each spelling has been among the first. */
const ROUNDS = 17;

function expectNothingTold(): void {
  expect(sent.size).toBeGreaterThan(0);
  expect(told.length).toBeGreaterThan(0);
  const everything = told.join("\n");
  for (const secret of sent) {
    for (const spelling of [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64").replace(/=+$/, ""),
      Buffer.from(secret).toString("base64url"),
      Buffer.from(secret).toString("hex"),
      secret.slice(0, 20),
      secret.slice(-20),
    ]) {
      expect(everything).not.toContain(spelling);
    }
  }
}

async function signIn(browser: TestBrowser): Promise<void> {
  told.push((await browser.navigate(`${w.url}/login`)).body);
}

describe.each(REPEATS)("in %s", (_what, repeat) => {
  test("of the code exchange", async () => {
    await start();
    w.provider.misbehave = repeating("/token", repeat);
    for (let round = 0; round < ROUNDS; round++) {
      await signIn(createTestBrowser());
    }
    expectNothingTold();
  });

  test("of a refresh, which sends a client assertion", async () => {
    await start({ clientAuth: withAssertion });
    for (let round = 0; round < 6; round++) {
      passSeconds(301);
      w.provider.misbehave = repeating("/token", repeat);
      const answer = await w.fetch("/orders");
      told.push(await answer.text());
      w.provider.misbehave = {};
      if (answer.status === 401) await w.signIn("alice", w.browser);
    }
    expectNothingTold();
  });

  test("of UserInfo, to which the access token is sent", async () => {
    await start({ scope: "openid profile", userInfo: true });
    w.provider.misbehave = repeating("/userinfo", repeat);
    for (let round = 0; round < 6; round++) {
      await signIn(createTestBrowser());
    }
    expectNothingTold();
  });

  test("of a revocation", async () => {
    await start();
    w.provider.misbehave = repeating("/revoke", repeat);
    const browser = await w.signIn("bob");
    await signOutAndComeBack(browser, w.url);
    // Until the revocation is over, and has told.
    await w.kit.close();
    expect(sent.size).toBeGreaterThan(0);
    told.push("signed out");
    expectNothingTold();
  });
});

test("in the authorization response: the state that was sent is cut out", async () => {
  await start();
  w.provider.misbehave = {
    authorizationResponse(right) {
      sent.add(String(right["state"]));
      const { state = "", iss = "" } = right;
      return {
        state,
        iss,
        error: "invalid_request",
        error_description: `no such state: ${state}`,
      };
    },
  };
  await signIn(createTestBrowser());
  expectNothingTold();
});

test("the provider's own words stay", async () => {
  await start();
  w.provider.misbehave = repeating("/token", (res) =>
    res.status(400).json({
      error: "invalid_grant",
      error_description: "the grant_type authorization_code is not for shop",
    }),
  );
  await signIn(createTestBrowser());
  expect(told.join()).toContain(
    "invalid_grant (the grant_type authorization_code is not for shop)",
  );
});

test("what a client authentication function throws is told as that, without what it was to send", async () => {
  const failures: unknown[] = [];
  let body = new URLSearchParams();
  let isBroken = false;
  await start({
    clientAuth(_server, _client, parameters) {
      parameters.set("client_id", CLIENT_ID);
      parameters.set("client_secret", CLIENT_SECRET);
      if (!isBroken) return;
      body = parameters;
      throw new Error(`cannot sign ${parameters.toString()}`);
    },
  });
  isBroken = true;
  w.kit.events.on("login.failed", (failure) => failures.push(failure));
  await createTestBrowser().navigate(`${w.url}/login`);
  expect(failures).toEqual([
    expect.objectContaining({
      code: "ERR_CLIENT_AUTHENTICATION",
      diagnosis: expect.stringContaining("cannot sign"),
    }),
  ]);
  for (const name of ["code", "code_verifier", "client_secret"]) {
    expect(body.get(name)).toMatch(/^.{8,}$/);
    expect(told.join()).not.toContain(body.get(name));
  }
});
