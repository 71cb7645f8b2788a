/** Handlers in the wrong order are told as that, and nothing else is. */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import type { RequestHandler } from "express";
import session from "express-session";
import request from "supertest";
import { CookieJar } from "tough-cookie";

import {
  severalWorld,
  type SeveralWorld,
  type SeveralWorldOptions,
} from "../support/several-world.js";
import { createTestBrowser } from "../support/test-browser.js";

let w: SeveralWorld;
afterEach(() => w.close());

async function start(options: SeveralWorldOptions): Promise<string> {
  w = await severalWorld(options);
  return w.urls[0] ?? "";
}

test.each([
  "/logged-out/feedback",
  "/callback/help/staff",
  "/login/help",
  "/initiate-login/help/staff",
])("a guarded page of the application at %s is sent to login", async (path) => {
  const url = await start({
    routes(app, kit) {
      app.get(path, kit.requireAuth(), (_req, res) => {
        res.send("page");
      });
    },
  });
  await request(url)
    .get(path)
    .set("Sec-Fetch-Mode", "navigate")
    .expect(303)
    .expect("Location", `/login?return_to=${encodeURIComponent(path)}`);
});

test.each(["/callback", "/callback/staff", "/logged-out"])(
  "a guard that stands before the endpoint at %s is told as a mistake",
  async (path) => {
    const url = await start({
      before(app) {
        app.use((req, res, next) => w.kit.requireAuth()(req, res, next));
      },
    });
    const answer = await request(url).get(path).expect(500);
    expect(answer.body).toMatchObject({ code: "ERR_CONFIG" });
  },
);

describe("an express-session of the application before kit.routes, whose store was away once", () => {
  test("a guard that asks for more is answered as such", async () => {
    const own = session({
      secret: "the application's own, for its own data",
      name: "own",
      resave: false,
      saveUninitialized: false,
      cookie: { secure: false },
    });
    let isAway = true;
    const url = await start({
      before(app) {
        app.use((req, res, next) => {
          // As express-session does while its store is disconnected.
          if (isAway) next();
          else own(req, res, next);
        });
      },
      routes(app, kit) {
        app.get("/admin", kit.requireAuth({ roles: ["admin"] }), (_q, res) => {
          res.send("page");
        });
      },
    });
    await request(url).get("/callback/staff").expect(400);
    isAway = false;
    const browser = await w.signIn("staff");
    expect(await w.signedInAt(browser)).toBe("staff");
    const answer = await browser.fetchJson(`${url}/admin`);
    expect(answer.status).toBe(403);
    await answer.body?.cancel();
  });
});

/** What cookie-session does. */
const cookieSession: RequestHandler = (req, _res, next) => {
  Object.defineProperty(req, "session", {
    value: { isNew: true },
    configurable: true,
  });
  next();
};

test("a package that sets req.session behind kit.session is told as a mistake by the guard", async () => {
  const url = await start({
    routes(app, kit) {
      app.use(kit.session, cookieSession);
      app.get("/cart", (req, res) => {
        res.json(req.session);
      });
      app.get("/account", kit.requireAuth(), (_req, res) => {
        res.send("page");
      });
    },
  });
  const browser = await w.signIn("staff");
  const answer = await browser.fetchJson(`${url}/account`);
  expect(answer.status).toBe(500);
  expect(await answer.text()).toContain("ERR_CONFIG");
  // express-session would leave it without an answer.
  const warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  const page = await browser.fetchJson(`${url}/cart`).finally(() => {
    warn.mockRestore();
  });
  expect(await page.json()).toEqual({ isNew: true });
});

test("a session that is assigned in place of req.session is told of once, and answered", async () => {
  const url = await start({
    routes(app, kit) {
      app.get("/clear", kit.session, (req, res) => {
        Object.assign(req, { session: {} });
        res.send("cleared");
      });
    },
  });
  const warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  try {
    for (let round = 0; round < 2; round++) {
      await request(url).get("/clear").expect(200, "cleared");
    }
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining("set members of req.session, and not")],
    ]);
  } finally {
    warn.mockRestore();
  }
});

test.each([
  ["secure, at plain http", { secure: true }, "trust proxy"],
  ["strict", { sameSite: "strict" as const }, 'write sameSite: "lax"'],
])(
  "a cookie of an application's express-session that is %s is named when a browser goes round",
  async (_what, cookie, advice) => {
    const secret = "the application's own, for its own data";
    const own = { name: "own", secret, resave: false, cookie };
    await start({
      before(app) {
        app.use(session({ ...own, saveUninitialized: false }));
      },
    });
    const failures: string[] = [];
    w.kit.events.on("login.failed", ({ diagnosis }) => {
      failures.push(diagnosis);
    });
    const jar = new CookieJar();
    const keep = jar.setCookie.bind(jar);
    // As where the browser comes from another site.
    jar.setCookie = (text: string, url: string) =>
      text.startsWith("own=") ? Promise.resolve(undefined) : keep(text, url);
    const browser = createTestBrowser({ jar });
    for (let round = 0; round < 3; round++) await w.signIn("staff", browser);
    expect(failures).toEqual([expect.stringContaining(advice)]);
  },
);
