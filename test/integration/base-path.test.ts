/** An application below a path: a proxy strips the prefix, or a router is mounted there. */
import {
  afterEach,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import express from "express";

import { createLoginKit, type LoginKit, loginOf } from "../../lib/index.js";
import {
  listening,
  type ListeningServer,
} from "../../lib/testing/listening.js";
import {
  type LyingProvider,
  startLyingProvider,
} from "../support/lying-provider.js";
import { createTestBrowser } from "../support/test-browser.js";
import { CLIENT_ID, CLIENT_SECRET, SESSION_SECRET } from "../support/world.js";

let server: ListeningServer;
let provider: LyingProvider;
let kit: LoginKit;

beforeEach(async () => {
  server = await listening();
  provider = await startLyingProvider({
    clients: [
      {
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        redirectUris: [`${server.url}/shop/callback`],
        postLogoutRedirectUris: [`${server.url}/shop/logged-out`],
      },
    ],
  });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await kit.close();
  await Promise.all([server.close(), provider.close()]);
});

function start(how: "mounted" | "stripped" | "neither", path = "/shop"): void {
  kit = createLoginKit({
    issuer: provider.url,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    baseUrl: server.url + path,
    session: { secret: SESSION_SECRET },
  });
  const shop = express.Router();
  shop.use(kit.routes);
  shop.get("/", (_req, res) => {
    res.send("shop");
  });
  shop.get("/orders/:id", kit.requireAuth(), (req, res) => {
    res.json([loginOf(req).claims.sub, req.params["id"]]);
  });
  shop.get("/window", kit.silentLogin(), (req, res) => {
    res.send(`window of ${req.oidc?.claims.sub ?? "everybody"}`);
  });
  shop.post(
    "/orders",
    kit.requireAuth({ keepsForm: true }),
    express.text({ type: "*/*" }),
    (req, res) => {
      res.send(`ordered: ${String(req.body)}`);
    },
  );
  const app = express();
  app.set("env", "test");
  if (how === "stripped") {
    app.use((req, _res, next) => {
      // As nginx does with `proxy_pass http://app/;` below `location /shop/`.
      const url = req.url.replace(/^\/shop/, "");
      Object.assign(req, { url, originalUrl: url });
      next();
    });
  }
  if (how === "mounted") app.use("/shop", shop);
  else app.use(shop);
  server.serve(app);
}

describe.each(["mounted", "stripped"] as const)(
  "a %s application below /shop",
  (how) => {
    test("signs in, guards, and signs out under addresses that browsers see", async () => {
      start(how);
      const browser = createTestBrowser();
      const page = await browser.navigate(`${server.url}/shop/orders/7?a=b`);
      expect(page.url).toBe(`${server.url}/shop/orders/7?a=b`);
      expect(JSON.parse(page.body)).toEqual([expect.any(String), "7"]);
      const status = await browser.fetchJson(`${server.url}/shop/session`);
      expect(await status.json()).toMatchObject({
        active: true,
        logout_url: "/shop/logout",
      });
      const asked = await browser.navigate(`${server.url}/shop/logout`);
      const gone = await browser.submitForm(asked);
      expect(gone.url).toBe(`${server.url}/shop/`);
      const answer = await browser.fetchJson(`${server.url}/shop/orders/7`);
      expect(await answer.json()).toMatchObject({
        login_url: expect.stringMatching(/^\/shop\/login/),
      });
    });

    test("keeps a form, and knows in silence who is signed in, under such addresses", async () => {
      start(how);
      const browser = createTestBrowser();
      const answer = await browser.request(`${server.url}/shop/orders?a=b`, {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        body: "item=17",
        initiator: server.url,
      });
      const refresh = answer.headers.get("refresh") ?? "";
      const [, login = ""] = refresh.split("url=");
      expect(login).toMatch(/^\/shop\/login\?return_to=%2Fshop%2Flogin%2Fform/);
      const page = await browser.navigate(server.url + login);
      const sent = await browser.submitForm(page);
      expect(sent.url).toBe(`${server.url}/shop/orders?a=b`);
      expect(sent.body).toBe("ordered: item=17");
      const name = `session-${new URL(server.url).port}-shop`;
      browser.jar.setCookieSync(`${name}=; Path=/; Max-Age=0`, server.url);
      const seen = await browser.navigate(`${server.url}/shop/window?a=b`);
      expect(seen.body).toMatch(/^window of (?!everybody)/);
      expect(seen.url).toBe(`${server.url}/shop/window?a=b`);
    });
  },
);

test("its cookie is named after the path, so that two applications on one host do not meet", async () => {
  start("mounted");
  const browser = createTestBrowser();
  await browser.navigate(`${server.url}/shop/orders/7`);
  const names = (await browser.jar.getCookies(server.url)).map(
    ({ key }) => key,
  );
  expect(names).toContain(`session-${new URL(server.url).port}-shop`);
});

test("kit.routes mounted below a path that baseUrl does not have is told at the first request", async () => {
  const warn = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  start("mounted", "");
  warn.mockClear();
  const browser = createTestBrowser();
  await browser.request(`${server.url}/shop/login`);
  await browser.request(`${server.url}/shop/login`);
  const told = warn.mock.calls
    .flat()
    .filter((line) => String(line).includes("mounted below"));
  expect(told).toEqual([
    expect.stringContaining(
      "kit.routes is mounted below /shop, which is not the path of baseUrl",
    ),
  ]);
});
