/** Sign-out: what ends here, what the provider is asked, and how it is asked. */
import { createHash } from "node:crypto";

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import express, { type RequestHandler } from "express";
import { decodeJwt } from "jose";

import { createLoginKit } from "../../lib/index.js";
import { beforeControl } from "../support/before-control.js";
import { launchChromium } from "../support/chromium.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import { refusingPort } from "../support/refusing-port.js";
import { formsIn } from "../support/html-forms.js";
import { landingOf, providerAddressIn } from "../support/sign-out.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../support/test-browser.js";
import { until } from "../support/until.js";
import {
  CLIENT_ID,
  CLIENT_SECRET,
  closeRedis,
  SESSION_SECRET,
  sharedRedis,
  world,
  type World,
  type WorldOptions,
  kitOptions,
} from "../support/world.js";

let w: World;
afterEach(async () => {
  releaseClock();
  await w.close();
});
afterAll(closeRedis);

/** The button of a page of ours. */
const pressLogout = (browser = w.browser): Promise<Response> =>
  browser.request(`${w.app.url}/logout`, {
    method: "POST",
    initiator: w.app.url,
  });

/** A script of a page of ours. */
const fetchLogout = (): Promise<Response> =>
  w.browser.fetchJson(`${w.app.url}/logout`, { method: "POST" });

const statusOfMe = async (browser = w.browser): Promise<number> =>
  (await browser.fetchJson(`${w.app.url}/me`)).status;

describe.each([
  ["Redis", false],
  ["the embedded store", true],
])("with %s", (_name, embedded) => {
  // Shows: CORE-54
  test("ASVS 7.4.1: the login is over at once, for every copy of the cookie", async () => {
    w = await world({ embedded, signedInAs: "alice" });
    const copy = w.browser.clone();
    const answer = await pressLogout();
    expect(answer.status).toBe(200);
    expect(await statusOfMe(copy)).toBe(401);
    expect((await copy.fetchJson(`${w.app.url}/api/orders`)).status).toBe(401);
  });
});

