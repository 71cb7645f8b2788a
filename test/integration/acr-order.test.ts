/** Step-up where the provider authenticates more strongly than was asked for. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { type LoginKitOptions, loginOf } from "../../lib/index.js";
import { lyingWorld, type LyingWorld } from "../support/lying-world.js";
import { createTestBrowser, type Page } from "../support/test-browser.js";

const ORDER = { acrOrder: ["bronze", "silver", "gold"] };

let w: LyingWorld;
let diagnoses: string[];
beforeEach(() => {
  diagnoses = [];
});
afterEach(() => w.close());

async function start(kit: Partial<LoginKitOptions>): Promise<void> {
  w = await lyingWorld({
    kit,
    routes(app, { requireAuth }) {
      const rules = {
        silver: { acr: ["silver"] },
        gold: { acr: ["gold"] },
        preferred: { acr: ["silver", "gold"], acrValues: ["silver"] },
      };
      for (const [name, rule] of Object.entries(rules)) {
        app.get(`/${name}`, requireAuth(rule), (req, res) => {
          res.json(loginOf(req).claims["acr"]);
        });
      }
    },
  });
  w.kit.events.on("login.failed", ({ diagnosis }) => diagnoses.push(diagnosis));
}

/** From now on users are authenticated like this, whatever was asked for. */
function authenticatesAs(acr: string): void {
  w.provider.misbehave = { idToken: { claims: { acr } } };
}

/** What the provider was asked for at last. */
const askedFor = (page: Page): string | null | undefined =>
  page.chain
    .map(({ url }) => new URL(url))
    .findLast(({ pathname }) => pathname === "/authorize")
    ?.searchParams.get("acr_values");

describe("CORE-28: with acrOrder, a route that wants silver", () => {
  test.each(["silver", "gold"])("takes %s, at once", async (acr) => {
    await start(ORDER);
    const browser = await w.signIn("alice");
    authenticatesAs(acr);
    const page = await browser.navigate(`${w.url}/silver`);
    expect(page.response.status).toBe(200);
    expect(JSON.parse(page.body)).toBe(acr);
    expect(askedFor(page)).toBe("silver");
    // The login's strength goes on counting.
    const again = await browser.fetchJson(`${w.url}/silver`);
    expect(again.status).toBe(200);
  });

  test.each(["bronze", "platinum", ""])(
    'refuses "%s", and says what came and what is accepted',
    async (acr) => {
      await start(ORDER);
      const browser = await w.signIn("alice");
      authenticatesAs(acr);
      const page = await browser.navigate(`${w.url}/silver`);
      expect(page.response.status).toBe(403);
      expect(page.body).toContain("ERR_AUTHENTICATION_TOO_WEAK");
      expect(diagnoses).toEqual([
        `the ID Token has the acr "${acr}", and accepted are silver or stronger ones in acrOrder, bronze, silver, gold`,
      ]);
    },
  );
});

test("CORE-28: without acrOrder a stronger acr is refused, and the option is named", async () => {
  await start({});
  const browser = await w.signIn("alice");
  authenticatesAs("gold");
  const page = await browser.navigate(`${w.url}/silver`);
  expect(page.response.status).toBe(403);
  expect(diagnoses).toEqual([
    'the ID Token has the acr "gold", and accepted are silver; if it is a stronger one, say so by the option acrOrder',
  ]);
});

describe("CORE-28: a rule that asks for silver and accepts gold, without acrOrder", () => {
  test.each(["silver", "gold"])("takes %s, at once", async (acr) => {
    await start({});
    const browser = await w.signIn("alice");
    authenticatesAs(acr);
    const page = await browser.navigate(`${w.url}/preferred`);
    expect(page.response.status).toBe(200);
    expect(JSON.parse(page.body)).toBe(acr);
    expect(askedFor(page)).toBe("silver");
  });

  test("refuses bronze", async () => {
    await start({});
    const browser = await w.signIn("alice");
    authenticatesAs("bronze");
    const page = await browser.navigate(`${w.url}/preferred`);
    expect(page.response.status).toBe(403);
  });

  test("tells a fetch where to go for it", async () => {
    await start({});
    const browser = await w.signIn("alice");
    const answer = await browser.fetchJson(`${w.url}/preferred`);
    expect(await answer.json()).toMatchObject({
      login_url: "/login?acr_values=silver&acr=gold",
    });
  });
});

describe("CORE-28: where authorizationParameters ask for silver", () => {
  const fixed = { authorizationParameters: { acr_values: "silver" } };

  test("a route that wants gold may ask for it, with acrOrder", async () => {
    await start({ ...fixed, ...ORDER });
    authenticatesAs("silver");
    const browser = await w.signIn("alice");
    authenticatesAs("gold");
    const page = await browser.navigate(`${w.url}/gold`);
    expect(JSON.parse(page.body)).toBe("gold");
    expect(askedFor(page)).toBe("gold");
  });

  test.each([
    "acr_values=bronze",
    "acr_values=gold&acr=bronze",
    "acr_values=silver&acr=platinum",
  ])("nobody may ask for less by %s", async (query) => {
    await start({ ...fixed, ...ORDER });
    const answer = await createTestBrowser().fetchJson(
      `${w.url}/login?${query}`,
    );
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: "ERR_LOGIN_PARAMETER_INVALID",
    });
  });

  test("an acr alone accepts nothing more", async () => {
    await start({ ...fixed, ...ORDER });
    authenticatesAs("bronze");
    const page = await createTestBrowser().navigate(
      `${w.url}/login?acr=bronze&login_hint=alice`,
    );
    expect(page.response.status).toBe(403);
  });
});

test("a link of another site that asks for less than the login has replaces nothing", async () => {
  await start(ORDER);
  authenticatesAs("gold");
  const browser = await w.signIn("alice");
  const answer = await browser.request(
    `${w.url}/login?acr_values=silver&return_to=/silver`,
    { initiator: "https://elsewhere.example" },
  );
  expect(answer.status).toBe(303);
  expect(answer.headers.get("location")).toBe("/silver");
});

describe("phr and phrh, as docs/security-profiles.md has them", () => {
  const startPhishingResistant = async () => {
    w = await lyingWorld({
      kit: { acrOrder: ["phr", "phrh"] },
      routes(app, { requireAuth }) {
        app.get("/account", requireAuth({ acr: ["phr"] }), (req, res) => {
          res.json(loginOf(req).claims["acr"]);
        });
        app.get("/keys", requireAuth({ acr: ["phrh"] }), (req, res) => {
          res.json(loginOf(req).claims["acr"]);
        });
      },
    });
  };

  // Shows: SU-04
  test.each([
    ["phr", "/account", 200],
    ["phrh", "/account", 200],
    ["phrh", "/keys", 200],
    ["phr", "/keys", 403],
    ["pwd", "/account", 403],
  ])("a login by %s at %s: %i", async (acr, path, status) => {
    await startPhishingResistant();
    const browser = await w.signIn("alice");
    authenticatesAs(acr);
    const page = await browser.navigate(w.url + path);
    expect(page.response.status).toBe(status);
    expect(askedFor(page)).toBe(path === "/keys" ? "phrh" : "phr");
  });

  test("phr opens the account, and the page about keys asks for phrh", async () => {
    await startPhishingResistant();
    const browser = await w.signIn("alice");
    authenticatesAs("phr");
    await browser.navigate(`${w.url}/account`);
    authenticatesAs("phrh");
    const page = await browser.navigate(`${w.url}/keys`);
    expect(askedFor(page)).toBe("phrh");
    expect(JSON.parse(page.body)).toBe("phrh");
  });
});
