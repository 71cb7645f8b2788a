import { afterAll, afterEach, beforeEach, expect, test } from "@jest/globals";

import { beforeControl } from "../support/before-control.js";
import {
  createTestBrowser,
  type TestBrowser,
} from "../support/test-browser.js";
import {
  answerOf,
  closeRedis,
  isCallback,
  world,
  type World,
} from "../support/world.js";

let w: World;
beforeEach(async () => {
  w = await world();
});
afterEach(() => w.close());
afterAll(closeRedis);

/** The provider has one second for its answers, not five. */
async function giveOneSecond(): Promise<void> {
  await w.close();
  w = await world({ kit: { providerTimeoutSeconds: 1 } });
}

/** The provider's answer to a sign-in, not yet brought to the application. */
async function receiveAnswer(browser = w.browser): Promise<URL> {
  return answerOf(await w.signIn({ browser, stopBefore: isCallback }));
}

function altered(answer: URL, parameters: Record<string, string>): URL {
  const url = new URL(answer);
  for (const [name, value] of Object.entries(parameters)) {
    url.searchParams.set(name, value);
  }
  return url;
}

/** The page a browser gets, and that nobody is signed in by it. */
async function expectFailure(
  url: URL,
  expected: { status: number; code: string; tokenRequests?: number },
  browser: TestBrowser = w.browser,
): Promise<string> {
  const page = await browser.navigate(url);
  expect(page.body).toContain(expected.code);
  expect(page.response.status).toBe(expected.status);
  expect(page.response.headers.get("content-type")).toMatch("text/html");
  expect(w.provider.tokenRequests()).toBe(expected.tokenRequests ?? 0);
  const me = await browser.fetchJson(`${w.app.url}/me`);
  expect(me.status).toBe(401);
  return page.body;
}

// Shows: CORE-27
test("OA-07 a callback that is replayed makes no second token request", async () => {
  const answer = await receiveAnswer();
  const first = await w.browser.navigate(answer);
  expect(first.response.status).toBe(200);

  const replay = await w.browser.navigate(answer);

  // No second login either: the browser is led to the page.
  expect(replay.url).toBe(first.url);
  expect(replay.response.headers.getSetCookie()).toEqual([]);
  expect(w.provider.tokenRequests()).toBe(1);
});

// Shows: ERR_TRANSACTION_USED
test("OA-07 two copies of one callback at the same moment: one login, one token request", async () => {
  const answer = await receiveAnswer();
  const copies = [w.browser.clone(), w.browser.clone()];
  let logins = 0;
  w.app.kit.events.on("login.succeeded", () => (logins += 1));

  const pages = await Promise.all(copies.map((copy) => copy.navigate(answer)));

  expect(pages.map((page) => page.response.status)).toEqual([200, 200]);
  expect([logins, w.provider.tokenRequests()]).toEqual([1, 1]);
});

test("OA-18 a callback replayed in another browser after it was used signs nobody in", async () => {
  const answer = await receiveAnswer();
  await w.browser.navigate(answer);
  const other = createTestBrowser();

  await expectFailure(
    answer,
    { status: 400, code: "ERR_TRANSACTION_NOT_FOUND", tokenRequests: 1 },
    other,
  );
});

// Shows: OA-07
test("fapi2 ensure-authorization-response-with-invalid-state-fails: state altered", async () => {
  const answer = await receiveAnswer();
  const state = answer.searchParams.get("state") ?? "";
  await expectFailure(altered(answer, { state: `${state}1` }), {
    status: 400,
    code: "ERR_TRANSACTION_NOT_FOUND",
  });
});

// Shows: CORE-03, OA-18, BCP-04, F2-11, F2-14, ASVS 10.2.1
test("BCP-02 state of another browser (login CSRF): its code is not redeemed", async () => {
  const attacker = createTestBrowser();
  const answer = await receiveAnswer(attacker);
  // The victim has a login of its own in progress.
  await w.browser.request(`${w.app.url}/login`);

  await expectFailure(answer, {
    status: 400,
    code: "ERR_TRANSACTION_NOT_FOUND",
  });
  // And the attempt used nothing up.
  const page = await attacker.navigate(answer);
  expect(page.response.status).toBe(200);
});

// Shows: CORE-53, BCP-04, BCP-16, ERR_TOKEN_REQUEST_REJECTED, ASVS 10.2.1
test("BCP-14 a code of another login does not fit to this one (PKCE)", async () => {
  const attacker = createTestBrowser();
  const stolen = await receiveAnswer(attacker);
  const own = await receiveAnswer();

  await expectFailure(
    altered(own, { code: stolen.searchParams.get("code") ?? "" }),
    { status: 502, code: "ERR_TOKEN_REQUEST_REJECTED", tokenRequests: 1 },
  );
});

