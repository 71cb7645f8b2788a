/** What `forward` makes of a resource server that refuses the token. */
import { afterEach, describe, expect, test } from "@jest/globals";

import { beforeControl } from "../support/before-control.js";
import {
  forwardWorld,
  type ForwardWorld,
  type ForwardWorldOptions,
  type ServerSideBody,
} from "../support/forward-world.js";
import { rawExchange } from "../support/raw-exchange.js";
import { refuse, tokenOf } from "../support/refused-token.js";
import { until } from "../support/until.js";

const INVALID_TOKEN = 'Bearer realm="orders", error="invalid_token"';

let w: ForwardWorld;
afterEach(() => w.close());

async function start(options?: ForwardWorldOptions): Promise<void> {
  w = await forwardWorld(options);
}

/** Refuses the first token that it sees, or all that are on the list, and takes every other. */
function refuseFirstToken(): { readonly refused: Set<string> } {
  const refused = new Set<string>();
  w.api.answer = (req, res) => {
    const token = tokenOf(req);
    if (refused.size === 0) refused.add(token);
    if (refused.has(token)) refuse(res, INVALID_TOKEN);
    else res.end(token);
  };
  return { refused };
}

// Shows: BT-04
describe("BT-04, BT-05: 401 invalid_token", () => {
  // Shows: BT-05
  test("one refresh, one more request with the new token, and its answer", async () => {
    await start();
    refuseFirstToken();
    const answer = await w.fetch("/orders?x=1", {
      headers: { "X-Request-Id": "42", "Accept-Language": "de" },
    });
    expect(answer.status).toBe(200);
    expect(w.refreshes()).toBe(1);
    const [first, second] = w.api.requests;
    expect(w.api.requests).toHaveLength(2);
    expect(second?.headers.authorization).not.toBe(
      first?.headers.authorization,
    );
    expect(await answer.text()).toBe(second?.headers.authorization);
    expect({ ...second, headers: { ...second?.headers } }).toEqual({
      ...first,
      headers: {
        ...first?.headers,
        authorization: second?.headers.authorization,
      },
    });
  });

  test("the next request uses the new token at once", async () => {
    await start();
    refuseFirstToken();
    await w.fetch("/orders");
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(200);
    expect(w.api.requests).toHaveLength(3);
    expect(w.refreshes()).toBe(1);
  });

  test.each([
    ["POST", "tea"],
    ["PUT", "x".repeat(64 * 1024)],
    ["PATCH", ""],
    ["DELETE", undefined],
  ])(
    "%s: a body of up to 64 KiB is sent again as it was",
    async (method, body) => {
      await start();
      refuseFirstToken();
      const answer = await w.fetch("/orders", {
        method,
        body,
        headers: { "Content-Type": "text/x-tea" },
      });
      expect(answer.status).toBe(200);
      expect(w.api.requests.map((request) => request.body)).toEqual([
        body ?? "",
        body ?? "",
      ]);
      expect(w.api.requests[1]?.headers["content-type"]).toBe(
        w.api.requests[0]?.headers["content-type"],
      );
    },
  );

  test("a larger body is gone: 401, and the next request succeeds, because the token is refreshed by then", async () => {
    await start();
    refuseFirstToken();
    const body = "x".repeat(64 * 1024 + 1);
    const answer = await w.fetch("/orders", { method: "POST", body });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      code: "ERR_ACCESS_TOKEN_REJECTED",
      login_url: "/login",
    });
    expect(w.api.requests).toHaveLength(1);
    expect(w.api.requests[0]?.body).toBe(body);

    const next = await w.fetch("/orders", { method: "POST", body });
    expect(next.status).toBe(200);
    expect(w.refreshes()).toBe(1);
  });

  test("a body of unknown length is not sent again", async () => {
    await start();
    refuseFirstToken();
    const cookie = await w.browser.jar.getCookieString(w.url);
    const { statuses } = await rawExchange(
      w.url,
      `POST /api/orders HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntea\r\n0\r\n\r\n`,
    );
    expect(statuses).toEqual([401]);
    expect(w.api.requests.map((request) => request.body)).toEqual(["tea"]);
  });

  // Shows: BT-05, ERR_ACCESS_TOKEN_REJECTED
  test("the new token is refused too: 401 ERR_ACCESS_TOKEN_REJECTED after two requests", async () => {
    await start();
    w.api.answer = (_req, res) => {
      refuse(res, INVALID_TOKEN);
    };
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      code: "ERR_ACCESS_TOKEN_REJECTED",
    });
    expect(w.api.requests).toHaveLength(2);
    expect(w.refreshes()).toBe(1);
  });

  // Shows: ASVS 13.2.6
  test("a resource server that refuses every token makes us ask the provider once, not 20 times", async () => {
    await start();
    w.api.answer = (_req, res) => {
      refuse(res, INVALID_TOKEN);
    };
    for (let round = 0; round < 20; round++) {
      const answer = await w.fetch("/orders");
      expect(answer.status).toBe(401);
      await answer.body?.cancel();
    }
    expect(w.refreshes()).toBe(1);
    expect(await w.statusFor(w.browser)).toBe(200);
  });

  test("20 requests at once that are all refused share one refresh, and all succeed", async () => {
    await start();
    await w.fetch("/orders");
    const revoked = tokenOf(w.api.requests[0] as never);
    const waiting: (() => void)[] = [];
    w.api.answer = (req, res) => {
      if (tokenOf(req) !== revoked) {
        res.end("{}");
        return;
      }
      waiting.push(() => {
        refuse(res, INVALID_TOKEN);
      });
      if (waiting.length === 20) for (const go of waiting) go();
    };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => w.fetch("/orders")),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(w.refreshes()).toBe(1);
  });

  test("a request that is refused later, with the token from before, gets the new one without another refresh", async () => {
    await start();
    await w.fetch("/orders");
    const revoked = tokenOf(w.api.requests[0] as never);
    let late: (() => void) | undefined;
    w.api.answer = (req, res) => {
      const isLate = req.url === "/v1/late" && late === undefined;
      if (isLate)
        late = () => {
          refuse(res, INVALID_TOKEN);
        };
      else if (tokenOf(req) === revoked) refuse(res, INVALID_TOKEN);
      else res.end("{}");
    };
    const lateAnswer = w.fetch("/late");
    await until("it has come", () => late !== undefined);
    expect((await w.fetch("/orders")).status).toBe(200);
    late?.();
    expect((await lateAnswer).status).toBe(200);
    expect(w.refreshes()).toBe(1);
  });

  test("the provider refuses the refresh: 401 ERR_REFRESH_REJECTED, and the login is over", async () => {
    await start();
    refuseFirstToken();
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path !== "/token") next();
        else res.status(400).json({ error: "invalid_grant" });
      },
    };
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: "ERR_REFRESH_REJECTED" });
    expect(w.api.requests).toHaveLength(1);
    expect(await w.statusFor(w.browser)).toBe(401);
  });

  test("the provider is unwell: 503, and the login lives", async () => {
    await start();
    refuseFirstToken();
    w.provider.misbehave = {
      intercept(req, res, next) {
        if (req.path !== "/token") next();
        else res.status(503).end();
      },
    };
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: "ERR_PROVIDER_UNAVAILABLE",
    });
    expect(await w.statusFor(w.browser)).toBe(200);
  });

  test("without a refresh token: 401 ERR_ACCESS_TOKEN_REJECTED, and the login lives", async () => {
    await start();
    w.provider.misbehave = {
      tokenResponse: ({ refresh_token: _removed, ...rest }) => rest,
    };
    const bob = await w.signIn("bob");
    refuseFirstToken();
    const answer = await bob.fetchJson(`${w.url}/api/orders`);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      code: "ERR_ACCESS_TOKEN_REJECTED",
      login_url: "/login",
    });
    expect(w.api.requests).toHaveLength(1);
    expect(await w.statusFor(bob)).toBe(200);
  });

  test("a refusal whose body never ends is not waited for", async () => {
    await start({ server: { timeoutSeconds: 1 } });
    let refusals = 0;
    w.api.answer = (_req, res) => {
      refusals += 1;
      if (refusals > 1) {
        res.end("{}");
        return;
      }
      res.writeHead(401, { "WWW-Authenticate": INVALID_TOKEN });
      res.write("no, because");
    };
    const answer = await beforeControl(20_000, w.fetch("/orders"));
    expect([200, 504]).toContain(answer.status);
  });

  test("a refusal with a body of 10 MB does not take the connection away from others", async () => {
    await start({ server: { maxConnections: 1 } });
    let refusals = 0;
    w.api.answer = (_req, res) => {
      refusals += 1;
      if (refusals > 1) {
        res.end("{}");
        return;
      }
      res.writeHead(401, { "WWW-Authenticate": INVALID_TOKEN });
      res.end("x".repeat(10_000_000));
    };
    expect((await w.fetch("/orders")).status).toBe(200);
    expect((await w.fetch("/orders")).status).toBe(200);
  });
});

