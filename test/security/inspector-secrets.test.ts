/** Nothing that the inspector sends holds a token, a code, a verifier, a secret or a session id. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  INSPECTOR,
  type InspectedWorld,
  inspectedWorld,
} from "../support/inspected-world.js";
import type { TestBrowser } from "../support/test-browser.js";
import { CLIENT_SECRET } from "../support/world.js";

let w: InspectedWorld;
let browser: TestBrowser;
/** Every secret that was sent in clear between the parties, by what it is. */
const secrets = new Map<string, string>();
/** Everything that the inspector has sent, by its address. */
const sent = new Map<string, string>();

beforeAll(async () => {
  w = await inspectedWorld({
    kit: { scope: "openid profile email offline_access" },
  });
  browser = await w.viewer();
  const { body } = await browser.fetchJson(`${w.url}${INSPECTOR}/live`);
  const live = readLive(body as ReadableStream<Uint8Array>);
  takeClock();
  await everythingOnce();
  await collectSecrets();
  await browse();
  sent.set("/live", live.sofar());
  await live.end();
  await w.close();
});
afterAll(releaseClock);

/** Reads a stream of events, which has no end. */
function readLive(body: ReadableStream<Uint8Array>): {
  readonly sofar: () => string;
  readonly end: () => Promise<void>;
} {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const read = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
    }
  };
  void read().catch(() => undefined);
  return { sofar: () => text, end: () => reader.cancel() };
}

/** A secret that does not look like one: only that nothing says it is public hides it. */
const PASSPHRASE = "correct-horse-battery-staple";

async function everythingOnce(): Promise<void> {
  await w.signIn("alice", browser);
  await browser.fetchJson(
    `${w.url}/api/orders?token=tHe-appLication5-own-s3cret&word=${PASSPHRASE}`,
  );
  passSeconds(299);
  await browser.fetchJson(`${w.url}/api/orders`);
  w.provider.misbehave = { idToken: { claims: { nonce: "another" } } };
  await browser.navigate(`${w.url}/login?login_hint=bob`);
  w.provider.misbehave = {
    tokenResponse: ({ access_token: token }) => ({
      error: "invalid_grant",
      error_description: `the code is bad, and so is ${String(token)}`,
    }),
  };
  await browser.navigate(`${w.url}/login?login_hint=bob`);
  w.provider.misbehave = {};
  const { orders } = w;
  // A resource server that repeats the token in its answer.
  orders.answer = ({ token }, res) => {
    res.setHeader("WWW-Authenticate", `Bearer error="x", y="${String(token)}"`);
    res.writeHead(401).end();
  };
  await browser.fetchJson(`${w.url}/api/orders`);
  await w.signIn("alice", browser);
  const { provider } = w;
  const token = provider.logoutToken({
    sub: "alice",
    sid: provider.sidOf("alice"),
  });
  secrets.set("logout_token", token);
  await provider.postLogoutToken(`${w.url}/backchannel-logout`, token);
  passSeconds(120);
  await w.signIn("alice", browser);
  const asks = await browser.navigate(`${w.url}/logout`);
  await browser.submitForm(asks);
}

async function collectSecrets(): Promise<void> {
  secrets.set("client secret", CLIENT_SECRET);
  secrets.set("of the application", "tHe-appLication5-own-s3cret");
  secrets.set("in words", PASSPHRASE);
  for (const { key, value } of await browser.jar.getCookies(w.url)) {
    secrets.set(`cookie ${key}`, decodeURIComponent(value));
  }
  for (const [index, { body, answer }] of w.exchanged.entries()) {
    const json = answer.startsWith("{")
      ? (JSON.parse(answer) as Record<string, unknown>)
      : {};
    const all = [...new URLSearchParams(body), ...Object.entries(json)];
    for (const [name, value] of all) {
      if (!SECRET.test(name) || typeof value !== "string") continue;
      secrets.set(`${name} ${String(index)}`, value);
    }
  }
  for (const { query, form } of w.provider.received) {
    for (const [name, value] of [...query, ...form]) {
      if (SENT_BY_BROWSER.has(name)) secrets.set(`${name} ${value}`, value);
    }
  }
  for (const { token } of w.orders.requests) {
    secrets.set(`access token ${String(token)}`, token ?? "");
  }
}

const SENT_BY_BROWSER = new Set([
  "state",
  "nonce",
  "code_challenge",
  "id_token_hint",
]);
const SECRET = /^(?:code|code_verifier|client_secret|.*_token|token|sid)$/;

async function browse(): Promise<void> {
  const get = async (path: string): Promise<string> => {
    const answer = await browser.fetchJson(w.url + INSPECTOR + path);
    const head = JSON.stringify(
      [...answer.headers].filter(([n]) => n !== "set-cookie"),
    );
    const text = await answer.text();
    sent.set(path, head + text);
    return text;
  };
  const { runs } = JSON.parse(await get("/runs")) as { runs: { id: string }[] };
  for (const { id } of runs) {
    await get(`/runs/${id}`);
    await get(`/runs/${id}.mmd`);
  }
  for (const path of ["/", "/held", "/names", "/playground"]) await get(path);
}

test("there is something to find: all kinds of secrets were sent between the parties", () => {
  const kinds = [...secrets.keys()].map((name) => name.replace(/ .*$/, ""));
  expect([...new Set(kinds)]).toEqual(
    expect.arrayContaining([
      ...["client", "cookie", "code", "code_verifier", "access_token"],
      ...["refresh_token", "id_token", "state", "nonce", "logout_token"],
    ]),
  );
  expect([...sent.values()].join("")).toContain("Login of alice");
  expect(sent.get("/live")).toContain("event: run");
});

test("none of them is in what the inspector sends, whole, in part or encoded", () => {
  const found: string[] = [];
  for (const [path, text] of sent) {
    for (const [name, secret] of secrets) {
      for (const spelling of spellings(secret)) {
        if (text.includes(spelling)) found.push(`${name} in ${path}`);
      }
    }
  }
  expect([...new Set(found)]).toEqual([]);
});

/** A piece of a secret would be one too. */
function spellings(secret: string): readonly string[] {
  const pieces = [];
  for (let start = 0; start < secret.length - 15; start += 8) {
    pieces.push(secret.slice(start, start + 16));
  }
  const whole = pieces.length === 0 ? [secret] : pieces;
  return [...whole, encodeURIComponent(secret)].filter(
    ({ length }) => length >= 8,
  );
}