describe("the provider is asked", () => {
  test("RPIL-01: with the ID Token of this login as id_token_hint", async () => {
    w = await world({ embedded: true });
    const issued = keepTokens();
    await w.signIn();
    const location = providerAddressIn(await pressLogout());
    expect(location.searchParams.getAll("id_token_hint")).toEqual([
      issued.idToken(),
    ]);
  });

  test("RPIL-01: with an ID Token that has expired, which the provider takes all the same", async () => {
    takeClock();
    const session = { secret: SESSION_SECRET, idleTimeoutSeconds: 20_000 };
    w = await world({ embedded: true, kit: { session }, signedInAs: "alice" });
    passSeconds(4000);
    const location = providerAddressIn(await pressLogout());
    const hint = location.searchParams.get("id_token_hint") ?? "";
    expect(decodeJwt(hint).exp).toBeLessThan(Date.now() / 1000);
    const page = await w.browser.navigate(location);
    expect(page.response.status).toBe(200);
    expect(formsIn(page.body)).not.toEqual([]);
  });

  test("RPIL-02: with a hint wherever a login ends that has to come back, by page and by fetch", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const { location } = (await (await fetchLogout()).json()) as {
      location: string;
    };
    const other = createTestBrowser();
    await w.signIn({ browser: other });
    for (const { searchParams } of [
      new URL(location),
      providerAddressIn(await pressLogout(other)),
    ]) {
      expect(searchParams.has("post_logout_redirect_uri")).toBe(true);
      expect(searchParams.get("id_token_hint")).toMatch(
        /^ey[^.]+\.[^.]+\.[^.]+$/,
      );
    }
  });

  test("RPIL-03: to come back to baseUrl and the path of the landing, exactly", async () => {
    const paths = { loggedOut: "/auth/signed-out" };
    w = await world({ embedded: true, kit: { paths }, signedInAs: "alice" });
    const { searchParams } = providerAddressIn(
      await w.browser.request(
        `${w.app.url}/logout?post_logout_redirect_uri=x`,
        {
          method: "POST",
          initiator: w.app.url,
          headers: { "X-Forwarded-Host": "evil.example" },
        },
      ),
    );
    expect(searchParams.getAll("post_logout_redirect_uri")).toEqual([
      `${w.app.url}/auth/signed-out`,
    ]);
  });

  test("RPIL-04: with client_id", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const { searchParams } = providerAddressIn(await pressLogout());
    expect(searchParams.getAll("client_id")).toEqual([CLIENT_ID]);
  });

  test("RPIL-04: with client_id, which is enough when the login has run out here and may go on there", async () => {
    takeClock();
    w = await world({ signedInAs: "alice" });
    passSeconds(31 * 60);
    const location = providerAddressIn(await pressLogout());
    expect(location.origin).toBe(w.provider.url);
    expect(location.searchParams.get("client_id")).toBe(CLIENT_ID);
    expect(location.searchParams.has("id_token_hint")).toBe(false);
    const home = await confirmAtProvider(await w.browser.navigate(location));
    expect(home.body).toBe("home");
  });

  test("RPIL-05: with a state that is opaque and new every time", async () => {
    w = await world({ embedded: true });
    const states = new Set<string | null>();
    for (let round = 0; round < 2; round++) {
      const browser = createTestBrowser();
      await w.signIn({ browser });
      const { searchParams } = providerAddressIn(await pressLogout(browser));
      expect(searchParams.get("state")).toMatch(/^[A-Za-z0-9_-]{43}$/);
      states.add(searchParams.get("state"));
    }
    expect(states.size).toBe(2);
  });

  test("at the address that its metadata names", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const location = providerAddressIn(await pressLogout());
    expect(location.origin + location.pathname).toBe(
      `${w.provider.url}/session/end`,
    );
  });

  test("at an address that keeps the query it was published with", async () => {
    w = await world({ embedded: true });
    await announce({
      end_session_endpoint: `${w.provider.url}/session/end?tenant=a%20b&flow=x`,
    });
    await w.signIn();
    const { searchParams } = providerAddressIn(await pressLogout());
    expect(searchParams.getAll("tenant")).toEqual(["a b"]);
    expect(searchParams.getAll("flow")).toEqual(["x"]);
    expect(searchParams.getAll("client_id")).toEqual([CLIENT_ID]);
    expect(searchParams.has("id_token_hint")).toBe(true);
  });

  test("so that the next address is not told where the browser came from", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const answer = await pressLogout();
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  });
});

test("oidcc-client-test-rp-init-logout: the login at the provider ends too, and the browser comes home", async () => {
  w = await world({ embedded: true, signedInAs: "alice" });
  const answer = await pressLogout();
  const home = await confirmAtProvider(
    await w.browser.navigate(providerAddressIn(answer)),
  );
  expect(home.url).toBe(`${w.app.url}/`);
  expect(home.body).toBe("home");
  // The provider asks who is there again.
  const login = await w.browser.navigate(`${w.app.url}/me`);
  expect(login.body).toContain("Who is there?");
});

test.each([
  ["oidcc-client-test-rp-init-logout-other-state", "?state=foreign"],
  ["oidcc-client-test-rp-init-logout-no-state", ""],
  ["OA-20", "?state=a&state=b&return_to=https://evil.example"],
])(
  "RPIL-05, RPIL-09, %s: the landing needs no session and trusts nothing in its address",
  async (_id, query) => {
    w = await world({ embedded: true });
    const answer = await w.browser.request(`${w.app.url}/logged-out${query}`);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/");
    expect(answer.headers.getSetCookie()).toEqual([]);
  },
);

test("RPIL-09: the landing ends no login: anybody can make a browser open it", async () => {
  w = await world({ embedded: true, signedInAs: "alice" });
  const answer = await w.browser.request(
    `${w.app.url}/logged-out?state=foreign`,
    { initiator: "https://evil.example" },
  );
  expect(answer.status).toBe(303);
  expect(await statusOfMe()).toBe(200);
});

test("a fetch gets the address to go to, because it could not follow a redirect there", async () => {
  w = await world({ embedded: true, signedInAs: "alice" });
  const answer = await fetchLogout();
  expect(answer.status).toBe(200);
  const { location } = (await answer.json()) as { location: string };
  expect(location).toContain(`${w.provider.url}/session/end?`);
  expect(await statusOfMe()).toBe(401);
});

