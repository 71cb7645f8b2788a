/** express-login-kit/testing with Playwright: logins of a real browser. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import express from "express";
import type { Browser, BrowserContext } from "playwright-core";

import { createLoginKit, type LoginKit, loginOf } from "../../lib/index.js";
import {
  endLogin,
  loginAs,
  signIn,
  testProvider,
  type TestProvider,
} from "../../lib/testing/index.js";
import { launchChromium } from "../support/chromium.js";
import {
  listening,
  type ListeningServer,
} from "../../lib/testing/listening.js";

let browser: Browser;
let context: BrowserContext;
let provider: TestProvider;
let server: ListeningServer;
let kit: LoginKit;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());
beforeEach(async () => {
  provider = await testProvider();
  server = await listening();
  const { issuer, clientId, clientSecret } = provider;
  kit = createLoginKit({
    issuer,
    clientId,
    clientSecret,
    baseUrl: server.url,
    session: { secret: "a session secret of thirty-two characters" },
  });
  const app = express();
  app.use(kit.routes);
  app.get("/me", kit.requireAuth(), (req, res) => {
    res.send(`Hello ${loginOf(req).claims.sub}`);
  });
  app.use(kit.errorHandler);
  server.serve(app);
  context = await browser.newContext({ baseURL: server.url });
});
afterEach(async () => {
  await context.close();
  await kit.close();
  await Promise.all([server.close(), provider.close()]);
});

async function textOf(path: string): Promise<string> {
  const page = await context.newPage();
  await page.goto(path);
  return (await page.textContent("body")) ?? "";
}

test("loginAs: the pages of the context are signed in", async () => {
  const login = await loginAs(context, { sub: "bob" });
  expect(await textOf("/me")).toBe("Hello bob");
  await endLogin(login);
  expect(await textOf("/me")).toContain("Sign in");
});

test("a context without baseURL is told where the application is", async () => {
  const other = await browser.newContext();
  await loginAs(other, { sub: "bob" }, { url: server.url });
  const page = await other.newPage();
  await page.goto(`${server.url}/me`);
  expect(await page.textContent("body")).toBe("Hello bob");
  await other.close();
});

test("signIn: the provider knows the browser afterwards", async () => {
  await signIn(context, "alice");
  expect(await textOf("/me")).toBe("Hello alice");
  expect(await textOf("/login?return_to=/me")).toBe("Hello alice");
});

test("a person who does not agree is told so by the application", async () => {
  const page = await context.newPage();
  await page.goto("/me");
  await page.getByRole("button", { name: "alice" }).click();
  await page.getByRole("button", { name: "Deny" }).click();
  await page.waitForURL(`${server.url}/callback**`);
  expect(await page.textContent("body")).toContain("Sign-in was cancelled");
});

test("a person signs in on the provider's pages", async () => {
  const page = await context.newPage();
  await page.goto("/me");
  await page.getByRole("button", { name: "alice" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL("**/me");
  expect(await page.textContent("body")).toBe("Hello alice");
});
