/** Only a developer at this machine sees what the inspector has recorded: his own. */
import { get } from "node:http";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { createLoginKit } from "../../lib/index.js";
import { inspector } from "../../lib/inspector/index.js";
import {
  INSPECTOR,
  type InspectedWorld,
  inspectedWorld,
} from "../support/inspected-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";

let w: InspectedWorld;
let browser: TestBrowser;
const PATHS = ["/runs", "/live", "/held", "/names", "/playground"];

beforeAll(async () => {
  w = await inspectedWorld();
  browser = await w.viewer();
  await w.signIn("alice", browser);
});
afterAll(async () => {
  await w.close();
});

async function viewerCookie(): Promise<string> {
  const cookies = await browser.jar.getCookies(w.url);
  return cookies.map(({ key, value }) => `${key}=${value}`).join("; ");
}

/** Asks with these headers, and the cookies of the one who may look. */
async function statusWith(
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const cookie = await viewerCookie();
  return new Promise((resolve, reject) => {
    const request = get(
      w.url + INSPECTOR + path,
      { headers: { cookie, ...headers } },
      ({ statusCode = 0 }) => {
        resolve(statusCode);
        request.destroy();
      },
    );
    request.on("error", reject);
  });
}

const OWN = { "sec-fetch-site": "same-origin" };

describe.each(PATHS)("%s", (path) => {
  test("is for pages of the application, in the browser that looks", async () => {
    expect(await statusWith(path, OWN)).toBe(200);
  });

  test.each([
    ["a page of another site", { "sec-fetch-site": "cross-site" }],
    [
      "a page of another origin of this site",
      { "sec-fetch-site": "same-site" },
    ],
    ["an address that was typed", { "sec-fetch-site": "none" }],
    [
      "a page of another origin, in an older browser",
      { origin: "http://evil.example" },
    ],
    ["nobody knows who", {}],
    [
      "a name that leads here (DNS rebinding)",
      { ...OWN, host: "evil.example" },
    ],
    [
      "another machine, through a proxy",
      { ...OWN, "x-forwarded-for": "203.0.113.7" },
    ],
    [
      "another machine, through a proxy that says so otherwise",
      { ...OWN, forwarded: "for=203.0.113.7" },
    ],
  ] as const)("refuses %s", async (_who, headers) => {
    expect(await statusWith(path, headers)).toBe(403);
  });
});

test.each([
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
  "x-original-url",
  "cf-connecting-ip",
  "true-client-ip",
  "client-ip",
  "via",
])("a proxy that says only %s is refused", async (name) => {
  expect(await statusWith("/runs", { ...OWN, [name]: "203.0.113.7" })).toBe(
    403,
  );
});

test.each(["/sequence.js", "/inspector.css", "/inspector.js"])(
  "a page of another site cannot load %s",
  async (path) => {
    const foreign = { "sec-fetch-site": "cross-site" };
    expect(await statusWith(path, OWN)).toBe(200);
    expect(await statusWith(path, foreign)).toBe(403);
  },
);

test.each(["/clear", "/playground/run", "/playground/preview"])(
  "a form or script of another site cannot post to %s",
  async (path) => {
    for (const initiator of ["http://evil.example", "http://localhost:1"]) {
      const answer = await browser.request(w.url + INSPECTOR + path, {
        method: "POST",
        initiator,
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: `request=${encodeURIComponent('{"parameters":{}}')}`,
      });
      expect(answer.status).toBe(403);
    }
    expect(await w.runsOf(browser)).toHaveLength(1);
  },
);

test("a request to try that is none is the asker's mistake, whatever its type", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
    const answer = await browser.fetchJson(
      `${w.url}${INSPECTOR}/playground/run`,
      {
        method: "POST",
        headers: { "content-type": type },
        body: "request=%7B%22__proto__%22",
      },
    );
    expect(answer.status).toBe(400);
  }
});

test("another browser sees nothing of it, and nothing of it is recorded", async () => {
  const other = await w.viewer();
  expect(await w.runsOf(other)).toEqual([]);
  const without = createTestBrowser();
  await w.signIn("bob", without);
  const titles = async (one: TestBrowser): Promise<string[]> =>
    (await w.runsOf(one)).map(({ title }) => title);
  expect(await titles(browser)).toEqual(["Login of alice"]);
  expect(await titles(other)).toEqual([]);
  // It looks only now: what came before is not there.
  await without.navigate(`${w.url}${INSPECTOR}/`);
  expect(await titles(without)).toEqual([]);
});

test("a run of another viewer cannot be had by its id", async () => {
  const [run] = await w.runsOf(browser);
  const other = await w.viewer();
  const answer = await other.fetchJson(
    `${w.url}${INSPECTOR}/runs/${String(run?.id)}`,
  );
  expect(answer.status).toBe(404);
});

test("a Logout Token that is refused is told without whose it is", async () => {
  const { provider } = w;
  const token = provider.logoutToken({ sub: "carol", sid: "unknown" });
  await provider.postLogoutToken(`${w.url}/backchannel-logout`, `${token}x`);
  const run = (await w.runsOf(browser)).at(-1);
  expect(run?.failure?.code).toBe("ERR_LOGOUT_TOKEN_INVALID");
  expect(JSON.stringify(run)).not.toContain("carol");
});

describe("the start is refused", () => {
  const kit = (): ReturnType<typeof createLoginKit> =>
    createLoginKit({
      issuer: "https://login.example",
      clientId: "app",
      clientSecret: "8f2c1e7a9b4d6f0a3c5e",
      baseUrl: "http://localhost:3000",
      session: { secret: "kT9vQ2xLmW7rB4nY8pZ3cF6hJ1dG5sAeU0iO" },
    });

  test("in production, unless it is allowed", () => {
    const before = process.env["NODE_ENV"];
    const made = kit();
    process.env["NODE_ENV"] = "production";
    try {
      expect(() => inspector(made)).toThrow("NODE_ENV is production");
      expect(inspector(made, { production: true })).toBeInstanceOf(Function);
    } finally {
      process.env["NODE_ENV"] = before;
    }
  });

  test("for what is no kit, a second time, and with options that there are not", () => {
    expect(() => inspector({} as never)).toThrow(
      "must be what createLoginKit returned",
    );
    const made = kit();
    inspector(made);
    expect(() => inspector(made)).toThrow("has an inspector already");
    expect(() => inspector(kit(), { remotely: true } as never)).toThrow(
      "remotely",
    );
  });
});

test("other machines may look where remote says so", async () => {
  const open = await inspectedWorld({ inspect: { remote: true } });
  const answer = await fetch(`${open.url}${INSPECTOR}/names`, {
    headers: { ...OWN, "x-forwarded-for": "203.0.113.7" },
  });
  expect(answer.status).toBe(200);
  await open.close();
});
