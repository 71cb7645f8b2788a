/** What `forward` makes of a resource server that wants a stronger login. */
import { afterEach, describe, expect, test } from "@jest/globals";

import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { refuse, tokenOf } from "../support/refused-token.js";

let w: ForwardWorld;
afterEach(() => w.close());

async function start(): Promise<void> {
  w = await forwardWorld();
}

describe("SU-01, RFC 9470 3: insufficient_user_authentication", () => {
  const STEP_UP =
    'Bearer error="insufficient_user_authentication", error_description="more", acr_values="gold silver", max_age="5"';

  // Shows: SU-01
  test("401 with a login_url that asks for what is missing and returns to the page", async () => {
    await start();
    w.api.answer = (_req, res) => {
      refuse(res, STEP_UP);
    };
    const answer = await w.fetch("/orders", {
      headers: { Referer: `${w.url}/page/cart?x=1` },
    });
    expect(answer.status).toBe(401);
    const problem = (await answer.json()) as Record<string, string>;
    expect(problem["code"]).toBe("ERR_STRONGER_LOGIN_REQUIRED");
    const login = new URL(String(problem["login_url"]), w.url);
    expect(login.pathname).toBe("/login");
    expect(Object.fromEntries(login.searchParams)).toEqual({
      return_to: "/page/cart?x=1",
      acr_values: "gold silver",
      max_age: "5",
    });
    expect(w.api.requests).toHaveLength(1);
    expect(w.refreshes()).toBe(0);
  });

  test("SU-02: the login that login_url starts asks the provider for it, and the request then succeeds", async () => {
    await start();
    const before = { token: "" };
    w.api.answer = (req, res) => {
      before.token ||= tokenOf(req);
      if (tokenOf(req) === before.token) refuse(res, STEP_UP);
      else res.end("{}");
    };
    const refused = await w.fetch("/orders", {
      headers: { Referer: `${w.url}/me` },
    });
    const { login_url: loginUrl } = (await refused.json()) as {
      login_url: string;
    };
    const redirect = await w.browser.request(w.url + loginUrl);
    const asked = new URL(String(redirect.headers.get("location")));
    expect(asked.searchParams.get("max_age")).toBe("5");
    expect(asked.searchParams.toString()).toContain("gold");
    const page = await w.browser.navigate(w.url + loginUrl);
    expect(page.url).toBe(`${w.url}/me`);
    expect((await w.fetch("/orders")).status).toBe(200);
  });

  test("SU-02: a form that a page has sent is sent again as it was, and counts once", async () => {
    await start();
    const form = new URLSearchParams({ amount: "5", to: "b & b" });
    const before = { token: "" };
    w.api.answer = (req, res) => {
      before.token ||= tokenOf(req);
      if (tokenOf(req) === before.token) refuse(res, STEP_UP);
      else res.writeHead(201).end("{}");
    };
    const send = () =>
      w.fetch("/orders", {
        method: "POST",
        body: form,
        headers: { Referer: `${w.url}/me` },
      });
    const refused = await send();
    expect(refused.status).toBe(401);
    const { login_url: loginUrl } = (await refused.json()) as {
      login_url: string;
    };
    await w.browser.navigate(w.url + loginUrl);
    expect((await send()).status).toBe(201);
    // The refused one was not repeated behind the page's back.
    expect(w.api.requests.map(({ body }) => body)).toEqual([
      form.toString(),
      form.toString(),
    ]);
  });

  test("SU-03: a resource server that is never satisfied is asked once by each request", async () => {
    await start();
    w.api.answer = (_req, res) => {
      refuse(res, STEP_UP);
    };
    for (let round = 1; round <= 3; round++) {
      expect((await w.fetch("/orders")).status).toBe(401);
      expect(w.api.requests).toHaveLength(round);
    }
    expect(w.refreshes()).toBe(0);
  });

  test.each([
    ["of another site", "https://evil.example/page"],
    ["that begins like ours", "{url}.evil.example/page"],
    ["with two slashes", "{url}//evil.example"],
    ["that is no URL", "javascript:alert(1)"],
  ])("a Referer %s is nothing to return to", async (_which, referer) => {
    await start();
    w.api.answer = (_req, res) => {
      refuse(res, STEP_UP);
    };
    const answer = await w.fetch("/orders", {
      headers: { Referer: referer.replace("{url}", w.url) },
    });
    const { login_url: loginUrl } = (await answer.json()) as {
      login_url: string;
    };
    expect(loginUrl).toBe("/login?acr_values=gold+silver&max_age=5");
  });

  test("only max_age, or only acr_values", async () => {
    await start();
    const loginUrls: unknown[] = [];
    for (const what of ["max_age=0", 'acr_values="gold"', 'scope="x"']) {
      w.api.answer = (_req, res) => {
        refuse(res, `Bearer error=insufficient_user_authentication, ${what}`);
      };
      const answer = await w.fetch("/orders");
      loginUrls.push(
        ((await answer.json()) as Record<string, unknown>)["login_url"],
      );
    }
    expect(loginUrls).toEqual([
      "/login?max_age=0",
      "/login?acr_values=gold",
      "/login",
    ]);
  });
});

