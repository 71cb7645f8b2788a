/** GET and POST /initiate-login: logins that a provider or a portal starts (Core 4). */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { type LyingWorld, lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

const PORTAL = "https://portal.example/";

let w: LyingWorld;
beforeEach(async () => {
  w = await lyingWorld();
});
afterEach(() => w.close());

/** The answer to a navigation that the portal causes, not followed. */
function initiate(
  parameters: Readonly<Record<string, string>> | [string, string][],
  { method = "GET", ...init }: RequestInit = {},
): Promise<Response> {
  const form = new URLSearchParams(parameters).toString();
  const browser = createTestBrowser();
  return method === "GET"
    ? browser.request(`${w.url}/initiate-login?${form}`, {
        initiator: PORTAL,
        ...(init as object),
      })
    : browser.request(`${w.url}/initiate-login`, {
        method,
        initiator: PORTAL,
        body: form,
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
      });
}

function sentTo(answer: Response): URL {
  expect(answer.status).toBe(303);
  return new URL(String(answer.headers.get("location")));
}

describe.each(["GET", "POST"])("CORE-33: %s", (method) => {
  test("with iss alone begins a login at the provider", async () => {
    const address = sentTo(
      await initiate({ iss: w.provider.issuer }, { method }),
    );
    expect(address.origin).toBe(new URL(w.provider.issuer).origin);
    expect(address.searchParams.get("code_challenge_method")).toBe("S256");
    expect(address.searchParams.has("login_hint")).toBe(false);
  });

  // Shows: CORE-33
  test("login_hint goes on, and the login ends at target_link_uri", async () => {
    const browser = createTestBrowser();
    const form = {
      iss: w.provider.issuer,
      login_hint: "alice@example.com",
      target_link_uri: `${w.url}/me?tab=2`,
    };
    const page = await browser.navigate(
      method === "GET"
        ? `${w.url}/initiate-login?${new URLSearchParams(form).toString()}`
        : `${w.url}/initiate-login`,
      method === "GET"
        ? { initiator: PORTAL }
        : {
            initiator: PORTAL,
            method,
            body: new URLSearchParams(form).toString(),
            headers: { "Content-Type": "application/x-www-form-urlencoded" },
          },
    );
    expect(page.url).toBe(`${w.url}/me?tab=2`);
    expect(page.response.status).toBe(200);
    const answer = await initiate(form, { method });
    expect(sentTo(answer).searchParams.get("login_hint")).toBe(
      "alice@example.com",
    );
  });
});

describe("CORE-34: nothing else decides where it goes", () => {
  // Shows: CORE-34
  test.each<[string, [string, string][]]>([
    ["no iss", []],
    ["an empty iss", [["iss", ""]]],
    ["another iss", [["iss", "https://evil.example"]]],
    ["an iss that goes on", [["iss", "{issuer}/"]]],
    [
      "two",
      [
        ["iss", "{issuer}"],
        ["iss", "{issuer}"],
      ],
    ],
  ])("%s: 400, and the provider is not asked", async (_which, parameters) => {
    const answer = await initiate(
      parameters.map(([name, value]): [string, string] => [
        name,
        value.replace("{issuer}", w.provider.issuer),
      ]),
    );
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("ERR_LOGIN_PARAMETER_INVALID");
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(w.provider.requests).toEqual([]);
  });

  // Shows: CORE-34
  test.each([
    "https://evil.example/me",
    "//evil.example",
    "/me",
    "{url}.evil.example/me",
    "{url}@evil.example/me",
    "{url}//evil.example",
    "{url}/\\evil.example",
    "javascript:alert(1)",
    "me",
  ])("target_link_uri %s: 400", async (target) => {
    const answer = await initiate({
      iss: w.provider.issuer,
      target_link_uri: target.replace("{url}", w.url),
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("ERR_RETURN_TO_INVALID");
  });
});

describe("CORE-35", () => {
  // Shows: CORE-35
  test("unknown parameters are ignored, those of /login too", async () => {
    const { searchParams } = sentTo(
      await initiate({
        iss: w.provider.issuer,
        scope: "admin",
        redirect_uri: "https://evil.example/",
        return_to: "https://evil.example/",
        prompt: "none",
        acr_values: "gold",
        x: "1",
      }),
    );
    expect(searchParams.get("scope")).not.toContain("admin");
    expect(searchParams.get("redirect_uri")).toBe(`${w.url}/callback`);
    for (const name of ["x", "return_to", "acr_values", "prompt"]) {
      expect(searchParams.has(name)).toBe(false);
    }
  });

  // Shows: CORE-35
  test("ASVS 3.4.6: nobody may frame it", async () => {
    const { headers } = await initiate({ iss: w.provider.issuer });
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("content-security-policy")).toBe(
      "frame-ancestors 'none'",
    );
  });

  test.each(["iframe", "frame", "embed", "object", "image", "empty", "script"])(
    "ASVS 7.6.2: a login that nobody would see is not begun: Sec-Fetch-Dest %s",
    async (destination) => {
      const answer = await fetch(
        `${w.url}/initiate-login?${new URLSearchParams({ iss: w.provider.issuer }).toString()}`,
        { headers: { "Sec-Fetch-Dest": destination }, redirect: "manual" },
      );
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({
        code: "ERR_CROSS_SITE_REQUEST",
      });
      expect(answer.headers.get("set-cookie")).toBeNull();
    },
  );

  test.each(["HEAD", "PUT", "DELETE", "OPTIONS"])("%s: 405", async (method) => {
    const answer = await fetch(`${w.url}/initiate-login`, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, POST");
  });

  test("a form that is too large, or is none, gets 400", async () => {
    for (const [type, body] of [
      ["application/x-www-form-urlencoded", `iss=${"x".repeat(20_000)}`],
      ["application/json", JSON.stringify({ iss: w.provider.issuer })],
    ] as const) {
      const answer = await fetch(`${w.url}/initiate-login`, {
        method: "POST",
        headers: { "Content-Type": type },
        body,
        redirect: "manual",
      });
      expect(answer.status).toBe(400);
    }
  });
});
