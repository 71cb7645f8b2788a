/** Several providers in one application: what one of them answers, renews or ends is never another's. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { ConfigError, loginOf } from "../../lib/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  severalWorld,
  type SeveralWorld,
  type SeveralWorldOptions,
} from "../support/several-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: SeveralWorld;
beforeEach(takeClock);
afterEach(async () => {
  releaseClock();
  await w.close();
});

async function start(options?: SeveralWorldOptions): Promise<void> {
  w = await severalWorld(options);
}

describe("which provider a sign-in uses", () => {
  test("the address says", async () => {
    await start();
    const browser = await w.signIn("customers");
    expect(await w.signedInAt(browser)).toBe("customers");
    expect(w.providers["staff"]?.requests).toEqual([]);
  });

  // Shows: ERR_PROVIDER_UNKNOWN
  test("a name that no provider has is a 400, and nobody is asked", async () => {
    await start();
    for (const name of ["guests", "constructor", "__proto__", "a/b", ""]) {
      const browser = createTestBrowser();
      const page = await browser.navigate(
        `${w.urls[0] ?? ""}/login?provider=${encodeURIComponent(name)}`,
      );
      expect(page.response.status).toBe(name === "" ? 200 : 400);
    }
  });

  test("chooseProvider says, where the address does not", async () => {
    await start({
      kit: {
        chooseProvider: (req) =>
          req.url.endsWith("@staff.example") ? "staff" : "customers",
      },
    });
    const browser = createTestBrowser();
    await browser.navigate(
      `${w.urls[0] ?? ""}/login?login_hint=zoe@staff.example`,
    );
    expect(await w.signedInAt(browser)).toBe("staff");
  });

  test("otherwise the user is asked on a plain page, and comes back to the page that was wanted", async () => {
    await start({
      provider: (name) => ({ label: `<${name}> & friends` }),
    });
    const browser = createTestBrowser();
    const page = await browser.navigate(
      `${w.urls[0] ?? ""}/login?return_to=/me&login_hint=alice`,
    );
    expect(page.response.status).toBe(200);
    expect(page.body).toContain("&lt;staff&gt; &amp; friends");
    const [, link = ""] =
      /href="([^"]*provider=customers[^"]*)"/.exec(page.body) ?? [];
    const there = await browser.navigate(
      (w.urls[0] ?? "") + link.replaceAll("&amp;", "&"),
    );
    expect(there.url).toBe(`${w.urls[0] ?? ""}/me`);
    expect(await w.signedInAt(browser)).toBe("customers");
  });

  test("also where the address has an empty provider", async () => {
    await start();
    const browser = createTestBrowser();
    const page = await browser.navigate(`${w.urls[0] ?? ""}/login?provider=`);
    const [, link = ""] =
      /href="([^"]*provider=staff[^"]*)"/.exec(page.body) ?? [];
    await browser.navigate(
      `${w.urls[0] ?? ""}${link.replaceAll("&amp;", "&")}&login_hint=alice`,
    );
    expect(await w.signedInAt(browser)).toBe("staff");
  });

  test.each([
    ["/where-from", "/where-from?return_to=%2Fme"],
    ["/where-from?brand=shop", "/where-from?brand=shop&return_to=%2Fme"],
  ])(
    "or on %s of the application, which gets the query",
    async (page, there) => {
      await start({ kit: { providerChoicePath: page } });
      const browser = createTestBrowser();
      const answer = await browser.request(
        `${w.urls[0] ?? ""}/login?return_to=%2Fme&provider=`,
      );
      expect(answer.headers.get("location")).toBe(there);
    },
  );
});

describe("a guard", () => {
  test("with a provider lets its users through and sends others there", async () => {
    await start({
      routes(app, kit) {
        app.get(
          "/staff",
          kit.requireAuth({ provider: "staff" }),
          (_req, res) => {
            res.send("staff only");
          },
        );
      },
    });
    const browser = await w.signIn("customers");
    const url = `${w.urls[0] ?? ""}/staff`;
    const refused = await browser.fetchJson(url);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({
      code: "ERR_LOGIN_REQUIRED",
      login_url: expect.stringContaining("provider=staff"),
    });
    const page = await browser.navigate(url);
    expect(page.body).toBe("staff only");
    expect(await w.signedInAt(browser)).toBe("staff");
  });

  test("with a provider that is none stops the start", async () => {
    await start();
    expect(() => w.kit.requireAuth({ provider: "guests" })).toThrow(
      ConfigError,
    );
  });
});

describe("each provider has a redirect URI of its own", () => {
  // Shows: ERR_ISSUER_MISMATCH
  test("RFC 9700 4.4.2.2: an answer to another one's is refused before any token request", async () => {
    await start();
    const browser = createTestBrowser();
    const answer = await w.begin("staff", browser);
    answer.pathname = "/callback/customers";
    const page = await browser.navigate(answer);
    expect(page.response.status).toBe(400);
    expect(page.body).toContain("ERR_ISSUER_MISMATCH");
    expect(w.tokenRequests()).toBe(0);
    expect(await w.signedInAt(browser)).toBeUndefined();
  });

  test.each(["/callback", "/callback/guests", "/callback/staff/"])(
    "%s is nobody's",
    async (path) => {
      await start();
      const browser = createTestBrowser();
      const answer = await w.begin("staff", browser);
      answer.pathname = path;
      const page = await browser.navigate(answer);
      expect(page.response.status).toBeGreaterThanOrEqual(400);
      expect(w.tokenRequests()).toBe(0);
    },
  );

  test("callbackPath puts it elsewhere, and there alone", async () => {
    await start({
      provider: (name) =>
        name === "staff" ? { callbackPath: "/callback" } : {},
    });
    const browser = createTestBrowser();
    const { response } = await browser.navigate(
      `${w.urls[0] ?? ""}/login?provider=staff`,
      { stopBefore: ({ pathname }) => pathname === "/authorize" },
    );
    const request = new URL(response.headers.get("location") ?? "");
    expect(request.searchParams.get("redirect_uri")).toBe(
      `${w.urls[0] ?? ""}/callback`,
    );
    const other = await browser.navigate(
      `${w.urls[0] ?? ""}/callback/staff?state=a&code=b`,
    );
    expect(other.response.status).toBe(400);
  });
});

describe("a provider of findProvider", () => {
  const outage = new Error("the database is away");

  test("is looked up once a minute, however many requests it has", async () => {
    await start({ tenants: ["north"] });
    const browser = await w.signIn("north");
    for (let request = 0; request < 20; request++) await w.signedInAt(browser);
    expect(w.lookUps()).toBe(1);
    passSeconds(61);
    expect(await w.signedInAt(browser)).toBe("north");
    expect(w.lookUps()).toBe(2);
    // Its metadata and keys are those of before.
    const discoveries = w.providers["north"]?.requests.filter((request) =>
      request.includes("openid-configuration"),
    );
    expect(discoveries).toHaveLength(1);
  });

  test("that is removed ends its logins at their next request, and no others", async () => {
    await start({ tenants: ["north", "south"] });
    const north = await w.signIn("north");
    const south = await w.signIn("south");
    w.tenants.delete("north");
    passSeconds(61);
    expect(await w.signedInAt(north)).toBeUndefined();
    expect(await w.signedInAt(south)).toBe("south");
    expect(w.ended).toEqual([
      expect.objectContaining({
        provider: "north",
        reason: "provider_removed",
      }),
    ]);
    w.tenants.add("north");
    passSeconds(61);
    expect(await w.signedInAt(north)).toBeUndefined();
  });

  test("that cannot be looked up again serves on, and is a 503 where nothing is known", async () => {
    let isAway = false;
    await start({
      tenants: ["north", "south"],
      findProvider: () =>
        isAway ? Promise.reject(outage) : Promise.resolve(undefined),
    });
    const told: Error[] = [];
    w.kit.events.on("error", (error) => told.push(error));
    const browser = await w.signIn("north");
    isAway = true;
    passSeconds(61);
    expect(await w.signedInAt(browser)).toBe("north");
    expect(told).toEqual([
      expect.objectContaining({
        code: "ERR_PROVIDER_UNAVAILABLE",
        message: "findProvider failed for north: the database is away",
      }),
    ]);
    const page = await createTestBrowser().navigate(
      `${w.urls[0] ?? ""}/login?provider=south`,
    );
    expect(page.response.status).toBe(503);
  });

  test("that has wrong options signs nobody in, and the message names them", async () => {
    const wrong = { issuer: "http://op.example", clientId: "shop" };
    await start({
      tenants: ["north"],
      findProvider: () => Promise.resolve(wrong),
    });
    const told: Error[] = [];
    w.kit.events.on("error", (error) => told.push(error));
    const page = await createTestBrowser().navigate(
      `${w.urls[0] ?? ""}/login?provider=north`,
    );
    expect(page.response.status).toBe(500);
    expect(String(told[0])).toMatch(
      /findProvider\("north"\).*\n.*issuer: must be https/,
    );
    expect(String(told[0])).toContain("clientSecret: is missing");
  });

  test("is never looked up by a name that no provider may have", async () => {
    await start({ tenants: ["north"] });
    for (const name of ["../north", "north ", "a".repeat(65), "nörth"]) {
      await createTestBrowser().navigate(
        `${w.urls[0] ?? ""}/login?provider=${encodeURIComponent(name)}`,
      );
    }
    expect(w.lookUps()).toBe(0);
  });
});

describe("a Logout Token without exp", () => {
  test("is accepted of the provider alone whose option says so", async () => {
    await start({
      provider: (name) =>
        name === "staff" ? { backchannelLogout: { requireExpiry: false } } : {},
    });
    for (const [name, status] of [
      ["staff", 200],
      ["customers", 400],
    ] as const) {
      const browser = await w.signIn(name);
      const answer = await w.logoutBy(name, { claims: { exp: undefined } });
      expect(answer.status).toBe(status);
      expect(await w.signedInAt(browser)).toBe(
        status === 200 ? undefined : name,
      );
    }
  });
});

describe("kit.sessions and kit.clientToken", () => {
  test("are about the users of one provider", async () => {
    await start();
    const staff = await w.signIn("staff");
    const customer = await w.signIn("customers");
    await w.signedInAt(staff);
    await w.signedInAt(customer);
    const user = { provider: "staff", sub: "alice" };
    expect(await w.kit.sessions.list(user)).toHaveLength(1);
    expect(await w.kit.sessions.endAll(user)).toBe(1);
    expect(await w.signedInAt(staff)).toBeUndefined();
    expect(await w.signedInAt(customer)).toBe("customers");
  });

  test("want its name where there are several", async () => {
    await start({
      kit: { resourceServers: { orders: { url: "http://127.0.0.1:9" } } },
    });
    await expect(w.kit.sessions.list("alice")).rejects.toThrow(
      "there are several providers; write { provider, sub }",
    );
    await expect(w.kit.clientToken("orders")).rejects.toThrow(
      "provider: is missing; there are several, so name one",
    );
    const token = await w.kit.clientToken("orders", { provider: "staff" });
    const other = await w.kit.clientToken("orders", { provider: "customers" });
    expect(token.value).not.toBe(other.value);
    expect(
      (await w.kit.clientToken("orders", { provider: "staff" })).value,
    ).toBe(token.value);
  });
});

// Shows: ERR_RESOURCE_OF_OTHER_PROVIDER
test("a resource server that is for the users of one provider gets tokens of no other", async () => {
  await start({
    kit: {
      resourceServers: {
        payroll: { url: "http://127.0.0.1:9", providers: ["staff"] },
      },
    },
    routes(app, kit) {
      app.get("/token", kit.requireAuth(), async (req, res) => {
        res.send((await loginOf(req).accessToken("payroll")).value);
      });
    },
  });
  const url = `${w.urls[0] ?? ""}/token`;
  expect((await (await w.signIn("staff")).fetchJson(url)).status).toBe(200);
  const refused = await (await w.signIn("customers")).fetchJson(url);
  expect(await refused.json()).toMatchObject({
    code: "ERR_RESOURCE_OF_OTHER_PROVIDER",
  });
});
