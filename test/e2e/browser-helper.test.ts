/** The helper for pages, `express-login-kit/browser`, as it was built, in Chromium. */
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { resolve } from "node:path";
import { buffer } from "node:stream/consumers";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { transform } from "esbuild";
import type { Express } from "express";
import type { Browser, Page } from "playwright-core";

import { type LoginKit, loginOf } from "../../lib/index.js";
import { launchChromium } from "../support/chromium.js";
import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { until } from "../support/until.js";
import { listening, type Party } from "../support/world.js";

const HELPER = resolve("dist/browser/browser.js");
const MFA = "urn:example:mfa";
const PAGE = "/shop/cart?item=17&of=a%20b#total";
const LOGIN_AND_BACK = `/login?return_to=${encodeURIComponent(PAGE)}`;

/** A request for `/echo`. */
interface Seen {
  readonly method: string;
  readonly header: string | undefined;
  readonly body: string;
}

let chromium: Browser;
let w: LyingWorld;
let page: Page;
/** Another origin, which lets every page read its answers. */
let foreign: Party;
let seenThere: Seen[];
let seenHere: Seen[];
/** "METHOD /path" of every request to the application. */
let requests: string[];
let logins: number;

beforeAll(async () => {
  chromium = await launchChromium();
  foreign = await startForeign();
  const resourceServers = { orders: { url: foreign.url } };
  w = await lyingWorld({ routes, kit: { resourceServers } });
  w.server.on("request", ({ method, url }: IncomingMessage) => {
    requests.push(`${String(method)} ${String(url).replace(/\?.*/, "")}`);
  });
  w.kit.events.on("login.succeeded", () => (logins += 1));
});

afterAll(async () => {
  await chromium.close();
  await Promise.all([w.close(), foreign.close()]);
});

beforeEach(async () => {
  [seenHere, seenThere, requests, logins] = [[], [], [], 0];
  page = await (await chromium.newContext()).newPage();
});

afterEach(() => page.context().close());

