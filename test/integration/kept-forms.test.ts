/** A small form that was posted without a login: kept for the browser that posted it, and sent once, by the user. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import express from "express";
import { createClient } from "redis";

import { ConfigError, loginOf, type LoginKitEvents } from "../../lib/index.js";
import { advance, resetClock } from "../../lib/testing/index.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../support/test-browser.js";
import { closeRedis, sharedRedis } from "../support/world.js";

const FORM = "application/x-www-form-urlencoded";
const PREFIX = "kept-forms-test:";
const QUESTION = "Send what you filled in?";

let w: LyingWorld;
const redis = createClient({ url: process.env["TEST_REDIS_URL"] ?? "" });
let browser: TestBrowser;
/** "user: body" of every form that arrived. */
let arrived: string[];
let refused: LoginKitEvents["request.refused"][0][];

beforeAll(async () => {
  await redis.connect();
});
beforeEach(async () => {
  [arrived, refused] = [[], []];
  w = await lyingWorld({
    redis: await sharedRedis(),
    kit: { redisKeyPrefix: PREFIX },
    routes(app, kit) {
      app.post(
        "/orders",
        kit.requireAuth({ keepsForm: true }),
        express.text({ type: FORM }),
        (req, res) => {
          arrived.push(`${loginOf(req).claims.sub}: ${String(req.body)}`);
          res.send("thank you");
        },
      );
      app.post(
        "/parsed",
        express.urlencoded({ extended: true }),
        kit.requireAuth({ keepsForm: true }),
        (_req, res) => res.send("thank you"),
      );
      app.post(
        "/payments",
        kit.requireAuth({ keepsForm: true, acr: ["urn:example:mfa"] }),
        express.text({ type: FORM }),
        (req, res) => {
          const { sub, acr } = loginOf(req).claims;
          arrived.push(`${sub} by ${String(acr)}: ${String(req.body)}`);
          res.send("paid");
        },
      );
    },
  });
  w.kit.events.on("request.refused", (event) => refused.push(event));
  browser = createTestBrowser();
});
afterEach(async () => {
  resetClock();
  const keys = await formKeys();
  if (keys.length > 0) await redis.del(keys);
  await w.close();
});
afterAll(() => {
  redis.destroy();
  closeRedis();
});

/** Posts as a form on a page of this application does. */
function post(
  path: string,
  body: string,
  init: { type?: string; initiator?: string; from?: TestBrowser } = {},
): Promise<Response> {
  const { type = FORM, initiator = w.url, from = browser } = init;
  return from.request(w.url + path, {
    method: "POST",
    headers: { "Content-Type": type, Referer: `${w.url}/shop?item=17` },
    body,
    initiator,
  });
}

/** Goes where an answer sends the browser by itself, through sign-in. */
async function followRefresh(answer: Response, from = browser): Promise<Page> {
  const refresh = answer.headers.get("refresh") ?? "";
  expect(refresh).toMatch(/^0; url=\/login\?/);
  return from.navigate(w.url + refresh.slice("0; url=".length));
}

test("a form is kept, offered after sign-in without its values, and sent as it was", async () => {
  const body = "item=17&note=a+%26+b%3D%22c%22&item=18&empty=";
  const page = await followRefresh(await post("/orders?of=spring", body));
  expect(page.body).toContain(QUESTION);
  expect(page.body).toContain("<code>/orders?of=spring</code>");
  expect(page.body).toContain(
    "<code>item</code>, <code>note</code>, <code>empty</code>",
  );
  expect(page.body.replace(/<input[^>]*>/g, "")).not.toContain("17");
  expect(arrived).toEqual([]);
  const sent = await browser.submitForm(page);
  expect(sent.url).toBe(`${w.url}/orders?of=spring`);
  expect(sent.body).toBe("thank you");
  expect(arrived).toEqual([`alice: ${body}`]);
});

// Shows: ERR_KEPT_FORM_GONE
test("a form is sent once: the page that sent it is gone, and so is its cookie", async () => {
  const page = await followRefresh(await post("/orders", "item=17"));
  await browser.submitForm(page);
  const again = await browser.submitForm(page);
  expect(again.response.status).toBe(410);
  expect(again.body).toContain("ERR_KEPT_FORM_GONE");
  expect((await browser.navigate(page.url)).response.status).toBe(410);
  expect(arrived).toHaveLength(1);
  expect(formCookies()).toEqual([]);
});

