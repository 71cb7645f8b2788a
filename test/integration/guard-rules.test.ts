/** Guards that ask for claims, roles, scope, and what the application allows. */
import { afterEach, describe, expect, test } from "@jest/globals";

import express from "express";
import request from "supertest";

import { loginOf, type Login } from "../../lib/index.js";
import { loginAs } from "../../lib/testing/index.js";
import { passSeconds, releaseClock, takeClock } from "../support/clock.js";
import {
  lyingWorld,
  type LyingWorld,
  type LyingWorldOptions,
} from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: LyingWorld;
afterEach(async () => {
  releaseClock();
  await w.close();
});

const page = { "Sec-Fetch-Mode": "navigate" };

async function agentAt(options: LyingWorldOptions) {
  w = await lyingWorld(options);
  return request.agent(w.url);
}

describe("a permission that is missing", () => {
  const routes: LyingWorldOptions["routes"] = (app, kit) => {
    app.get("/admin", kit.requireAuth({ roles: ["admin"] }), (req, res) => {
      res.json({ sub: loginOf(req).claims.sub });
    });
    app.get(
      "/sales",
      kit.requireAuth({ claims: { department: "sales" } }),
      (_req, res) => {
        res.json({});
      },
    );
  };

  // Shows: ERR_PERMISSION_MISSING
  test("is 403 problem+json that names it, and no way to login", async () => {
    const agent = await agentAt({ routes });
    await loginAs(agent, { sub: "alice", roles: ["user"] });
    const refused = await agent.get("/admin").expect(403);
    expect(refused.body).toMatchObject({
      code: "ERR_PERMISSION_MISSING",
      missing: { roles: ["admin"] },
    });
    expect(refused.body).not.toHaveProperty("login_url");
    const other = await agent.get("/sales").expect(403);
    // What the claim should have been is the application's own business.
    expect(other.body).toMatchObject({ missing: { claims: ["department"] } });
    expect(other.text).not.toContain('sales"');
  });

  test("is a page that names it for a page load, and never a redirect", async () => {
    const agent = await agentAt({ routes });
    await loginAs(agent, { sub: "alice" });
    const refused = await agent.get("/admin").set(page).expect(403);
    expect(refused.text).toContain("roles: admin");
    expect(refused.text).not.toContain("Sign in again");
    expect(refused.headers["location"]).toBeUndefined();
  });

  test("lets in who has it, and asks those without a login to sign in first", async () => {
    const agent = await agentAt({ routes });
    await agent
      .get("/admin")
      .set(page)
      .expect(303)
      .expect("Location", "/login?return_to=%2Fadmin");
    await loginAs(agent, { sub: "bob", roles: ["admin"] });
    await agent.get("/admin").expect(200, { sub: "bob" });
  });

  test("is told in request.refused with its name", async () => {
    const agent = await agentAt({ routes });
    const told: string[] = [];
    w.kit.events.on("request.refused", ({ diagnosis }) => told.push(diagnosis));
    await loginAs(agent, { sub: "alice" });
    await agent.get("/admin").expect(403);
    expect(told).toEqual([
      expect.stringContaining(
        "the login does not fulfil the guard's rule: roles (admin)",
      ),
    ]);
  });

  test("tells developers where no role was found, and which claims there are", async () => {
    const agent = await agentAt({ routes });
    await loginAs(agent, { sub: "alice", realm_access: { roles: ["admin"] } });
    const refused = await agent.get("/admin").set(page).expect(403);
    expect(refused.text).toContain("rolesClaim (roles) finds no roles");
    expect(refused.text).toMatch(/these claims: .*realm_access/);
    const problem = await agent.get("/admin").expect(403);
    expect(problem.text).not.toContain("realm_access");
  });

  test("says nothing of the claims to a user who has other roles", async () => {
    const agent = await agentAt({ routes });
    await loginAs(agent, { sub: "alice", roles: ["clerk"] });
    const refused = await agent.get("/admin").set(page).expect(403);
    expect(refused.text).not.toContain("these claims");
  });
});

