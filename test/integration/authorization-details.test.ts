/** Rich authorization requests (RFC 9396), and claims that are asked for one by one (Core 5.5). */
import { afterEach, describe, expect, test } from "@jest/globals";

import { loginOf, type StartLoginOptions } from "../../lib/index.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: LyingWorld;
afterEach(() => w.close());

async function start(options: unknown, granted?: unknown) {
  const problems: string[] = [];
  w = await lyingWorld({
    provider: {
      misbehave: {
        tokenResponse: (right) => ({
          ...right,
          ...(granted !== undefined && { authorization_details: granted }),
        }),
      },
    },
    routes(app, kit) {
      app.get("/start", async (req, res) => {
        await kit.startLogin(req, res, options as StartLoginOptions);
      });
      app.get("/after", kit.requireAuth(), (req, res) => {
        res.json(loginOf(req).authorizationDetails ?? null);
      });
    },
  });
  w.kit.events.on("error", (error) => problems.push(error.message));
  const page = await createTestBrowser().navigate(`${w.url}/start`);
  const asked = w.provider.received.find(
    ({ path }) => path === "/authorize",
  )?.query;
  return { page, asked, problems };
}

const PAYMENT = {
  type: "payment",
  amount: { value: "10.00", currency: "EUR" },
};

test("RAR-01, RAR-02: details are asked for, and what was granted is told", async () => {
  const granted = [{ ...PAYMENT, amount: { value: "5.00", currency: "EUR" } }];
  const { page, asked } = await start(
    { returnTo: "/after", authorizationDetails: [PAYMENT] },
    granted,
  );
  expect(JSON.parse(asked?.get("authorization_details") ?? "")).toEqual([
    PAYMENT,
  ]);
  expect(JSON.parse(page.body)).toEqual(granted);
});

test("RAR-02: what the provider does not tell of is not taken as granted", async () => {
  const { page } = await start({
    returnTo: "/after",
    authorizationDetails: [PAYMENT],
  });
  expect(JSON.parse(page.body)).toBeNull();
});

describe("RAR-03: a token response is refused where they are", () => {
  // Shows: RAR-03, ERR_TOKEN_RESPONSE_INVALID
  test.each<[string, unknown]>([
    ["a text", "[]"],
    ["an object", PAYMENT],
    ["a list of texts", ["payment"]],
    ["too long to be kept", [{ type: "a", text: "x".repeat(17_000) }]],
  ])("they are %s", async (_what, granted) => {
    const { page } = await start({ returnTo: "/after" }, granted);
    expect(page.response.status).toBe(502);
    expect(page.body).toContain("ERR_TOKEN_RESPONSE_INVALID");
  });
});

test("CORE-06: claims are asked for one by one", async () => {
  const claims = {
    id_token: { acr: { essential: true, values: ["phr"] } },
    userinfo: { email: null },
  };
  const { asked } = await start({ returnTo: "/after", claims });
  expect(JSON.parse(asked?.get("claims") ?? "")).toEqual(claims);
});

test.each<[string, object, string]>([
  ["no list", { authorizationDetails: PAYMENT }, "authorizationDetails: "],
  ["no type", { authorizationDetails: [{}] }, "authorizationDetails.0.type: "],
  ["an empty list", { authorizationDetails: [] }, "authorizationDetails: "],
  [
    "no JSON",
    { authorizationDetails: [{ type: "a", at: new Date() }] },
    "authorizationDetails: must be JSON, up to 8 KB",
  ],
  ["an unknown place", { claims: { access_token: {} } }, "access_token"],
  [
    "a claim as text",
    { claims: { userinfo: { email: "yes" } } },
    "must be null",
  ],
])("%s is refused at once", async (_what, options, problem) => {
  const { page, problems } = await start(options);
  expect(page.response.status).toBe(500);
  expect(problems).toEqual([expect.stringContaining(problem)]);
});