// Shows: ERR_TRANSACTION_NOT_FOUND
test("ASVS 10.1.2 no cookie: the answer came to a browser that did not ask", async () => {
  const answer = await receiveAnswer();
  await expectFailure(
    answer,
    { status: 400, code: "ERR_TRANSACTION_NOT_FOUND" },
    createTestBrowser(),
  );
});

test("ASVS 15.3.3 code[]= is no code", async () => {
  const answer = await receiveAnswer();
  const url = new URL(answer);
  url.searchParams.delete("code");
  url.searchParams.set("code[]", answer.searchParams.get("code") ?? "");
  await expectFailure(url, { status: 400, code: "ERR_CALLBACK_MALFORMED" });
});

// Shows: ASVS 15.3.7
test("OA-02 two states", async () => {
  const answer = await receiveAnswer();
  answer.searchParams.append("state", "another");
  await expectFailure(answer, { status: 400, code: "ERR_CALLBACK_MALFORMED" });
});

test("OA-02 two codes", async () => {
  const answer = await receiveAnswer();
  answer.searchParams.append("code", "another");
  await expectFailure(answer, { status: 400, code: "ERR_CALLBACK_MALFORMED" });
});

// Shows: ERR_CALLBACK_MALFORMED
test.each(["", "?", "?code=x", "?state=x", "?state=&code=x", "?state=x&code="])(
  "CORE-10 a callback with %p is malformed",
  async (query) => {
    await expectFailure(new URL(`${w.app.url}/callback${query}`), {
      status: 400,
      code: "ERR_CALLBACK_MALFORMED",
    });
  },
);

// Shows: ERR_ACCESS_DENIED
test("CORE-09 error=access_denied: the user pressed Cancel", async () => {
  let page = await w.browser.navigate(`${w.app.url}/page/one`);
  page = await w.browser.submitForm(page, {}, { button: "alice" });
  page = await w.browser.submitForm(page, {}, { button: "cancel" });

  expect(page.response.status).toBe(403);
  expect(page.body).toContain("ERR_ACCESS_DENIED");
  // "Sign in again" leads to where the user wanted to go.
  expect(page.body).toContain('href="/login?return_to=%2Fpage%2Fone"');
  expect(w.provider.tokenRequests()).toBe(0);
});

// Shows: BCP-15
test("OA-08 error=access_denied with a foreign state tells nothing about a login", async () => {
  await expectFailure(
    new URL(`${w.app.url}/callback?error=access_denied&state=foreign`),
    { status: 400, code: "ERR_TRANSACTION_NOT_FOUND" },
  );
});

// Shows: ERR_AUTHORIZATION_FAILED
test("CORE-09 error=login_required is answered as such", async () => {
  const answer = await receiveAnswer();
  answer.searchParams.delete("code");
  const body = await expectFailure(
    altered(answer, { error: "login_required" }),
    {
      status: 400,
      code: "ERR_AUTHORIZATION_FAILED",
    },
  );
  expect(body).toContain("login_required");
});

// Shows: OA-08, ASVS 16.5.1
test("OA-20 error and error_description cannot put markup on the page", async () => {
  const answer = await receiveAnswer();
  answer.searchParams.delete("code");
  const body = await expectFailure(
    altered(answer, {
      error: "<script>alert(1)</script>",
      error_description: "<img src=x onerror=alert(2)> call 0800",
    }),
    { status: 400, code: "ERR_AUTHORIZATION_FAILED" },
  );
  expect(body).not.toContain("<script");
  expect(body).not.toContain("<img");
  // Developers see it, as text, where there are no users.
  const shownToAll = body.replace(/<details open>.*<\/details>/s, "");
  expect(shownToAll).not.toContain("0800");
});

// Shows: BCP-03, F2-15, ERR_ISSUER_MISMATCH, ASVS 10.2.2
test("ISS-01, ISS-02 invalid-authorization-response-iss: iss of another provider", async () => {
  const answer = await receiveAnswer();
  await expectFailure(altered(answer, { iss: `${w.provider.url}1` }), {
    status: 400,
    code: "ERR_ISSUER_MISMATCH",
  });
});

test("ISS-02 an error answer with another iss is not attributed to our provider", async () => {
  const answer = await receiveAnswer();
  answer.searchParams.delete("code");
  await expectFailure(
    altered(answer, { error: "access_denied", iss: "https://evil.example" }),
    { status: 400, code: "ERR_ISSUER_MISMATCH" },
  );
});

