/** The packed tarball on every Node and every Express that it is said to run on. */
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import {
  testProvider,
  type TestProvider,
  testResourceServer,
  type TestResourceServer,
} from "../../lib/testing/index.js";
import { freePort } from "../support/free-port.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import {
  compile,
  createProject,
  developedWith,
  install,
  NPM_INSTALL_TIMEOUT,
  projectWithKit,
} from "../support/npm-project.js";
import { NODES, programOf } from "../support/node-versions.js";
import { packed } from "../support/pack.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../support/test-browser.js";

const fixtures = resolve("test/package/fixtures");

const EXPRESSES = ["Express 4.21", "Express 5"] as const;
const FILES = ["app.mjs", "app.cjs"] as const;

type ExpressName = (typeof EXPRESSES)[number];

const combinations = NODES.flatMap((node) =>
  EXPRESSES.flatMap((express) =>
    FILES.map((file) => ({ node, express, file })),
  ),
);
type Combination = (typeof combinations)[number];

let folder: string;
const projects = new Map<ExpressName, string>();
let provider: TestProvider;
let orders: TestResourceServer;
const apps = new Map<Combination, App>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "express-login-kit-versions-"));
  await Promise.all([
    ...EXPRESSES.map(async (express) => {
      const project = await projectOf(express);
      projects.set(express, project);
      await addApplications(project);
    }),
  ]);
  provider = await testProvider();
  orders = await testResourceServer();
  await Promise.all(
    combinations.map(async (one) => apps.set(one, await start(one))),
  );
}, NPM_INSTALL_TIMEOUT);

afterAll(async () => {
  await endNodeProcesses();
  await Promise.all([provider.close(), orders.close()]);
  await rm(folder, { recursive: true, force: true });
});

describe.each(combinations)("$express in $file on $node", (combination) => {
  test("signs in, calls and forwards, signs out, and ends without a warning", async () => {
    const { url, process: app } = appOf(combination);
    const browser = createTestBrowser();

    const page = await signIn(browser, url);
    expect(JSON.parse(page.body)).toMatchObject({ sub: "alice" });
    const userInfo = await browser.fetchJson(`${url}/user-info`);
    expect(await userInfo.json()).toMatchObject({ name: "Alice" });
    const forwarded = await browser.fetchJson(`${url}/api/orders`);
    expect(await forwarded.json()).toEqual({ sub: "alice" });
    // Express 4 drops a slash of two, after guards on longer paths have looked.
    const doubled = await browser.fetchJson(`${url}/api/orders//17`);
    expect(doubled.status).toBe(400);

    const { chain } = await signOut(browser, url);
    expect(chain.map((step) => new URL(step.url).origin)).toContain(
      provider.issuer,
    );
    expect((await browser.fetchJson(`${url}/me`)).status).toBe(401);

    expect(await app.end()).toEqual({ code: 0, signal: null });
    expect(warnings(app)).toEqual([]);
  });
});

test("an application compiles with the types of Express 4", async () => {
  const typescript = join(projects.get("Express 4.21") ?? "", "typescript");
  await mkdir(typescript);
  await copyFile(join(fixtures, "consumer.ts"), join(typescript, "app.mts"));
  expect(await compile(typescript)).toBe("");
});

/** An application that runs. */
interface App {
  readonly url: string;
  readonly process: NodeProcess;
}

/** Starts the application of a combination. */
async function start({ node, express, file }: Combination): Promise<App> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const started = startNode([file], {
    node: await programOf(node),
    cwd: projects.get(express) ?? "",
    env: {
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: provider.clientId,
      OIDC_CLIENT_SECRET: provider.clientSecret,
      OIDC_SCOPE: "openid profile offline_access",
      OIDC_PROMPT: "consent",
      ORDERS_URL: orders.url,
      ORDERS_RESOURCE: "urn:example:orders",
      SESSION_SECRET: "a session secret of thirty-two characters",
      BASE_URL: url,
      PORT: String(port),
    },
  });
  await started.prints(/listening/);
  return { url, process: started };
}

function appOf(combination: Combination): App {
  const app = apps.get(combination);
  if (app === undefined) throw new Error("the application was not started");
  return app;
}

/** Signs in as a portal has it, by a form: no body parser of the application may hide it. */
async function signIn(browser: TestBrowser, url: string): Promise<Page> {
  const who = await browser.navigate(`${url}/initiate-login`, {
    method: "POST",
    body: new URLSearchParams({
      iss: provider.issuer,
      target_link_uri: `${url}/me`,
    }),
  });
  const consent = await browser.submitForm(who, {}, { button: "alice" });
  return await browser.submitForm(consent, {}, { button: "allow" });
}

function signOut(browser: TestBrowser, url: string): Promise<Page> {
  return browser.navigate(`${url}/logout`, { method: "POST", initiator: url });
}

/** What stands on stderr beside the kit's own words about a development set-up. */
function warnings(app: NodeProcess): string[] {
  return app
    .errors()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("express-login-kit: "));
}

async function projectOf(express: ExpressName): Promise<string> {
  if (express === "Express 5") return await projectWithKit("versions");
  const project = await createProject(join(folder, "express-4.21"));
  const { path } = await packed();
  // The types, with what they need, of the oldest one.
  const types = ["redis", "connect-redis", "@types/node", "express-session"];
  await install(project, [
    path,
    "express@~4.21.0",
    "@types/express@4",
    ...(await developedWith(...types)),
  ]);
  return project;
}

async function addApplications(project: string): Promise<void> {
  for (const [fixture, name] of [
    ["consumer.js", "app.mjs"],
    ["consumer-commonjs.js", "app.cjs"],
  ] as const) {
    await copyFile(join(fixtures, fixture), join(project, name));
  }
}
