import { randomUUID } from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import helmet from "helmet";

import {
  type LogoutWorld,
  logoutWorld,
  type LogoutWorldOptions,
} from "../support/logout-world.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import { closeRedis } from "../support/world.js";

let w: LogoutWorld;
afterEach(() => w.close());
afterAll(closeRedis);

/** A world where alice has signed in. */
async function withAlice(
  options: LogoutWorldOptions = {},
): Promise<LogoutWorld> {
  w = await logoutWorld({ ...options, signedInAs: "alice" });
  return w;
}

/** What the provider adds for alice's session. */
const right = () => ({
  iss: w.provider.issuer,
  sid: w.provider.sidOf("alice"),
});

/** Loads the address as a frame on a page of the provider. */
function frame(
  parameters: Readonly<Record<string, string>> | [string, string][] = right(),
  browser: TestBrowser = w.browser,
): Promise<Response> {
  const query = new URLSearchParams(parameters).toString();
  return browser.request(`${w.app.url}/frontchannel-logout?${query}`, {
    destination: "iframe",
    initiator: w.provider.issuer,
  });
}

const sessionCookie = () =>
  w.browser.jar.getCookiesSync(w.app.url).find(({ key }) => key === "session");

/** Refused, and alice is still signed in. */
async function expectRefused(answer: Response): Promise<void> {
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain("ERR_LOGOUT_REQUEST_INVALID");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect(await w.isSignedIn()).toBe(true);
  expect(w.app.ended).toEqual([]);
}