describe("other refusals", () => {
  const WORDLESS: [string, string | undefined][] = [
    ["without a challenge", undefined],
    ["with a challenge of another scheme", 'Basic realm="orders"'],
    ["with Bearer alone", "Bearer"],
    ["with a bearer challenge that names no error", 'Bearer realm="orders"'],
    ["invalid_request", 'Bearer error="invalid_request"'],
  ];
  const refuseWith = (
    challenge: string | undefined,
    isGood: (token: string) => boolean,
  ): void => {
    w.api.answer = (req, res) => {
      if (isGood(tokenOf(req))) {
        res.end("good");
        return;
      }
      if (challenge !== undefined) res.setHeader("WWW-Authenticate", challenge);
      res.writeHead(401, { "Content-Type": "text/plain" }).end("not you");
    };
  };

  test.each(WORDLESS)(
    "BT-04: a dead token that is refused by a 401 %s is replaced once",
    async (_which, challenge) => {
      await start();
      let dead: string | undefined;
      refuseWith(challenge, (token) => token !== (dead ??= token));
      const answer = await w.fetch("/orders", { method: "POST", body: "tea" });
      expect(await answer.text()).toBe("good");
      expect(w.refreshes()).toBe(1);
      expect(w.api.requests.map(({ body }) => body)).toEqual(["tea", "tea"]);
    },
  );

  test.each(WORDLESS)(
    "BT-04: a 401 %s to every token is passed on, with one new token in 30 seconds",
    async (_which, challenge) => {
      await start();
      refuseWith(challenge, () => false);
      for (let round = 0; round < 3; round++) {
        const answer = await w.fetch("/orders");
        expect(answer.status).toBe(401);
        expect(await answer.text()).toBe("not you");
        // It would make the browser ask for a password.
        expect(answer.headers.get("www-authenticate")).toBeNull();
      }
      expect(w.refreshes()).toBe(1);
      expect(w.api.requests).toHaveLength(4);
    },
  );

  test("a 401 about the user asks for no token", async () => {
    await start();
    refuseWith('Bearer error="insufficient_user_authentication"', () => false);
    expect((await w.fetch("/orders")).status).toBe(401);
    expect(w.refreshes()).toBe(0);
  });

  test("a 200, 400 or 500 that says invalid_token asks for no token", async () => {
    await start();
    for (const status of [400, 200, 500]) {
      w.api.answer = (_req, res) => {
        refuse(res, INVALID_TOKEN, status);
      };
      const answer = await w.fetch("/orders");
      expect(answer.status).toBe(status);
      expect(await answer.text()).toBe("no");
    }
    expect(w.refreshes()).toBe(0);
  });

  // Shows: ERR_INSUFFICIENT_SCOPE
  test("BT-04: insufficient_scope: 403 ERR_INSUFFICIENT_SCOPE that names the scope", async () => {
    await start();
    w.api.answer = (_req, res) => {
      refuse(
        res,
        'Bearer error="insufficient_scope", scope="orders:write orders:read"',
        403,
      );
    };
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(403);
    const problem = (await answer.json()) as Record<string, unknown>;
    expect(problem).toMatchObject({
      code: "ERR_INSUFFICIENT_SCOPE",
      scope: "orders:write orders:read",
    });
    expect(w.refreshes()).toBe(0);
    expect(w.api.requests).toHaveLength(1);
  });

  test("a 403 without a challenge is passed on", async () => {
    await start();
    w.api.answer = (_req, res) => {
      res.writeHead(403, { "Content-Type": "text/plain" }).end("forbidden");
    };
    const answer = await w.fetch("/orders");
    expect(answer.status).toBe(403);
    expect(await answer.text()).toBe("forbidden");
  });
});