test("the session's cookie is taken back, and in Redis is for a minute what the login was", async () => {
  const prefix = `test-${String(Date.now())}:`;
  w = await world({ kit: { redisKeyPrefix: prefix }, signedInAs: "alice" });
  const redis = (await sharedRedis()) as unknown as {
    keys: (pattern: string) => Promise<string[]>;
    pTTL: (key: string) => Promise<number>;
  };
  // The login, its session, and at least its user's entry for it.
  expect((await redis.keys(`${prefix}*`)).length).toBeGreaterThanOrEqual(3);
  const answer = await pressLogout();
  expect(answer.headers.getSetCookie().join("\n")).toMatch(
    /^session=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax$/m,
  );
  // For a while there is also what came of the sign-in.
  const left = (await redis.keys(`${prefix}*`)).filter(
    (key) => !/:(?:transaction|outcome):\{[\w-]{43}\}$/.test(key),
  );
  expect(left).toEqual([expect.stringMatching(/\{[\w-]{22}\}:ended$/)]);
  expect(await redis.pTTL(left[0] ?? "")).toBeLessThanOrEqual(60_000);
});

describe("RV-02: the tokens of the login", () => {
  // Shows: RV-02
  test("are of no use at the provider any more, neither to get new ones nor to ask for claims", async () => {
    w = await world({ embedded: true });
    const issued = keepTokens();
    await w.signIn();
    expect((await userInfo(issued.accessToken())).status).toBe(200);
    const there = providerAddressIn(await pressLogout());
    await w.browser.request(landingOf(there.href));
    await until(
      "the access token is revoked",
      async () => (await userInfo(issued.accessToken())).status === 401,
    );
    const refreshed = await refresh(issued.refreshToken());
    expect(refreshed.status).toBe(400);
    expect(await refreshed.json()).toMatchObject({ error: "invalid_grant" });
  });

  test("RV-06: do not keep the user waiting when their revocation does not come to an end", async () => {
    w = await world({
      embedded: true,
      signedInAs: "alice",
      kit: { providerTimeoutSeconds: 60 },
      // Otherwise they are revoked when the browser has been there.
      provider: { features: { rpInitiatedLogout: { enabled: false } } },
    });
    const failures: unknown[] = [];
    w.app.kit.events.on("token.revocation_failed", ({ code }) =>
      failures.push(code),
    );
    w.provider.intercept = (req) => req.url === "/token/revocation";
    // Without a limit of its own it would take as long as the provider may.
    const answer = await beforeControl(30_000, pressLogout());
    expect(answer.status).toBe(303);
    expect(await statusOfMe()).toBe(401);
    expect(failures).toEqual(["ERR_PROVIDER_UNAVAILABLE"]);
  });
});

describe("ends here although the provider", () => {
  test("RPIL-07: is down", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    await w.provider.close();
    const port = await refusingPort(w.provider.url);
    const answer = await pressLogout();
    expect(providerAddressIn(answer).origin).toBe(w.provider.url);
    expect(await statusOfMe()).toBe(401);
    await port.close();
  });

  test("RPIL-07: cannot be asked, not even for its metadata", async () => {
    let restarted: RequestHandler = (_req, _res, next) => {
      next();
    };
    w = await world({
      before: (req, res, next) => restarted(req, res, next),
      signedInAs: "alice",
    });
    await w.provider.close();
    // What the process knew of the provider has gone with it.
    const kit = createLoginKit({
      ...kitOptions({
        appUrl: w.app.url,
        providerUrl: w.provider.url,
        ordersUrl: w.orders.url,
      }),
      redis: await sharedRedis(),
    });
    restarted = express()
      .use(kit.routes)
      .get("/me", kit.requireAuth(), (_req, res) => {
        res.json({});
      });
    expect(await statusOfMe()).toBe(200);
    const failures: unknown[] = [];
    kit.events.on("token.revocation_failed", ({ code }) => failures.push(code));

    const answer = await pressLogout();

    expect(await statusOfMe()).toBe(401);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/");
    expect(failures).toEqual(["ERR_PROVIDER_UNAVAILABLE"]);
  });

  test("RPIL-07: is never visited: the login is over before the browser is sent there", async () => {
    w = await world({ embedded: true, signedInAs: "alice" });
    const answer = await pressLogout();
    expect(providerAddressIn(answer).origin).toBe(w.provider.url);
    expect(await statusOfMe()).toBe(401);
    expect(w.provider.requests).not.toContain("GET /session/end");
  });

  test("RPIL-08: has no end_session_endpoint", async () => {
    w = await world({
      embedded: true,
      provider: { features: { rpInitiatedLogout: { enabled: false } } },
      signedInAs: "alice",
    });
    const answer = await pressLogout();
    expect(answer.headers.get("location")).toBe("/");
    expect(await statusOfMe()).toBe(401);
  });
});