// Shows: SU-02
describe("SU-02: a hostile challenge breaks nothing", () => {
  const stepUp = 'Bearer error="insufficient_user_authentication"';
  test.each([
    ["quotes in a value", `${stepUp}, acr_values="a\\"b\\" c"`],
    ["markup", `${stepUp}, acr_values="<script>alert(1)</script>"`],
    ["a parameter in a value", `${stepUp}, acr_values="&return_to=//evil"`],
    ["a parameter of ours", `${stepUp}, return_to="https://evil.example"`],
    ["a negative max_age", `${stepUp}, max_age="-1"`],
    ["a max_age with an exponent", `${stepUp}, max_age="1e9"`],
    ["an endless max_age", `${stepUp}, max_age="${"9".repeat(100)}"`],
    ["a max_age of two", `${stepUp}, max_age="5 or 1"`],
    ["a parameter twice", `${stepUp}, acr_values=a, acr_values=b`],
    ["900 values", `${stepUp}, acr_values="${"a ".repeat(900)}"`],
    ["one long value", `${stepUp}, acr_values="${"a".repeat(1900)}"`],
    ["a value of 10 kB", `${stepUp}, acr_values="${"a".repeat(10_000)}"`],
    ["an error of 10 kB", `Bearer error="${"x".repeat(10_000)}"`],
    ["error= 300 times", `Bearer ${"error=".repeat(300)}`],
    ["one name of 2,000 letters", `Bearer ${"a".repeat(2000)}`],
    ["1,000 equals signs", `Bearer ${"a=".repeat(1000)}`],
    ["2,000 commas", ",".repeat(2000)],
    ["2,000 spaces", `Bearer${" ".repeat(2000)}x`],
    ["a quote that does not end", 'Bearer error="invalid_token'],
    ["no value", "Bearer error="],
    ["two equals signs", "Bearer error=="],
    ["only the scheme", "Bearer"],
    ["nothing", ""],
    ["an error that every object has", 'Bearer error="__proto__"'],
    [
      "letters beyond ASCII",
      'Bearer error="insufficient_scope", scope="\u00e4\u00ff"',
    ],
    [
      "a control character",
      'Bearer error="insufficient_scope", scope="\u0007"',
    ],
    [
      "the end of a script",
      'Bearer error="insufficient_scope", scope="</script>"',
    ],
    [
      "members of our answer",
      'Bearer error="insufficient_scope", code="ERR_CONFIG", status="200"',
    ],
  ])("%s", async (_which, challenge) => {
    await start();
    w.api.answer = (_req, res) => {
      // By hand: Node would refuse to send some of them.
      res.socket?.end(
        Buffer.from(
          `HTTP/1.1 401 X\r\nWWW-Authenticate: ${challenge}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`,
          "latin1",
        ),
      );
    };
    const answer = await w.fetch("/orders");
    expect([401, 403, 502]).toContain(answer.status);
    const text = await answer.text();
    if (text !== "no") {
      const problem = JSON.parse(text) as {
        code: string;
        status: number;
        login_url?: string;
      };
      expect(problem.code).toMatch(
        /^ERR_(?:STRONGER_LOGIN_REQUIRED|INSUFFICIENT_SCOPE|ACCESS_TOKEN_REJECTED|RESOURCE_UNAVAILABLE)$/,
      );
      expect(problem.status).toBe(answer.status);
      if (problem.login_url !== undefined) {
        await expectUsable(problem.login_url);
      }
    }
    // The next request is served.
    w.api.answer = undefined;
    expect((await w.fetch("/orders")).status).toBe(200);
  });

  /** The page sends the browser there: it has to be our login address, and has to work. */
  async function expectUsable(loginUrl: string): Promise<void> {
    expect(loginUrl.length).toBeLessThan(4096);
    const url = new URL(loginUrl, w.url);
    expect(url.origin + url.pathname).toBe(`${w.url}/login`);
    expect(url.searchParams.get("return_to")).toBeNull();
    const redirect = await w.browser.request(url);
    expect(redirect.status).toBe(303);
    expect(redirect.headers.get("location")).toContain(
      `${w.provider.issuer}/authorize?`,
    );
  }
});