describe("loginOf(req).fetch", () => {
  const post = (query = "") =>
    w.browser.fetchJson(`${w.url}/server-side${query}`, { method: "POST" });
  const postBody = (body: ServerSideBody) =>
    post(`?body=${encodeURIComponent(body)}`);

  test("BT-05: 401 invalid_token: one refresh, and the request once more with its body", async () => {
    await start();
    refuseFirstToken();
    const answer = await post();
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(w.api.requests[1]?.headers.authorization);
    expect(w.api.requests.map(({ body }) => body)).toEqual(["tea", "tea"]);
    expect(w.refreshes()).toBe(1);
  });

  test("a second refusal is the answer", async () => {
    await start();
    w.api.answer = (_req, res) => {
      refuse(res, INVALID_TOKEN);
    };
    expect((await post()).status).toBe(401);
    expect(w.api.requests).toHaveLength(2);
    // And now without another refresh, for a while.
    const again = await post();
    expect(again.status).toBe(401);
    expect(await again.text()).toBe("no");
    expect(w.api.requests).toHaveLength(3);
    expect(w.refreshes()).toBe(1);
  });

  test.each<ServerSideBody>([
    "text",
    "an ArrayBuffer",
    "bytes",
    "a Blob",
    "a query",
    "a form",
  ])("RFC 6750 3.1: a body that is %s is sent again, whole", async (body) => {
    await start();
    refuseFirstToken();
    expect((await postBody(body)).status).toBe(200);
    expect(w.api.requests).toHaveLength(2);
    for (const request of w.api.requests) expect(request.body).toMatch("tea");
  });

  test.each<ServerSideBody>(["a stream", "a generator", "a Node stream"])(
    "a body that is %s is sent once: a second time it would be empty",
    async (body) => {
      await start();
      refuseFirstToken();
      const answer = await postBody(body);
      expect(answer.status).toBe(401);
      expect(await answer.text()).toBe("no");
      expect(w.api.requests.map((request) => request.body)).toEqual(["tea"]);
      expect(w.refreshes()).toBe(0);
    },
  );

  test("a 401 without a challenge is the answer when a new token does not help", async () => {
    await start();
    w.api.answer = (_req, res) => {
      res.writeHead(401).end("not you");
    };
    for (let round = 0; round < 3; round++) {
      expect(await (await post()).text()).toBe("not you");
    }
    expect(w.refreshes()).toBe(1);
    expect(w.api.requests).toHaveLength(4);
  });

  test("BT-05: what forward learned serves fetch too, and the other way round", async () => {
    await start();
    refuseFirstToken();
    expect((await w.fetch("/orders")).status).toBe(200);
    expect((await post()).status).toBe(200);
    expect(w.api.requests).toHaveLength(3);
    expect(w.refreshes()).toBe(1);
  });
});
