/** The applications of docs/guides that are complete: each runs, and a user signs in to it in Chromium. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";

import { testProvider, type TestProvider } from "../../lib/testing/index.js";
import { launchChromium } from "../support/chromium.js";
import { codeBlocksOf } from "../support/code-blocks.js";
import { freePort } from "../support/free-port.js";
import { linkDependencies } from "../support/linked-project.js";
import { endNodeProcesses, startNode } from "../support/node-process.js";
import {
  type ReverseProxy,
  startNginxWith,
} from "../support/reverse-proxies.js";
import { CERTIFICATE, PRIVATE_KEY } from "../support/self-signed.js";
import { untilAnswers } from "../support/until-answers.js";

let project: string;
let chromium: Browser;
let provider: TestProvider;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "express-login-kit-guides-"));
  const dependencies = Object.fromEntries(
    [
      "connect-redis",
      "escape-html",
      "express",
      "express-session",
      "helmet",
      "redis",
      "ws",
    ].map((name) => [name, "*"]),
  );
  await write("package.json", JSON.stringify({ type: "module", dependencies }));
  await linkDependencies(project);
  chromium = await launchChromium();
});

beforeEach(async () => {
  provider = await testProvider();
  context = await chromium.newContext({ ignoreHTTPSErrors: true });
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
});

afterEach(async () => {
  await context.close();
  await endNodeProcesses();
  await provider.close();
});

afterAll(async () => {
  await chromium.close();
  await rm(project, { recursive: true, force: true });
});

test("server-rendered.md: sign in by a link, keep a note, sign out", async () => {
  const { url } = await startApp("server-rendered.md");
  await page.goto(url);
  await page.getByRole("link", { name: "Sign in" }).click();
  await signInAs("alice");
  await page.getByRole("heading", { name: "Notes of Alice" }).waitFor();
  await page.getByLabel("Note").fill("<b>Buy tea</b>");
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByText("<b>Buy tea</b>").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in" }).waitFor();
});

test("helmet.md: sign in and out under its policy, and nothing is blocked", async () => {
  const { url } = await startApp("helmet.md");
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (/policy/i.test(message.text())) complaints.push(message.text());
  });
  const answer = await page.goto(url);
  expect(answer?.ok()).toBe(true);
  await signInAs("alice");
  await page.getByRole("heading", { name: "You are signed in" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  // Signed out at the provider too, so it asks again.
  await page.getByRole("button", { name: "alice" }).waitFor();
  expect(complaints).toEqual([]);
});

test("websockets-and-event-streams.md: socket and stream end with the login", async () => {
  const { url } = await startApp("websockets-and-event-streams.md");
  await page.goto(url);
  await signInAs("alice");
  await expectLiveUntilSignedOut(url);
});

test("behind-a-proxy.md: below a path behind nginx with TLS, as its file says", async () => {
  const port = await freePort();
  const redis = process.env["TEST_REDIS_URL"] ?? "";
  const { url, port: appPort } = await startApp("behind-a-proxy.md", {
    BASE_URL: `https://127.0.0.1:${port}/shop`,
    REDIS_URL: redis,
  });
  const nginx = await nginxOf("behind-a-proxy.md", port, appPort);
  try {
    await page.goto(url);
    await signInAs("alice");
    await page.waitForURL(`${url}/`);
    expect(JSON.parse((await page.textContent("body")) ?? "")).toEqual({
      hello: "alice",
      from: "127.0.0.1",
    });
    const cookies = await context.cookies(url);
    const ours = cookies.filter(({ name }) => name.startsWith("__Host-"));
    expect(ours.length).toBeGreaterThan(0);
    await page.goto(`${url}/logout`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "alice" }).waitFor();
  } finally {
    await nginx.close();
  }
});

test("behind-a-proxy.md: sockets and streams pass nginx, and end with the login", async () => {
  const port = await freePort();
  const { url, port: appPort } = await startApp(
    "websockets-and-event-streams.md",
    { BASE_URL: `https://127.0.0.1:${port}/shop`, NODE_ENV: "development" },
  );
  const nginx = await nginxOf("behind-a-proxy.md", port, appPort);
  try {
    await page.goto(`${url}/`);
    await signInAs("alice");
    await expectLiveUntilSignedOut(url);
  } finally {
    await nginx.close();
  }
});

/** An application of a guide that runs. */
interface App {
  /** As browsers see it. */
  readonly url: string;
  /** Where it listens. */
  readonly port: number;
}

/** Starts the `app.js` of a guide, at a port that is free here. */
async function startApp(
  guide: string,
  env: Readonly<Record<string, string>> = {},
): Promise<App> {
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const code = blockOf(guide, "app.js").replaceAll("3000", String(port));
  await write("app.js", code);
  const app = startNode(["app.js"], {
    cwd: project,
    env: {
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: provider.clientId,
      OIDC_CLIENT_SECRET: provider.clientSecret,
      BASE_URL: origin,
      SESSION_SECRET: "a session secret of thirty-two characters",
      ...env,
    },
  });
  await untilAnswers(origin, app);
  return { url: env["BASE_URL"] ?? origin, port };
}

/** Starts nginx with the file of a guide: only ports and paths of this machine are put in. */
async function nginxOf(
  guide: string,
  port: number,
  appPort: number,
): Promise<ReverseProxy> {
  await write("shop.pem", CERTIFICATE);
  await write("shop-key.pem", PRIVATE_KEY);
  const file = blockOf(guide, "/etc/nginx/conf.d/shop.conf")
    .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
    .replaceAll("/etc/nginx/", `${project}/`)
    .replace(":3000", `:${appPort}`);
  return await startNginxWith(file, port);
}

function blockOf(guide: string, wanted: string): string {
  const found = codeBlocksOf(`docs/guides/${guide}`).find(
    ({ file }) => file === wanted,
  );
  if (found === undefined) throw new Error(`${guide} has no ${wanted}`);
  return found.code;
}

function write(file: string, text: string): Promise<void> {
  return writeFile(join(project, file), text);
}

/** A socket that answers and a stream that ticks, until the user signs out in another tab. */
async function expectLiveUntilSignedOut(url: string): Promise<void> {
  await page.getByText("alice said: hello").waitFor();
  await page.getByText("tick").waitFor();
  const other = await context.newPage();
  await other.goto(`${url}/logout`);
  await other.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("closed with 4401").waitFor();
  await page.getByText("closed", { exact: true }).waitFor();
}

async function signInAs(user: string): Promise<void> {
  await page.getByRole("button", { name: user }).click();
  await page.getByRole("button", { name: "Allow" }).click();
}