describe("guards behind each other", () => {
  test("all count: those of the application, of a router and of a route", async () => {
    const agent = await agentAt({
      routes(app, kit) {
        const router = express.Router();
        const owner = kit.requireAuth({ roles: ["owner"] });
        router.get("/delete", owner, (_req, res) => {
          res.json({ deleted: true });
        });
        router.get("/read", kit.requireAuth(), (_req, res) => {
          res.json({ read: true });
        });
        app.use(kit.identify);
        app.use("/admin", kit.requireAuth({ roles: ["admin"] }), router);
      },
    });
    await loginAs(agent, { sub: "alice", roles: ["admin"] });
    await agent.get("/admin/read").expect(200, { read: true });
    await agent.get("/admin/delete").expect(403);
    await loginAs(agent, { sub: "bob", roles: ["owner"] });
    await agent.get("/admin/delete").expect(403);
    await loginAs(agent, { sub: "carol", roles: ["owner", "admin"] });
    await agent.get("/admin/delete").expect(200, { deleted: true });
  });

  test("read again what may have ended while a body came", async () => {
    takeClock();
    let between: () => Promise<unknown> = () => Promise.resolve();
    const agent = await agentAt({
      routes(app, kit) {
        app.get(
          "/slow",
          kit.requireAuth(),
          (_req, _res, next) => {
            void between().then(() => {
              next();
            });
          },
          kit.requireAuth(),
          (_req, res) => {
            res.json({});
          },
        );
      },
    });
    await loginAs(agent, { sub: "alice" });
    await agent.get("/slow").expect(200);
    between = async () => {
      passSeconds(2);
      await w.kit.sessions.endAll("alice");
    };
    await agent.get("/slow").expect(401);
  });

  test("do not make each other's finding younger", async () => {
    takeClock();
    let between = (_round: number): Promise<unknown> => Promise.resolve();
    const agent = await agentAt({
      routes(app, kit) {
        app.use("/slow", kit.requireAuth());
        for (const round of [1, 2]) {
          app.use("/slow", async (_req, _res, next) => {
            await between(round);
            next();
          });
          app.use("/slow", round === 1 ? kit.identify : kit.requireAuth());
        }
        app.get("/slow", (_req, res) => {
          res.json({});
        });
      },
    });
    await loginAs(agent, { sub: "alice" });
    await agent.get("/slow").expect(200);
    between = async (round) => {
      passSeconds(0.8);
      if (round === 1) await w.kit.sessions.endAll("alice");
    };
    await agent.get("/slow").expect(401);
  });

  test("compare what the kit has found, whatever the application made of it", async () => {
    const agent = await agentAt({
      kit: {
        rolesClaim: (claims) => {
          const { roles } = claims as { roles?: string[] };
          roles?.push("guessed");
          return roles ?? [];
        },
      },
      routes(app, kit) {
        const altered: express.RequestHandler = (req, _res, next) => {
          const { claims } = loginOf(req) as unknown as {
            claims: { roles: string[]; department: string };
          };
          claims.roles.push("admin");
          claims.department = "sales";
          next();
        };
        const answer: express.RequestHandler = (req, res) => {
          res.json(loginOf(req).claims["roles"]);
        };
        const user = kit.requireAuth({ roles: ["user"] });
        app.get("/as-found", user, user, answer);
        app.use(["/role", "/claim"], kit.requireAuth(), altered);
        app.get("/role", kit.requireAuth({ roles: ["admin"] }), answer);
        app.get(
          "/claim",
          kit.requireAuth({ claims: { department: "sales" } }),
          answer,
        );
      },
    });
    await loginAs(agent, { sub: "alice", roles: ["user"] });
    await agent.get("/role").expect(403);
    await agent.get("/claim").expect(403);
    await agent.get("/as-found").expect(200, ["user"]);
    await agent.get("/as-found").expect(200, ["user"]);
  });
});

describe("allow, the application's own rule", () => {
  const asking = (
    allow: (login: Login, req: express.Request) => unknown,
  ): LyingWorldOptions => ({
    routes(app, kit) {
      const rule = { allow: allow as () => boolean };
      app.get("/orders/:id", kit.requireAuth(rule), (req, res) => {
        res.json({ who: loginOf(req).claims.sub });
      });
      app.use(((error: Error, _req, res, next) => {
        if ("code" in error) next(error);
        else res.status(500).json({ own: error.message });
      }) as express.ErrorRequestHandler);
    },
  });

  test("sees the login and the request, and lets in by true alone", async () => {
    const agent = await agentAt(
      asking(({ claims }, req) => req.params["id"] === `of-${claims.sub}`),
    );
    await loginAs(agent, { sub: "alice" });
    await agent.get("/orders/of-alice").expect(200, { who: "alice" });
    const refused = await agent.get("/orders/of-bob").expect(403);
    expect(refused.body).toMatchObject({ missing: { allow: true } });
  });

  test.each([
    ["undefined", undefined],
    ["a text", "yes"],
    ["1", 1],
    ["an object", {}],
    ["a promise of a text", Promise.resolve("yes")],
    ["a promise of false", Promise.resolve(false)],
  ])("%s lets nobody in", async (_what, answer) => {
    const agent = await agentAt(asking(() => answer));
    await loginAs(agent);
    await agent.get("/orders/1").expect(403);
  });

  test("an answer that is no decision is named to developers", async () => {
    const agent = await agentAt(asking(() => ({ role: "admin" })));
    await loginAs(agent);
    const refused = await agent.get("/orders/1").set(page).expect(403);
    expect(refused.text).toContain("allow; it gave object, and only true");
  });

  test("a promise of true lets in", async () => {
    const agent = await agentAt(asking(() => Promise.resolve(true)));
    await loginAs(agent);
    await agent.get("/orders/1").expect(200);
  });

  test("what it throws is the application's error, and lets nobody in", async () => {
    const agent = await agentAt(
      asking(() => Promise.reject(new Error("the database is away"))),
    );
    await loginAs(agent);
    await agent.get("/orders/1").expect(500, { own: "the database is away" });
  });

  test("is not asked about a request that another rule refuses", async () => {
    let asked = 0;
    const agent = await agentAt({
      routes(app, kit) {
        const allow = (): boolean => {
          asked++;
          return true;
        };
        const guard = kit.requireAuth({ allow, roles: ["admin"] });
        app.get("/admin", guard, (_req, res) => {
          res.json({});
        });
      },
    });
    await agent.get("/admin").expect(401);
    await loginAs(agent);
    await agent.get("/admin").expect(403);
    expect(asked).toBe(0);
    await loginAs(agent, { roles: ["admin"] });
    await agent.get("/admin").expect(200);
    expect(asked).toBe(1);
  });
});

