/** Whatever a login is told, it ends on the application, or does not begin. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { rawExchange } from "../support/raw-exchange.js";
import { filled, sent, staysAt } from "../support/redirects.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../support/test-browser.js";
import { type RedirectPayload, redirectPayloads } from "./redirect-corpus.js";

/** An endpoint that is told where the browser goes after the login. */
interface Target {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** What says where to go. */
  readonly parameter: string;
  /** What a right request has besides. */
  readonly others: () => Readonly<Record<string, string>>;
  /** What stands before each value: the application's origin, or nothing. */
  readonly before: "" | "{app}";
  /** What the endpoint takes behind that: paths, or addresses of the application. */
  readonly takes: "paths" | "addresses";
}

const thirdParty = {
  path: "/initiate-login",
  parameter: "target_link_uri",
  others: () => ({ iss: w.provider.issuer, login_hint: "alice" }),
};

const TARGETS: readonly Target[] = [
  {
    name: "return_to of /login",
    method: "GET",
    path: "/login",
    parameter: "return_to",
    others: () => ({ login_hint: "alice" }),
    before: "",
    takes: "paths",
  },
  {
    name: "target_link_uri of GET /initiate-login",
    method: "GET",
    ...thirdParty,
    before: "",
    takes: "addresses",
  },
  {
    name: "target_link_uri of GET /initiate-login, behind our own origin",
    method: "GET",
    ...thirdParty,
    before: "{app}",
    takes: "paths",
  },
  {
    name: "target_link_uri of POST /initiate-login",
    method: "POST",
    ...thirdParty,
    before: "",
    takes: "addresses",
  },
  {
    name: "target_link_uri of POST /initiate-login, behind our own origin",
    method: "POST",
    ...thirdParty,
    before: "{app}",
    takes: "paths",
  },
];

let w: LyingWorld;
let browser: TestBrowser;
beforeAll(async () => {
  w = await lyingWorld();
  browser = createTestBrowser();
});
afterAll(() => w.close());

describe("the corpus", () => {
  test("has at least 200 payloads, and the same one never twice", () => {
    const texts = new Set(redirectPayloads.map((one) => JSON.stringify(one)));
    expect(texts.size).toBe(redirectPayloads.length);
    expect(redirectPayloads.length).toBeGreaterThanOrEqual(200);
  });

  test("has at least 200 that would leave the application if they were followed", () => {
    const foreign = redirectPayloads.filter(
      ({ value }) => !staysAt(filled(value, w.url), `${w.url}/callback`),
    );
    expect(foreign.length).toBeGreaterThanOrEqual(200);
  });
});

describe("the judge", () => {
  test.each([
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "\u0001//evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "http://",
  ])("sees that %j leaves the application", (location) => {
    expect(staysAt(location, `${w.url}/callback`)).toBe(false);
  });

  test.each(["/", "/orders", "orders", "?page=2", "/a//b", "/.//evil.example"])(
    "sees that %j stays",
    (location) => {
      expect(staysAt(location, `${w.url}/callback`)).toBe(true);
    },
  );
});

const kinds = [...new Set(redirectPayloads.map(({ kind }) => kind))];