test("a form that the user drops is gone, and the browser is on its page again", async () => {
  const page = await followRefresh(await post("/orders", "item=17"));
  const dropped = await browser.submitForm(
    page,
    {},
    { action: `${page.url.slice(w.url.length)}&do=drop` },
  );
  expect(dropped.url).toBe(`${w.url}/shop?item=17`);
  expect((await browser.navigate(page.url)).response.status).toBe(410);
  expect(arrived).toEqual([]);
});

test("another user who signs in meanwhile is asked, by name", async () => {
  const answer = await post("/orders", "item=17");
  await w.signIn("mallory", browser);
  const page = await browser.navigate(w.url + formPageIn(answer));
  expect(page.body).toContain("signed in as <strong>mallory</strong>");
  expect(arrived).toEqual([]);
});

test("in another browser there is nothing to send, whatever it knows of the address", async () => {
  const answer = await post("/orders", "item=17");
  const other = await w.signIn("mallory");
  const page = await other.navigate(w.url + formPageIn(answer));
  expect(page.response.status).toBe(410);
  expect(page.body).not.toContain("/orders");
});

test("without a login the page asks for one, and the form waits", async () => {
  const answer = await post("/orders", "item=17");
  const page = await browser.navigate(w.url + formPageIn(answer));
  expect(page.response.status).toBe(401);
  expect(page.body).toContain(
    `href="/login?return_to=${encodeURIComponent(formPageIn(answer))}"`,
  );
  await w.signIn("alice", browser);
  expect((await browser.navigate(page.url)).body).toContain(QUESTION);
});

test("a form waits for transactionTimeoutSeconds", async () => {
  const answer = await post("/orders", "item=17");
  const keys = await formKeys();
  expect(keys).toHaveLength(1);
  const left = await redis.pTTL(keys[0] ?? "");
  expect(left).toBeGreaterThan(500_000);
  expect(left).toBeLessThanOrEqual(600_000);
  advance(601);
  await redis.del(keys);
  await w.signIn("alice", browser);
  const page = await browser.navigate(w.url + formPageIn(answer));
  expect(page.response.status).toBe(410);
});

test("what was filled in is sealed in the store, and in no cookie, address or event", async () => {
  const answer = await post("/orders", "password=hunter2hunter2");
  for (const key of await formKeys()) {
    expect(JSON.stringify(await redis.hGetAll(key))).not.toContain("hunter2");
  }
  expect(JSON.stringify([...answer.headers])).not.toContain("hunter2");
  expect(await answer.text()).not.toContain("hunter2");
});

test("a login that is not strong enough keeps the form too", async () => {
  await w.signIn("alice", browser);
  const answer = await post("/payments", "amount=5");
  expect(answer.headers.get("refresh")).toContain("acr_values=");
  expect(answer.headers.get("refresh")).toContain("return_to=%2Flogin%2Fform");
});

test("a form outlives a step-up: it is offered after it, and sent once as it was", async () => {
  await w.signIn("alice", browser);
  const body = "amount=5&to=b%26b";
  const page = await followRefresh(await post("/payments", body));
  const asked = page.chain
    .map(({ url }) => new URL(url))
    .find(({ pathname }) => pathname === "/authorize");
  expect(asked?.searchParams.get("acr_values")).toBe("urn:example:mfa");
  expect(page.body).toContain(QUESTION);
  expect(arrived).toEqual([]);
  expect((await browser.submitForm(page)).body).toBe("paid");
  expect(arrived).toEqual([`alice by urn:example:mfa: ${body}`]);
  const again = await browser.submitForm(page);
  expect(again.response.status).toBe(410);
  expect(arrived).toHaveLength(1);
});