describe("scope on demand", () => {
  const scope: LyingWorldOptions = {
    kit: { scope: "openid profile" },
    routes(app, kit) {
      app.get(
        "/write",
        kit.requireAuth({ scope: "orders:write" }),
        (_, res) => {
          res.send("may write");
        },
      );
      app.get(
        "/read",
        kit.requireAuth({ scope: ["orders:read"] }),
        (_, res) => {
          res.send("may read");
        },
      );
      app.get("/name", kit.requireAuth({ scope: "profile" }), (_, res) => {
        res.send("has a name");
      });
    },
  };
  const asked = (): (string | null)[] =>
    w.provider.received
      .filter(({ path }) => path === "/authorize")
      .map(({ query }) => query.get("scope"));
  const granted = { scope: "openid profile" };

  test("asks the provider for more, comes back, and asks no second time", async () => {
    w = await lyingWorld(scope);
    const browser = await w.signIn("alice");
    expect((await browser.navigate(`${w.url}/name`)).body).toBe("has a name");
    const landed = await browser.navigate(`${w.url}/write`);
    expect([landed.url, landed.body]).toEqual([`${w.url}/write`, "may write"]);
    expect((await browser.navigate(`${w.url}/write`)).body).toBe("may write");
    // What was granted on demand before is not given up.
    expect((await browser.navigate(`${w.url}/read`)).body).toBe("may read");
    expect((await browser.navigate(`${w.url}/write`)).body).toBe("may write");
    expect(asked()).toEqual([
      "openid profile",
      "openid profile orders:write",
      "openid profile orders:write orders:read",
    ]);
  });

  // Shows: ERR_MORE_SCOPE_REQUIRED
  test("a fetch is told where to ask", async () => {
    const agent = await agentAt(scope);
    await loginAs(agent);
    const answer = await agent.get("/write").expect(401);
    expect(answer.body).toMatchObject({
      code: "ERR_MORE_SCOPE_REQUIRED",
      login_url: "/login?scope=orders%3Awrite",
    });
  });

  test("someone without a login is asked for all of it at once", async () => {
    w = await lyingWorld(scope);
    const page = await createTestBrowser().navigate(`${w.url}/write`);
    expect(page.body).toBe("may write");
    expect(asked()).toEqual(["openid profile orders:write"]);
  });

  test("RFC 6749 3.3: what the provider does not grant is 403, not a circle", async () => {
    w = await lyingWorld(scope);
    w.provider.misbehave = {
      tokenResponse: (right) => ({ ...right, ...granted }),
    };
    const browser = await w.signIn("alice");
    const refused = await browser.navigate(`${w.url}/write`);
    expect(refused.response.status).toBe(403);
    expect(refused.body).toContain("scope: orders:write");
    expect(refused.body).toContain(
      "/login?return_to=%2Fwrite&amp;scope=orders%3Awrite",
    );
    expect(asked()).toHaveLength(2);
    // By the user's own doing it may be granted after all.
    w.provider.misbehave = {};
    const again = await browser.navigate(
      `${w.url}/login?return_to=%2Fwrite&scope=orders%3Awrite`,
    );
    expect(again.body).toBe("may write");
  });

  test("a resource server's scope counts when it was asked for: the server decides", async () => {
    const resource = "urn:example:orders";
    w = await lyingWorld({
      ...scope,
      kit: {
        scope: "openid profile",
        resourceServers: { orders: { url: "http://127.0.0.1:9/v1", resource } },
      },
    });
    w.provider.misbehave = {
      tokenResponse: (right) => ({ ...right, ...granted }),
    };
    const browser = await w.signIn("alice");
    expect((await browser.navigate(`${w.url}/write`)).body).toBe("may write");
  });

  test("/login asks for no scope that no guard names", async () => {
    const agent = await agentAt(scope);
    const refused = await agent
      .get("/login?scope=orders%3Awrite%20everything")
      .expect(400);
    expect(refused.body).toMatchObject({ code: "ERR_LOGIN_PARAMETER_INVALID" });
    await agent.get("/login?scope=orders%3Awrite").expect(303);
  });

  test("from another site, a user who has it goes straight to the page", async () => {
    w = await lyingWorld(scope);
    const browser = await w.signIn("alice");
    await browser.navigate(`${w.url}/write`);
    const before = asked().length;
    const answer = await browser.request(
      `${w.url}/login?return_to=%2Fwrite&scope=orders%3Awrite`,
      { initiator: "https://elsewhere.example" },
    );
    expect(answer.headers.get("location")).toBe("/write");
    expect(asked()).toHaveLength(before);
  });
});