describe("fetch", () => {
  test.each([
    ["a relative address", `"../echo"`],
    ["an absolute address", `location.origin + "/echo"`],
    ["a URL", `new URL("/echo", location)`],
    ["a Request", `new Request("/echo")`],
  ])("%s of this origin gets the header", async (_kind, input) => {
    await open();
    expect(await statusOf(input)).toBe(200);
    expect(seenHere).toEqual([{ method: "GET", header: "1", body: "" }]);
  });

  test("a request to another origin gets none, and so needs no preflight", async () => {
    await open();
    expect(await statusOf(`"${foreign.url}/echo"`)).toBe(200);
    expect(seenThere).toEqual([{ method: "GET", header: undefined, body: "" }]);
  });

  test("method and body of a Request arrive, and members of init win", async () => {
    await open();
    const request = `new Request("/echo", { method: "POST", body: "one" })`;
    expect(await statusOf(request)).toBe(200);
    expect(await statusOf(`${request}, { method: "PUT", body: "two" }`)).toBe(
      200,
    );
    expect(seenHere.map(({ method, body }) => [method, body])).toEqual([
      ["POST", "one"],
      ["PUT", "two"],
    ]);
  });

  test.each([
    ["GET", `"/me"`],
    ["POST with a body", `"/change", { method: "POST", body: "{}" }`],
    [
      "POST of a Request",
      `new Request("/change", { method: "POST", body: "" })`,
    ],
  ])(
    "401 of a guarded route leads to login and back to this very page: %s",
    async (_kind, input) => {
      await open();
      await leaveBy(input);
      expect(page.url()).toBe(w.url + PAGE);
      expect(logins).toBe(1);
      expect(await statusOf(input)).toBe(200);
    },
  );

  test("of requests that fail together one leaves, and none comes back to a page that is being left", async () => {
    await open();
    await run(`(() => {
      window.gone = [];
      window.settled = 0;
      const helper = browserLogin({ go: (url) => gone.push(url) });
      for (const path of ["/me", "/me", "/payment"])
        helper.fetch(path).finally(() => { settled += 1; });
    })()`);
    const guarded = /\/(?:me|payment)$/;
    await until(
      "all have arrived",
      () => requests.filter((request) => guarded.test(request)).length === 3,
    );
    await page.waitForFunction("gone.length > 0");
    await laterAnswersArrive();
    expect(await run("gone")).toEqual([LOGIN_AND_BACK]);
    expect(await run("settled")).toBe(0);
  });

  test("a second 401 within a minute is returned, although other answers were good", async () => {
    await page.goto(`${w.url}/always-401`);
    await page.waitForFunction("document.title === 'answered 401'");
    expect(logins).toBe(1);
  });

  test("after a minute the same reason leads to login again", async () => {
    await page.clock.install();
    await page.goto(`${w.url}/always-401`);
    await page.waitForFunction("document.title === 'answered 401'");
    await page.clock.runFor(60_000);
    await page.reload();
    await page.waitForFunction("document.title === 'answered 401'");
    expect(logins).toBe(2);
  });

  test("a route that wants a stronger login gets it by acr_values", async () => {
    await signIn();
    await open();
    await leaveBy(`"/payment"`);
    expect(page.url()).toBe(w.url + PAGE);
    expect(await run(`login.fetch("/payment").then((r) => r.json())`)).toBe(
      MFA,
    );
  });

  test.each([
    ["to HEAD, which has no body", `"/me", { method: "HEAD" }`],
    ["that is not the kit's", `"/other-401?type=text/plain"`],
    [
      "with half a document",
      `"/other-401?mark=1&type=application/problem%2Bjson&body={"`,
    ],
    [
      "that names no login",
      `"/other-401?mark=1&type=application/problem%2Bjson&body=null"`,
    ],
  ])("a 401 %s is returned", async (_kind, input) => {
    await open();
    expect(await statusOf(input)).toBe(401);
  });

  test("a 401 of a resource server that names a login is returned", async () => {
    await signIn();
    await open();
    expect(await statusOf(`"/api/session-over"`)).toBe(401);
    expect(logins).toBe(1);
  });

  test("a 401 of another origin is returned, also when one of ours redirects there", async () => {
    await open();
    expect(await statusOf(`"${foreign.url}/401"`)).toBe(401);
    // Over there nobody asked for the header, so it has to be allowed.
    expect(await statusOf(`"/away?to=${foreign.url}/401"`)).toBe(401);
  });

  test.each([
    "https://evil.example/login",
    "\\\\evil.example/login",
    "//evil.example/login",
    "/.//evil.example/login",
    "https://x//evil.example",
    "javascript:javascript:document.title='evil'//",
    "javascript:document.title='evil'",
    "blob:https://evil.example/x",
    "data:text/html,evil",
  ])(
    "ASVS 3.7.2: a login address elsewhere, which a resource server may have written, leads nowhere: %s",
    async (login_url) => {
      await open();
      await run(`
        window.gone = [];
        window.login = browserLogin({ go: (url) => gone.push(url) });`);
      const problem = JSON.stringify({ code: "ERR_X", login_url });
      const path = `/other-401?mark=1&type=application/problem%2Bjson&body=${encodeURIComponent(problem)}`;
      expect(
        await run(`login.fetch(${JSON.stringify(path)}).then((r) => r.status)`),
      ).toBe(401);
      expect(await run("gone")).toEqual([]);
    },
  );
});

describe("watch", () => {
  test("the end of the login in another tab is told at once, and once", async () => {
    await signIn();
    await open();
    await run("void login.watch()");
    await until("it listens", isListening);
    const asked = requests.filter((request) => request === "GET /session");
    await signOutInAnotherTab();
    await page.waitForFunction("ended.length > 0");
    // It was told by the stream, and did not have to ask.
    expect(requests.filter((request) => request === "GET /session")).toEqual(
      asked,
    );
    expect(await run("ended")).toEqual([LOGIN_AND_BACK]);
  });

  test("a login that is over before is told too", async () => {
    await open();
    await run("void login.watch()");
    await page.waitForFunction("ended.length > 0");
    expect(await run("ended")).toEqual([LOGIN_AND_BACK]);
  });

  test("an application in trouble is asked again, and is no end", async () => {
    await signIn();
    await page.clock.install();
    await open();
    let refused = 0;
    await page.route("**/session/events", async (route) => {
      refused += 1;
      await route.fulfill({ status: 503 });
    });
    const status = page.waitForResponse(`${w.url}/session`);
    await run("void login.watch()");
    await (await status).finished();
    expect(refused).toBe(1);
    await page.unroute("**/session/events");
    const stream = page.waitForResponse(`${w.url}/session/events`);
    await until("it listens again", async () => {
      await page.clock.runFor(1000);
      return isListening();
    });
    expect((await stream).status()).toBe(200);
    expect(await run("ended")).toEqual([]);
    await signOutInAnotherTab();
    await page.waitForFunction("ended.length > 0");
  });

  test("nothing is told after the watch was stopped", async () => {
    await signIn();
    await open();
    await run("void (window.stop = login.watch())");
    await until("it listens", isListening);
    await run("stop()");
    await signOutInAnotherTab();
    await laterAnswersArrive();
    expect(await run("ended")).toEqual([]);
  });
});