describe.each(TARGETS.map((target) => [target.name, target] as const))(
  "BCP-01, OA-21, CORE-34, ASVS 3.7.2: %s",
  (_name, target) => {
    const { parameter, method } = target;
    const before = (): string => filled(target.before, w.url);

    test.each(kinds)("%s", async (kind) => {
      const odd: unknown[] = [];
      for (const payload of redirectPayloads) {
        if (payload.kind !== kind) continue;
        const value = encodeURIComponent(before()) + sent(payload, w.url);
        const page = await loginWith(target, `${parameter}=${value}`);
        const problem = problemOf(page, payload, target);
        if (problem !== undefined) odd.push([payload.value, problem]);
      }
      expect(odd).toEqual([]);
    });

    test.each([
      ["/a", "/b"],
      ["/a", "/a"],
      ["/a", "//evil.example"],
      ["//evil.example", "/a"],
      ["", "//evil.example"],
    ])(
      "said twice (%s, %s) is refused, and not repeated",
      async (...values) => {
        const page = await loginWith(
          target,
          values.map((value) => `${parameter}=${before()}${value}`).join("&"),
        );
        expect(page.response.status).toBe(400);
        expect(page.body).not.toContain("evil");
      },
    );

    test.each(["[]", "[0]", "[x]", "[__proto__]", "%5B%5D", ".x", "%00", "+"])(
      "%j behind its name makes it another name, which says nothing",
      async (more) => {
        const page = await loginWith(
          target,
          `${parameter}${more}=${before()}//evil.example`,
        );
        expect(page.response.headers.get("location")).toBe("/");
      },
    );

    test.each([2_100, 8_000, 15_000, 100_000])(
      "%d characters are refused, and not repeated",
      async (length) => {
        const value = `${before()}/evil${"x".repeat(length)}`;
        const answer = await rawExchange(w.url, rawRequest(target, value));
        // Node's own answer, where the address alone is too long.
        const isTooLong = length > 16_384 && method === "GET";
        expect(answer.statuses).toEqual([isTooLong ? 431 : 400]);
        expect(answer.text).not.toContain("evil");
      },
    );
  },
);

function problemOf(
  { response, body, url }: Page,
  { outcome }: RedirectPayload,
  { takes }: Target,
): string | undefined {
  const { status, headers } = response;
  const location = headers.get("location");
  const lines = [...headers].filter(
    ([name, value]) =>
      name !== "location" &&
      // The random part of our own cookie may spell anything.
      `${name}${value.replace(/^session=s%3A[\w-]{32}\.[\w%]{43,}/, "")}`.includes(
        "evil",
      ),
  );
  if (lines.length > 0) return `headers: ${JSON.stringify(lines)}`;
  if (status === 400 && location === null) {
    if (body.includes("evil")) return "it is repeated";
    if (!/<code>ERR_[A-Z_]+<\/code>/.test(body)) return "no page of ours";
    return takes === "paths" && outcome === "stays" ? "refused" : undefined;
  }
  if (outcome === "refused" || (takes === "paths" && outcome === "own")) {
    return `${String(status)} ${String(location)}`;
  }
  if (status !== 303 || location === null) return String(status);
  if (new URL(url).pathname !== "/callback") return `ends at ${url}`;
  return staysAt(location, url) ? undefined : `leaves for ${location}`;
}

/** Signs in with this query or form; ends with the refusal, or with what the callback answers. */
function loginWith(target: Target, parameters: string): Promise<Page> {
  const all = `${new URLSearchParams(target.others()).toString()}&${parameters}`;
  let isBack = false;
  const stopBefore = (next: URL): boolean => {
    if (isBack) return true;
    isBack = next.origin === w.url && next.pathname === "/callback";
    return false;
  };
  return target.method === "GET"
    ? browser.navigate(`${w.url}${target.path}?${all}`, { stopBefore })
    : browser.navigate(w.url + target.path, {
        stopBefore,
        method: "POST",
        initiator: "https://portal.example/",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: all,
      });
}

/** As no browser would send it: however long it is. */
function rawRequest(target: Target, value: string): string {
  const all = new URLSearchParams({
    ...target.others(),
    [target.parameter]: value,
  }).toString();
  const isPost = target.method === "POST";
  return [
    `${target.method} ${target.path}${isPost ? "" : `?${all}`} HTTP/1.1`,
    `Host: ${new URL(w.url).host}`,
    "Accept: text/html",
    "Connection: close",
    ...(isPost
      ? [
          "Content-Type: application/x-www-form-urlencoded",
          `Content-Length: ${all.length}`,
        ]
      : []),
    `\r\n${isPost ? all : ""}`,
  ].join("\r\n");
}