test("ISS-03 remove-authorization-response-iss: no iss although the provider promises it", async () => {
  const answer = await receiveAnswer();
  answer.searchParams.delete("iss");
  await expectFailure(answer, { status: 400, code: "ERR_ISSUER_MISMATCH" });
});

test("BCP-12 state is used up by the first answer, also by one that fails", async () => {
  const answer = await receiveAnswer();
  await w.browser.navigate(altered(answer, { iss: "https://evil.example" }));

  await expectFailure(answer, {
    status: 400,
    code: "ERR_TRANSACTION_NOT_FOUND",
  });
});

test("CORE-15 the token endpoint answers 500: 503 with Retry-After, one token request", async () => {
  const answer = await receiveAnswer();
  w.provider.intercept = (req, res) => {
    if (req.url !== "/token") return false;
    res.statusCode = 500;
    res.end("<h1>oops</h1>");
    return true;
  };
  await expectFailure(answer, {
    status: 503,
    code: "ERR_PROVIDER_UNAVAILABLE",
    tokenRequests: 1,
  });
});

test("ASVS 13.1.3 the token endpoint never answers: 503 in time, one token request", async () => {
  await giveOneSecond();
  const answer = await receiveAnswer();
  w.provider.intercept = (req) => req.url === "/token";
  // Without a limit of its own, fetch waits for 300.
  await beforeControl(
    30_000,
    expectFailure(answer, {
      status: 503,
      code: "ERR_PROVIDER_UNAVAILABLE",
      tokenRequests: 1,
    }),
  );
});

// Shows: DISC-11
test("ASVS 13.1.3 the token endpoint answers drop by drop: 503 in time", async () => {
  await giveOneSecond();
  const answer = await receiveAnswer();
  w.provider.intercept = (req, res) => {
    if (req.url !== "/token") return false;
    res.setHeader("Content-Type", "application/json");
    const drops = setInterval(() => res.write(" "), 50);
    res.on("close", () => {
      clearInterval(drops);
    });
    return true;
  };
  await expectFailure(answer, {
    status: 503,
    code: "ERR_PROVIDER_UNAVAILABLE",
    tokenRequests: 1,
  });
});

test("DISC-11 the token endpoint answers without end: refused, and nothing is signed in", async () => {
  const answer = await receiveAnswer();
  w.provider.intercept = (req, res) => {
    if (req.url !== "/token") return false;
    res.setHeader("Content-Type", "application/json");
    res.write(`{"access_token":"${"x".repeat(2 * 1024 * 1024)}`);
    return true;
  };
  await expectFailure(answer, {
    status: 503,
    code: "ERR_PROVIDER_UNAVAILABLE",
    tokenRequests: 1,
  });
});

// Shows: CORE-15, OA-12, ERR_CLIENT_AUTHENTICATION
test("CORE-12 invalid_client names the remedy", async () => {
  const answer = await receiveAnswer();
  w.provider.intercept = (req, res) => {
    if (req.url !== "/token") return false;
    res.writeHead(401, { "Content-Type": "application/json" });
    res.end('{"error":"invalid_client"}');
    return true;
  };
  const body = await expectFailure(answer, {
    status: 502,
    code: "ERR_CLIENT_AUTHENTICATION",
    tokenRequests: 1,
  });
  expect(body).toContain("client_secret_post");
});

// Shows: OA-04, OA-19, BCP-21, ASVS 3.4.3, 3.4.4, 3.4.5, 3.4.6
test("BCP-12 the error page loads nothing, is not stored, framed or referred from", async () => {
  const page = await w.browser.navigate(`${w.app.url}/callback`);
  const { headers } = page.response;
  expect(headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  );
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

test("ASVS 3.4.8, 4.1.1 the error page says what it is, and shares its window with nobody", async () => {
  const page = await w.browser.navigate(`${w.app.url}/callback`);
  const { headers } = page.response;
  expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(headers.get("x-frame-options")).toBe("DENY");
});

test("RFC 9457 a callback that is not a page load gets problem+json", async () => {
  const answer = await w.browser.fetchJson(
    `${w.app.url}/callback?error=x&state=y`,
  );
  expect(answer.status).toBe(400);
  expect(answer.headers.get("content-type")).toMatch(
    "application/problem+json",
  );
  expect(await answer.json()).toMatchObject({
    status: 400,
    code: "ERR_TRANSACTION_NOT_FOUND",
    login_url: "/login",
  });
});