test("a step-up that fails sends nothing, and the form waits for the next one", async () => {
  await w.signIn("alice", browser);
  w.provider.next = { idToken: { claims: { acr: "pwd" } } };
  const answer = await post("/payments", "amount=5");
  const failed = await followRefresh(answer);
  expect(failed.body).toContain("ERR_AUTHENTICATION_TOO_WEAK");
  expect(arrived).toEqual([]);
  await browser.submitForm(await followRefresh(answer));
  expect(arrived).toEqual(["alice by urn:example:mfa: amount=5"]);
});

test("a form that another site posts is refused and not kept", async () => {
  const answer = await post("/orders", "item=17", {
    initiator: "https://evil.example",
  });
  expect(answer.status).toBe(403);
  expect(await formKeys()).toEqual([]);
});

test("another site cannot send a kept form, nor drop it", async () => {
  const page = await followRefresh(await post("/orders", "item=17"));
  for (const choice of ["send", "drop"]) {
    const answer = await browser.request(`${page.url}&do=${choice}`, {
      method: "POST",
      initiator: "https://evil.example",
    });
    expect(answer.status).toBe(403);
  }
  expect((await browser.navigate(page.url)).body).toContain(QUESTION);
});

// Shows: ERR_FORM_NOT_KEPT
test.each([
  ["files", "/orders", "--b", "multipart/form-data; boundary=b", "files"],
  ["more than 16 KB", "/orders", "a=".padEnd(17_000, "x"), FORM, "16 KB"],
  ["a parsed body", "/parsed", "a%5B%5D=1", FORM, "body parser"],
])(
  "a form is not kept with %s: 401, the reason is told, sign-in leads back to its page",
  async (_what, path, body, type, reason) => {
    const answer = await post(path, body, { type });
    expect(answer.status).toBe(401);
    const page = await answer.text();
    expect(page).toContain("ERR_FORM_NOT_KEPT");
    expect(page).toContain('href="/login?return_to=%2Fshop%3Fitem%3D17"');
    expect(refused[0]?.diagnosis).toContain(reason);
    expect(await formKeys()).toEqual([]);
  },
);

test("a fetch without a login is answered as ever", async () => {
  const answer = await browser.fetchJson(`${w.url}/orders`, {
    method: "POST",
    headers: { "Content-Type": FORM },
    body: "item=17",
  });
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ code: "ERR_LOGIN_REQUIRED" });
  expect(await formKeys()).toEqual([]);
});

test("one browser has at most three forms that wait: the oldest makes room", async () => {
  const first = await post("/orders", "item=1");
  for (const item of [2, 3, 4]) {
    advance(1);
    await post("/orders", `item=${String(item)}`);
  }
  expect(formCookies()).toHaveLength(3);
  await w.signIn("alice", browser);
  const page = await browser.navigate(w.url + formPageIn(first));
  expect(page.response.status).toBe(410);
});

test("the page runs nothing that was filled in, and names at most twenty fields", async () => {
  const body = new URLSearchParams(
    Array.from({ length: 25 }, (_, index): [string, string] => [
      `<script>${String(index)}`,
      `"><script>alert(1)</script>`,
    ]),
  ).toString();
  const page = await followRefresh(await post("/orders", body));
  expect(page.body).not.toContain("<script>");
  expect(page.body).toContain("(+5)");
  await browser.submitForm(page);
  expect(arrived).toEqual([`alice: ${body}`]);
});

test('keepsForm cannot stand beside unauthenticated: "401"', () => {
  expect(() =>
    w.kit.requireAuth({ keepsForm: true, unauthenticated: "401" }),
  ).toThrow(ConfigError);
  expect(() => w.kit.requireAuth({ keepsForm: "yes" as never })).toThrow(
    "keepsForm: must be true or false",
  );
});

/** The page that offers the form, from the answer that sends the browser to login. */
function formPageIn(answer: Response): string {
  const refresh = answer.headers.get("refresh") ?? "";
  const login = new URL(refresh.slice("0; url=".length), w.url);
  return login.searchParams.get("return_to") ?? "";
}

function formKeys(): Promise<string[]> {
  return redis.keys(`${PREFIX}*form:*`);
}

function formCookies(): string[] {
  return browser.jar
    .getCookiesSync(w.url)
    .map(({ key }) => key)
    .filter((name) => name.startsWith("session-form-"));
}
