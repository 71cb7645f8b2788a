/** A browser that is signed in signs in again: what ends, and what is kept. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";

const ELSEWHERE = "https://elsewhere.example/";
const MFA = "urn:mfa";

let w: LyingWorld;
let browser: TestBrowser;
beforeEach(async () => {
  w = await lyingWorld({
    kit: { carryOver: ["cart"] },
    routes(app, kit) {
      app.get("/note/:note", kit.session, (req, res) => {
        Object.assign(req.session, { note: req.params["note"] });
        res.json({});
      });
      app.get("/note", kit.session, (req, res) => {
        const { note = null } = req.session as { note?: string };
        res.json({ note });
      });
      app.get("/strong", kit.requireAuth({ acr: [MFA] }), (_req, res) => {
        res.json({});
      });
    },
  });
  browser = createTestBrowser();
});
afterEach(() => w.close());

const authorizations = (): number =>
  w.provider.requests.filter((request) => request === "GET /authorize").length;

const note = async (): Promise<unknown> =>
  (await browser.fetchJson(`${w.url}/note`)).json();

const strong = async (): Promise<number> =>
  (await browser.fetchJson(`${w.url}/strong`)).status;

/** The redirect of an endpoint that starts logins, asked for by a page of this address. */
async function asked(path: string, initiator: string): Promise<URL> {
  const answer = await browser.request(w.url + path, { initiator });
  expect(answer.status).toBe(303);
  return new URL(String(answer.headers.get("location")), w.url);
}

describe("another site sends the browser to /login", () => {
  test("prompt=none does not go on, whoever is there", async () => {
    const location = await asked("/login?prompt=none", ELSEWHERE);
    expect(location.origin).toBe(w.provider.url);
    expect(location.searchParams.has("prompt")).toBe(false);
  });

  test("a prompt that the user sees goes on", async () => {
    await w.signIn("alice", browser);
    const location = await asked("/login?prompt=select_account", ELSEWHERE);
    expect(location.searchParams.get("prompt")).toBe("select_account");
  });

  test.each([
    "max_age=999999999",
    "max_age=60",
    `acr_values=${MFA}`,
    "prompt=consent",
    "prompt=whatever",
    "prompt=none",
  ])(
    "who is signed in and strong enough is not sent on by %s",
    async (query) => {
      await browser.navigate(`${w.url}/strong`);
      const id = await w.loginId(browser);
      await browser.navigate(`${w.url}/login?${query}`, {
        initiator: ELSEWHERE,
      });
      expect(await w.loginId(browser)).toBe(id);
      expect(await strong()).toBe(200);
    },
  );

  test("max_age alone makes no login weaker", async () => {
    await browser.navigate(`${w.url}/strong`);
    await browser.navigate(`${w.url}/login?max_age=999999999`, {
      initiator: w.url,
    });
    expect(await strong()).toBe(200);
  });

  test("prompt=none of the application's own page goes on", async () => {
    await w.signIn("alice", browser);
    const location = await asked("/login?prompt=none", w.url);
    expect(location.searchParams.get("prompt")).toBe("none");
  });

  test.each(["", "&prompt=none"])(
    "who is signed in stays so, and gets to the page ('%s')",
    async (prompt) => {
      await w.signIn("alice", browser);
      const id = await w.loginId(browser);
      const before = authorizations();
      const location = await asked(`/login?return_to=/me${prompt}`, ELSEWHERE);
      expect(location.href).toBe(`${w.url}/me`);
      expect(authorizations()).toBe(before);
      expect(await w.loginId(browser)).toBe(id);
      expect(w.ended).toEqual([]);
    },
  );

  test("a page of another site that leads to a guard with an acr still leads to the provider", async () => {
    await w.signIn("alice", browser);
    const page = await browser.navigate(`${w.url}/strong`, {
      initiator: ELSEWHERE,
    });
    expect(page.response.status).toBe(200);
    expect(await strong()).toBe(200);
  });
});

describe("a portal begins a login of the user who is signed in", () => {
  const viaPortal = async (): Promise<void> => {
    const query = new URLSearchParams({
      iss: w.provider.issuer,
      target_link_uri: `${w.url}/me`,
    });
    const page = await browser.navigate(
      `${w.url}/initiate-login?${query.toString()}`,
      { initiator: ELSEWHERE },
    );
    expect(page.response.status).toBe(200);
  };

  test("the session's data is kept, and the new login is as strong as the one before", async () => {
    const page = await browser.navigate(`${w.url}/strong`);
    expect(page.response.status).toBe(200);
    await browser.fetchJson(`${w.url}/note/tea`);
    const id = await w.loginId(browser);
    await viaPortal();
    expect(await w.loginId(browser)).not.toBe(id);
    expect(await note()).toEqual({ note: "tea" });
    expect(await strong()).toBe(200);
  });

  test("who authenticates anew at the provider counts as strong as that", async () => {
    await browser.navigate(`${w.url}/strong`);
    w.provider.misbehave = {
      idToken: {
        claims: (right) => ({
          ...right,
          auth_time: Number(right["auth_time"]) + 1,
        }),
      },
    };
    await viaPortal();
    expect(await strong()).toBe(401);
  });

  test("who asked for an acr counts as strong as the answer says", async () => {
    await browser.navigate(`${w.url}/strong`);
    await browser.navigate(`${w.url}/login?acr_values=urn:pwd`);
    expect(await strong()).toBe(401);
  });
});

test("another user's tokens are revoked, the same user's are not: they may share a grant", async () => {
  await w.signIn("alice", browser);
  await w.signIn("alice", browser);
  await w.signIn("bob", browser);
  await until("they are revoked", () => w.provider.revoked.length === 2);
  expect(w.ended).toMatchObject([
    { subject: "alice", reason: "replaced" },
    { subject: "alice", reason: "replaced" },
  ]);
  await w.kit.close();
  expect(w.provider.revoked).toHaveLength(2);
});