describe("FCL-01: the address to register", () => {
  test("FCL-01: is on the origin of the redirect URI, at a path of the application's choice", async () => {
    await withAlice({ kit: { paths: { frontchannelLogout: "/oidc/front" } } });
    const [redirectUri = ""] = w.provider.clients[0]?.redirectUris ?? [];
    const address = new URL("/oidc/front", redirectUri);
    address.search = new URLSearchParams(right()).toString();
    const answer = await w.browser.request(address);
    expect(answer.status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
  });

  test("FCL-01: may have a query of its own", async () => {
    await withAlice();
    const answer = await frame({ tenant: "1", ...right() });
    expect(answer.status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
  });
});

describe.each([
  ["Redis", { redis: "shared" as const }],
  ["the embedded store", {}],
])("FCL-02: with %s, loading it", (_store, options) => {
  test("FCL-02: ends the login, for every copy of its cookie", async () => {
    await withAlice(options);
    const copy = w.browser.clone();
    const answer = await frame();
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(await w.isSignedIn(copy)).toBe(false);
    expect(w.app.ended.map(({ reason }) => reason)).toEqual([
      "provider_logout",
    ]);
  });

  test("FCL-02: ends every login of that session, and no other of the user", async () => {
    await withAlice(options);
    const named = right();
    const sameSession = w.withProviderSessionOf(w.browser);
    await w.signIn("alice", sameSession);
    const elsewhere = createTestBrowser();
    await w.signIn("alice", elsewhere);
    await frame(named);
    expect(await w.isSignedIn()).toBe(false);
    expect(await w.isSignedIn(sameSession)).toBe(false);
    expect(await w.isSignedIn(elsewhere)).toBe(true);
  });

  test("FCL-02: when the login is over already, is a success", async () => {
    await withAlice(options);
    await frame();
    const again = await frame();
    expect(again.status).toBe(200);
    expect(w.app.ended).toHaveLength(1);
  });
});

describe("FCL-02: the cookie", () => {
  test("FCL-02: of the login that ended is cleared", async () => {
    await withAlice();
    expect(sessionCookie()).toBeDefined();
    await frame();
    expect(sessionCookie()).toBeUndefined();
  });

  test("FCL-02: of another login is left alone, and that login lives", async () => {
    await withAlice();
    const bob = createTestBrowser();
    await w.signIn("bob", bob);
    const sid = w.provider.sidOf("bob");
    const answer = await frame({ ...right(), sid });
    expect(answer.status).toBe(200);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await w.isSignedIn()).toBe(true);
    expect(await w.isSignedIn(bob)).toBe(false);
  });
});

describe("FCL-03: iss and sid", () => {
  // Shows: ERR_LOGOUT_REQUEST_INVALID
  test.each<[string, () => [string, string][]]>([
    ["neither", () => []],
    ["iss alone", () => [["iss", right().iss]]],
    ["sid alone", () => [["sid", right().sid]]],
    [
      "another iss",
      () => [
        ["iss", `${right().iss}/`],
        ["sid", right().sid],
      ],
    ],
    [
      "an empty iss",
      () => [
        ["iss", ""],
        ["sid", right().sid],
      ],
    ],
    [
      "iss twice",
      () => [
        ["iss", right().iss],
        ["iss", right().iss],
        ["sid", right().sid],
      ],
    ],
    [
      "sid twice",
      () => [
        ["iss", right().iss],
        ["sid", right().sid],
        ["sid", right().sid],
      ],
    ],
    [
      "two sid",
      () => [
        ["iss", right().iss],
        ["sid", "another"],
        ["sid", right().sid],
      ],
    ],
    [
      "sid as a list",
      () => [
        ["iss", right().iss],
        ["sid[]", right().sid],
      ],
    ],
  ])("FCL-03: with %s nothing ends", async (_what, parameters) => {
    await withAlice();
    await expectRefused(await frame(parameters()));
  });

  test("FCL-03: an unknown sid is a success without effect", async () => {
    await withAlice();
    const answer = await frame({ ...right(), sid: randomUUID() });
    expect(answer.status).toBe(200);
    expect(await w.isSignedIn()).toBe(true);
  });

  test("FCL-03: an empty sid ends no login whose ID Token had none", async () => {
    await withAlice({ misbehave: { idToken: { claims: { sid: undefined } } } });
    await frame({ ...right(), sid: "" });
    expect(await w.isSignedIn()).toBe(true);
  });

  test("FCL-03: a sub in the place of sid ends nothing", async () => {
    await withAlice();
    await frame({ ...right(), sid: "alice" });
    expect(await w.isSignedIn()).toBe(true);
  });

  test("FCL-03: what anybody may load writes nothing to Redis", async () => {
    await withAlice({ redis: "shared" });
    const before = await w.keys();
    expect(before.length).toBeGreaterThan(0);
    for (let count = 0; count < 100; count++) {
      const stranger = createTestBrowser();
      const parameters = { ...right(), sid: randomUUID() };
      await (await frame(parameters, stranger)).body?.cancel();
    }
    expect(await w.keys()).toEqual(before);
  });
});

describe("FCL-04: Cache-Control: no-store", () => {
  test.each([
    ["a success", () => right()],
    ["an unknown sid", () => ({ ...right(), sid: "unknown" })],
    ["a refusal", () => ({})],
  ])("FCL-04: is on the answer to %s", async (_what, parameters) => {
    await withAlice();
    const answer = await frame(parameters());
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("FCL-04: is on a refusal that the application answers itself", async () => {
    await withAlice({
      kit: {
        answerError: (_error, _req, res, _next) => {
          res.status(400).end();
        },
      },
    });
    const answer = await frame({});
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });
});

describe("FCL-05: framing", () => {
  // Shows: ASVS 3.4.6
  test.each([
    ["nothing", {}],
    ["helmet", { before: helmet() }],
    [
      "helmet that denies all framing",
      {
        before: helmet({
          frameguard: { action: "deny" },
          contentSecurityPolicy: {
            directives: { "frame-ancestors": ["'none'"] },
          },
        }),
      },
    ],
  ])(
    "FCL-05: is allowed to the provider alone, behind %s of the application",
    async (_what, options) => {
      await withAlice(options);
      const { headers } = await frame();
      expect(headers.get("content-security-policy")).toBe(
        `default-src 'none'; frame-ancestors ${w.provider.issuer}`,
      );
      expect(headers.get("x-frame-options")).toBeNull();
      expect(headers.get("cross-origin-resource-policy")).toBe("cross-origin");
    },
  );

  test("FCL-05: is allowed to the origins of issuer and end_session_endpoint, where they differ", async () => {
    await withAlice({
      misbehave: {
        metadata: (metadata) => ({
          ...metadata,
          end_session_endpoint: "https://out.example/end?tenant=1",
        }),
      },
    });
    const { headers } = await frame();
    expect(headers.get("content-security-policy")).toMatch(
      new RegExp(`frame-ancestors ${w.provider.issuer} https://out\\.example$`),
    );
  });

  test("FCL-05: is allowed to nobody where the request is refused", async () => {
    await withAlice();
    const { headers } = await frame({});
    expect(headers.get("content-security-policy")).toContain(
      "frame-ancestors 'none'",
    );
    expect(headers.get("x-frame-options")).toBe("DENY");
  });

  test("FCL-05: does not have to wait for the provider: the login is over though its metadata is away", async () => {
    await withAlice({ redis: "shared" });
    const named = right();
    const other = await w.startAnother();
    w.provider.misbehave = {
      intercept: (_req, res) => {
        res.status(503).end();
      },
    };
    const query = new URLSearchParams(named).toString();
    const answer = await fetch(`${other.url}/frontchannel-logout?${query}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-security-policy")).toContain(
      `frame-ancestors ${w.provider.issuer}`,
    );
    expect(await w.isSignedIn()).toBe(false);
  });

  // Shows: OA-20
  test("FCL-05: the page holds nothing of the request", async () => {
    await withAlice();
    const marked = "<script>marked()</script>";
    const answer = await frame({ ...right(), sid: marked, state: marked });
    expect(await answer.text()).not.toContain("marked");
  });
});

describe("FCL-06: without the cookie, which browsers keep from foreign frames", () => {
  test("FCL-06: the login is found by sid", async () => {
    await withAlice();
    const cookieless = createTestBrowser();
    const answer = await frame(right(), cookieless);
    expect(answer.status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
  });

  test("FCL-06: at whatever process", async () => {
    await withAlice({ redis: "shared" });
    const other = await w.startAnother();
    const query = new URLSearchParams(right()).toString();
    const answer = await fetch(`${other.url}/frontchannel-logout?${query}`);
    expect(answer.status).toBe(200);
    expect(await w.isSignedIn()).toBe(false);
  });
});

test.each(["POST", "PUT", "DELETE"])(
  "FCL-02: %s is answered 405, and ends nothing",
  async (method) => {
    await withAlice();
    const query = new URLSearchParams(right()).toString();
    const url = `${w.app.url}/frontchannel-logout?${query}`;
    const answer = await fetch(url, {
      method,
      ...(method === "POST" && { body: new URLSearchParams(right()) }),
    });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toMatch(/^GET/);
    expect(await w.isSignedIn()).toBe(true);
  },
);