test("minified, what every page loads of the helper has less than 2 kB", async () => {
  const { code } = await transform(await readFile(HELPER, "utf8"), {
    minify: true,
    format: "esm",
    target: "es2022",
  });
  expect(code).toContain("browserLogin");
  expect(code.length).toBeLessThan(2048);
});

/** The application's pages and routes. */
function routes(app: Express, kit: LoginKit): void {
  app.get("/browser.js", (_req, res) => {
    res.sendFile(HELPER);
  });
  app.get("/shop/cart", (_req, res) => {
    res.send(document("window.ready = true;"));
  });
  app.get("/always-401", (_req, res) => {
    res.send(
      document(`
        await login.fetch("/session");
        const { status } = await login.fetch("/refuses");
        await login.fetch("/session");
        document.title = "answered " + status;`),
    );
  });
  app.use("/api", kit.requireAuth(), kit.forward("orders"));
  app.all("/echo", (req, res) => {
    void see(req, seenHere).then(() => res.json({}));
  });
  app.get("/payment", kit.requireAuth({ acr: [MFA] }), (req, res) => {
    res.json(loginOf(req).claims["acr"]);
  });
  app.post("/change", kit.requireAuth(), (_req, res) => {
    res.json({});
  });
  app.get("/refuses", (_req, res) => {
    res
      .status(401)
      .set("X-Login-Kit", "1")
      .type("application/problem+json")
      .send('{ "code": "ERR_LOGIN_REQUIRED", "login_url": "/login" }');
  });
  app.get("/other-401", ({ query }, res) => {
    const { type, body = "", mark } = query as Record<string, string>;
    if (mark !== undefined) res.set("X-Login-Kit", mark);
    res.status(401).type(String(type)).send(body);
  });
  app.get("/away", ({ query }, res) => {
    const { to } = query as Record<string, string>;
    res.redirect(String(to));
  });
}

function document(script: string): string {
  return `<!doctype html><title>-</title><script type="module">
    import { browserLogin } from "/browser.js";
    window.browserLogin = browserLogin;
    window.ended = [];
    window.login = browserLogin({
      onEnded(url) {
        ended.push(url);
      },
    });
    ${script}
  </script>`;
}

async function see(req: IncomingMessage, seen: Seen[]): Promise<void> {
  seen.push({
    method: String(req.method),
    header: req.headers["x-csrf-protection"] as string | undefined,
    body: (await buffer(req)).toString(),
  });
}

async function startForeign(): Promise<Party> {
  const party = await listening();
  party.serve((req, res) => {
    res.setHeader("Access-Control-Allow-Origin", "*");
    if (req.url === "/401") {
      res.setHeader("Access-Control-Allow-Headers", "x-csrf-protection");
      res.setHeader("Content-Type", "application/problem+json");
      res.setHeader("X-Login-Kit", "1");
      res.statusCode = req.method === "OPTIONS" ? 204 : 401;
      res.end('{ "code": "ERR_LOGIN_REQUIRED", "login_url": "/login" }');
      return;
    }
    if (req.url === "/session-over") {
      // As a resource server behind forward, which knows how the kit answers.
      res.writeHead(401, {
        "Content-Type": "application/problem+json",
        "X-Login-Kit": "1",
      });
      res.end('{ "code": "ERR_LOGIN_REQUIRED", "login_url": "/login" }');
      return;
    }
    void see(req, seenThere).then(() => res.end());
  });
  return party;
}

/** Opens the page with the helper. */
async function open(): Promise<void> {
  await page.goto(w.url + PAGE);
  await page.waitForFunction("window.ready");
}

function run(code: string): Promise<unknown> {
  return page.evaluate(code);
}

/** Answers that have left the server before these have arrived, then. */
async function laterAnswersArrive(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await run("fetch('/nowhere').then((answer) => answer.text())");
  }
}

/** Status of the helper's answer. */
function statusOf(input: string): Promise<unknown> {
  return run(`login.fetch(${input}).then((response) => response.status)`);
}

/** Makes a request that sends the page away, and waits until it is back. */
async function leaveBy(input: string): Promise<void> {
  await run(`window.ready = "before"; void login.fetch(${input})`);
  await page.waitForFunction("window.ready === true");
}

async function signIn(): Promise<void> {
  await page.goto(`${w.url}/login`);
  expect(logins).toBe(1);
}

function isListening(): boolean {
  return requests.includes("GET /session/events");
}

async function signOutInAnotherTab(): Promise<void> {
  const other = await page.context().newPage();
  await other.goto(w.url);
  await other.evaluate(`fetch("/logout", { method: "POST" })
    .then((answer) => answer.text())`);
}