// Shows: DISC-07
test.each([
  "http://op.example/session/end",
  "javascript:alert(1)",
  "/session/end",
])(
  "RPIL-08: metadata whose end_session_endpoint is %s is not used",
  async (endpoint) => {
    w = await world({ embedded: true });
    await announce({ end_session_endpoint: endpoint });
    const page = await w.browser.navigate(`${w.app.url}/login`);
    expect(page.response.status).toBe(503);
    expect(page.body).toContain("ERR_DISCOVERY_INVALID");
  },
);

describe("an ID Token that is too long for an address", () => {
  // oidc-provider then puts what the scopes name into the ID Token.
  const provider: WorldOptions["provider"] = {
    conformIdTokenClaims: false,
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: `"<Al&ice>" `.repeat(500) }),
    }),
  };
  // It does not take requests to end a session by POST unless it is told to.
  const takingPosts: WorldOptions["provider"] = {
    ...provider,
    enableHttpPostMethods: true,
    cookies: { keys: [SESSION_SECRET], long: { sameSite: "none" } },
  };
  const postLogout = (): Promise<Page> =>
    w.browser.navigate(`${w.app.url}/logout`, {
      method: "POST",
      initiator: w.app.url,
    });

  // Shows: ASVS 4.2.5
  test("RPIL-06: goes to the provider by a form that posts", async () => {
    w = await world({ embedded: true, provider });
    const issued = keepTokens();
    await w.signIn();
    const page = await postLogout();
    expect(page.response.status).toBe(200);
    const [form, ...others] = formsIn(page.body);
    expect(others).toEqual([]);
    expect(form).toMatchObject({
      method: "POST",
      action: `${w.provider.url}/session/end`,
    });
    expect(Object.fromEntries(form?.fields ?? [])).toEqual({
      id_token_hint: issued.idToken(),
      post_logout_redirect_uri: `${w.app.url}/logged-out`,
      client_id: CLIENT_ID,
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(await statusOfMe()).toBe(401);
  });

  test("RPIL-06: is taken by the provider, and is in no address on the way home", async () => {
    w = await world({
      embedded: true,
      provider: takingPosts,
      signedInAs: "alice",
    });
    const there = await w.browser.submitForm(await postLogout());
    expect(w.provider.requests).toContain("POST /session/end");
    const home = await confirmAtProvider(there);
    expect(home.body).toBe("home");
    for (const { url } of [...there.chain, ...home.chain]) {
      expect(url).not.toContain("id_token_hint");
    }
  });

  // Shows: ASVS 3.4.3
  test("goes by itself: the page's one script submits the form, and its policy allows that script alone", async () => {
    w = await world({ embedded: true, provider, signedInAs: "alice" });
    const { response, body } = await postLogout();
    const scripts = [...body.matchAll(/<script>(.*?)<\/script>/gs)].map(
      ([, script = ""]) => script,
    );
    expect(scripts).toEqual(["document.forms[0].submit();"]);
    const hash = createHash("sha256").update(scripts.join()).digest("base64");
    const policy = (response.headers.get("content-security-policy") ?? "")
      .split("; ")
      .map((directive) => directive.split(" "));
    expect(policy).toContainEqual(["default-src", "'none'"]);
    expect(policy).toContainEqual(["script-src", `'sha256-${hash}'`]);
    // Browsers hold the redirects after a form against it, wherever they lead.
    expect(policy.map(([name]) => name)).not.toContain("form-action");
  });

  test("goes by a button where no script runs", async () => {
    w = await world({ embedded: true, provider, signedInAs: "alice" });
    const [form] = formsIn((await postLogout()).body);
    expect(form?.buttons).toMatchObject([{ label: "Continue" }]);
  });

  test("goes by itself in Chromium, from the button of our page to the provider", async () => {
    w = await world({ embedded: true, provider });
    const chromium = await launchChromium();
    try {
      const tab = await chromium.newPage();
      await tab.goto(`${w.app.url}/me`);
      await tab.getByRole("button", { name: "Alice" }).click();
      await tab.locator('button[value="allow"]').click();
      await tab.waitForURL(`${w.app.url}/me`);
      await tab.goto(`${w.app.url}/logout`);
      await tab.getByRole("button", { name: "Sign out" }).click();
      await tab.waitForURL(`${w.provider.url}/session/end`);
      expect(w.provider.requests).toContain("POST /session/end");
    } finally {
      await chromium.close();
    }
  });

  test("is left out of the address that a fetch gets", async () => {
    w = await world({ embedded: true, provider, signedInAs: "alice" });
    const answer = await fetchLogout();
    const { location } = (await answer.json()) as { location: string };
    const { origin, searchParams } = new URL(location);
    expect(origin).toBe(w.provider.url);
    expect(location.length).toBeLessThan(4000);
    expect([...searchParams.keys()].sort()).toEqual([
      "client_id",
      "post_logout_redirect_uri",
      "state",
    ]);
  });

  test("leaves the query of the provider's address in the address, and in the address alone", async () => {
    w = await world({ embedded: true, provider });
    const endpoint = `${w.provider.url}/session/end?tenant=a%20b`;
    await announce({ end_session_endpoint: endpoint });
    await w.signIn();
    const [form] = formsIn((await postLogout()).body);
    expect(form?.action).toBe(endpoint);
    expect(form?.fields.map(([name]) => name)).not.toContain("tenant");
  });
});

