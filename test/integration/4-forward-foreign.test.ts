/** What other sites can make a browser send to `forward`: nothing that reaches the resource server. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { forwardWorld, type ForwardWorld } from "../support/forward-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: ForwardWorld;
beforeEach(async () => {
  w = await forwardWorld();
});
afterEach(() => w.close());

/** A request of a page of this origin, with the login's cookie even where SameSite would keep it back. */
async function from(
  initiator: string,
  init: {
    readonly method?: string;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly sendsFetchMetadata?: boolean;
  },
): Promise<Response> {
  const { sendsFetchMetadata = true, headers, ...request } = init;
  const cookie = await w.browser.jar.getCookieString(w.url);
  return createTestBrowser({ sendsFetchMetadata }).fetchJson(
    `${w.url}/api/orders`,
    { ...request, initiator, headers: { cookie, ...headers } },
  );
}

async function expectRefused(answer: Response): Promise<void> {
  expect(answer.status).toBe(403);
  expect(await answer.json()).toMatchObject({ code: "ERR_CROSS_SITE_REQUEST" });
  expectNoPermission(answer);
  expect(w.api.requests).toEqual([]);
  expect(w.refreshes()).toBe(0);
}

function expectNoPermission({ headers }: Response): void {
  const permissions = [...headers.keys()].filter((name) =>
    name.startsWith("access-control-"),
  );
  expect(permissions).toEqual([]);
}

test("the same request of our own page arrives", async () => {
  const answer = await from(w.url, { method: "POST" });
  expect(answer.status).toBe(200);
  expect(w.api.requests).toHaveLength(1);
});

// Shows: BFF-15, ASVS 3.5.2, 3.5.8
describe.each([
  ["with Fetch Metadata", true],
  ["without Fetch Metadata", false],
])("BFF-15, BFF-17: a browser %s", (_which, sendsFetchMetadata) => {
  test.each<[string, Parameters<typeof from>[1]]>([
    ["a POST without a body", { method: "POST" }],
    [
      "a POST of text/plain",
      {
        method: "POST",
        body: '{"item":"tea"}',
        headers: { "Content-Type": "text/plain" },
      },
    ],
    [
      "a POST of a form",
      {
        method: "POST",
        body: "item=tea",
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
      },
    ],
    [
      "a beacon",
      {
        method: "POST",
        body: "tea",
        headers: {
          "Content-Type": "text/plain;charset=UTF-8",
          ...(sendsFetchMetadata && { "Sec-Fetch-Mode": "no-cors" }),
        },
      },
    ],
    [
      "a sandboxed frame, Origin: null",
      { method: "POST", headers: { Origin: "null" } },
    ],
    ["a GET", { headers: { Origin: "https://evil.example" } }],
    ["a DELETE", { method: "DELETE" }],
  ])("%s of another site is refused", async (_what, init) => {
    await expectRefused(
      await from("https://evil.example/page", { sendsFetchMetadata, ...init }),
    );
  });

  test("BFF-16: SameSite alone is not trusted: a page of a sibling is refused", async () => {
    const sibling = new URL(w.url);
    sibling.port = "1";
    await expectRefused(
      await from(sibling.origin, { method: "POST", sendsFetchMetadata }),
    );
  });
});

// Shows: ASVS 3.5.2
test("BFF-17: without Fetch Metadata and Origin, the header x-csrf-protection decides, for GET too", async () => {
  const plain = { sendsFetchMetadata: false };
  await expectRefused(await from(w.url, plain));
  const answer = await from(w.url, {
    ...plain,
    headers: { "x-csrf-protection": "1" },
  });
  expect(answer.status).toBe(200);
  expect(w.api.requests[0]?.headers).not.toHaveProperty("x-csrf-protection");
});

// Shows: BFF-18, ASVS 3.4.2
describe("BFF-18: a preflight gets no permission", () => {
  test.each([
    ["of another site", () => "https://evil.example"],
    ["of a sandboxed frame", () => "null"],
    ["of our own origin, which needs none", () => w.url],
  ])("%s", async (_which, origin) => {
    const answer = await from("https://evil.example", {
      method: "OPTIONS",
      headers: {
        Origin: origin(),
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-csrf-protection",
        "Access-Control-Request-Private-Network": "true",
      },
    });
    expect(answer.status).toBe(405);
    expectNoPermission(answer);
    expect(w.api.requests).toEqual([]);
  });

  test("and an answer of the resource server's gives none either", async () => {
    w.api.answer = (_req, res) => {
      res.setHeader("Access-Control-Allow-Origin", w.url);
      res.setHeader("Access-Control-Allow-Credentials", "true");
      res.setHeader("Access-Control-Expose-Headers", "*");
      res.end("{}");
    };
    const answer = await from(w.url, {});
    expect(answer.status).toBe(200);
    expectNoPermission(answer);
  });
});

describe("BFF-22: methods", () => {
  // Shows: BFF-22
  test("only those that the route names", async () => {
    await w.close();
    w = await forwardWorld({ forward: { methods: ["GET"] } });
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "HEAD"]) {
      const answer = await w.fetch("/orders", { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe("GET");
    }
    expect(w.api.requests).toEqual([]);
    expect((await w.fetch("/orders")).status).toBe(200);
  });

  test("also one that is not among the usual ones", async () => {
    await w.close();
    w = await forwardWorld({ forward: { methods: ["REPORT"] } });
    const answer = await w.fetch("/orders", { method: "REPORT" });
    expect(answer.status).toBe(200);
    expect(w.api.requests[0]?.method).toBe("REPORT");
  });
});