test("signing out without a login is no error", async () => {
  w = await world({ embedded: true });
  const answer = await pressLogout(createTestBrowser());
  expect(answer.status).toBe(303);
  expect(answer.headers.get("location")).toBe("/");
});

/** Answers "do you want to sign out at the provider as well?" with yes. */
function confirmAtProvider(
  page: Page,
  browser: TestBrowser = w.browser,
): Promise<Page> {
  return browser.submitForm(page, { logout: "yes" });
}

/** From now on the provider's metadata says this. */
async function announce(change: object): Promise<void> {
  const path = "/.well-known/openid-configuration";
  const metadata = (await (
    await fetch(w.provider.url + path)
  ).json()) as object;
  w.provider.intercept = (req, res) => {
    if (req.url !== path) return false;
    res.setHeader("Content-Type", "application/json");
    res.end(JSON.stringify({ ...metadata, ...change }));
    return true;
  };
}

/** Reads along what the provider's token endpoint answers from now on. */
function keepTokens(): Record<
  "idToken" | "accessToken" | "refreshToken",
  () => string
> {
  let answer: Record<string, unknown> = {};
  w.provider.intercept = (req, res) => {
    if (req.url === "/token") {
      const end = res.end.bind(res);
      res.end = ((chunk: unknown) => {
        answer = JSON.parse(String(chunk)) as typeof answer;
        return end(chunk);
      }) as typeof res.end;
    }
    return false;
  };
  const member = (name: string) => (): string => {
    const value = answer[name];
    if (typeof value !== "string") throw new Error(`there was no ${name}`);
    return value;
  };
  return {
    idToken: member("id_token"),
    accessToken: member("access_token"),
    refreshToken: member("refresh_token"),
  };
}

function userInfo(accessToken: string): Promise<Response> {
  return fetch(`${w.provider.url}/me`, {
    headers: { Authorization: `Bearer ${accessToken}` },
  });
}

function refresh(refreshToken: string): Promise<Response> {
  const credentials = [CLIENT_ID, CLIENT_SECRET].map(encodeURIComponent);
  return fetch(`${w.provider.url}/token`, {
    method: "POST",
    headers: {
      Authorization: `Basic ${Buffer.from(credentials.join(":")).toString("base64")}`,
    },
    body: new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
    }),
  });
}
