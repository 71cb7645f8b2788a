/** The applications in examples/ that start by one command: a user signs in to each in Chromium. */
import {
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";

import { testProvider } from "../../lib/testing/index.js";
import { launchChromium } from "../support/chromium.js";
import { codeBlocksOf } from "../support/code-blocks.js";
import { freePort } from "../support/free-port.js";
import { linkDependencies } from "../support/linked-project.js";
import { endNodeProcesses, startNode } from "../support/node-process.js";
import {
  createProject,
  install,
  NPM_INSTALL_TIMEOUT,
} from "../support/npm-project.js";
import { untilAnswers } from "../support/until-answers.js";

let folder: string;
/** A project with what only an example needs. */
let withReact: string;
let chromium: Browser;
let page: Page;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "express-login-kit-started-"));
  withReact = await createProject(join(folder, "react"));
  await install(withReact, ["react@^19.0.0", "react-dom@^19.0.0"]);
  chromium = await launchChromium();
}, NPM_INSTALL_TIMEOUT);

afterEach(async () => {
  await page.context().close();
  await endNodeProcesses();
});

afterAll(async () => {
  await chromium.close();
  await rm(folder, { recursive: true, force: true });
});

test("examples/minimal is the README's first sample, and greets the user", async () => {
  const [first] = codeBlocksOf("README.md").filter(
    ({ file }) => file === "app.js",
  );
  const app = await readFile("examples/minimal/app.js", "utf8");
  expect(app).toBe(first?.code);

  const url = await open("minimal");
  await signInAs("alice");
  await page.waitForURL(`${url}/`);
  expect(await page.textContent("body")).toContain("Hello, alice!");
});

test("examples/vite-react signs in behind Vite's development server, wishes, and signs out", async () => {
  await open("vite-react");
  await page.getByRole("link", { name: "Sign in" }).click();
  await signInAs("alice");
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
  await page.getByLabel("Wish").fill("A teapot");
  await page.getByRole("button", { name: "Wish" }).click();
  await page.getByRole("listitem").filter({ hasText: "A teapot" }).waitFor();
  await page.reload();
  await page.getByRole("listitem").filter({ hasText: "A teapot" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in" }).waitFor();
});

test("examples/vite-react: a page whose login ended elsewhere shows that", async () => {
  const url = await open("vite-react");
  await page.getByRole("link", { name: "Sign in" }).click();
  await signInAs("alice");
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
  const other = await page.context().newPage();
  await other.goto(`${url}/logout`);
  await other.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in" }).waitFor();
});

test("examples/vite-react, built: server.js alone serves the page and signs in", async () => {
  const example = await prepared("vite-react");
  const vite = join(example.folder, "node_modules/vite/bin/vite.js");
  await startNode([vite, "build"], { cwd: example.folder }).prints(/built in/);
  const provider = await testProvider();
  const url = `http://localhost:${example.port}`;
  const env = {
    OIDC_ISSUER: provider.issuer,
    OIDC_CLIENT_ID: provider.clientId,
    OIDC_CLIENT_SECRET: provider.clientSecret,
    BASE_URL: url,
    SESSION_SECRET: "a session secret of thirty-two characters",
  };
  const server = startNode(["server.js"], { cwd: example.folder, env });
  await untilAnswers(url, server);
  await visit(url);
  await page.getByRole("link", { name: "Sign in" }).click();
  await signInAs("alice");
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
  await provider.close();
});

test("examples/several-services gives each service a token that is for it alone", async () => {
  const url = await open("several-services");
  await signInAs("alice");
  await page.waitForURL(`${url}/`);
  expect(JSON.parse((await page.textContent("body")) ?? "")).toEqual({
    name: "Alice",
    orders: { sub: "alice", things: ["Porcelain teapot"] },
    invoices: { sub: "alice", things: ["Invoice 17"] },
  });
  for (const [path, thing] of [
    ["/api/orders/mine", "Porcelain teapot"],
    ["/api/invoices/mine", "Invoice 17"],
  ] as const) {
    const answer: unknown = await page.evaluate(
      `fetch("${path}").then((answer) => answer.json())`,
    );
    expect(answer).toEqual({ sub: "alice", things: [thing] });
  }
});

test("examples/several-providers signs staff in at one, customers at the other", async () => {
  const url = await open("several-providers");
  await page.getByRole("link", { name: "I am a customer" }).click();
  await signInAs("alice");
  await page.waitForURL(`${url}/`);
  expect(await page.textContent("body")).toContain('"provider":"customers"');
  await page.goto(`${url}/admin`);
  await signInAs("ada");
  await page.waitForURL(`${url}/admin`);
  expect(await page.textContent("body")).toContain('"administrator":"ada"');
});

/** Starts an example as `npm start` does, and opens it. */
async function open(name: string): Promise<string> {
  const example = await prepared(name);
  const started = startNode(["start.js"], { cwd: example.folder });
  const [, said = ""] = await started.prints(/Open (http:\S+)/);
  await untilAnswers(said, started);
  await visit(said);
  return said;
}

async function visit(url: string): Promise<void> {
  page = await (await chromium.newContext()).newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(url);
}

/** A copy of an example that can be started. */
interface Prepared {
  readonly folder: string;
  /** In place of 3000. */
  readonly port: string;
}

async function prepared(name: string): Promise<Prepared> {
  const example = await mkdtemp(join(folder, `${name}-`));
  await cp(join("examples", name), example, { recursive: true });
  const port = await movePorts(example);
  await linkDependencies(example, withReact);
  return { folder: example, port };
}

/** Puts free ports in place of those that the example names; the one of its server. */
async function movePorts(example: string): Promise<string> {
  const ports = {
    "3000": String(await freePort()),
    "5173": String(await freePort()),
  };
  for (const file of await readdir(example)) {
    if (!file.endsWith(".js")) continue;
    const text = await readFile(join(example, file), "utf8");
    const moved = text.replace(/\b(?:3000|5173)\b/g, (port) =>
      port === "3000" ? ports["3000"] : ports["5173"],
    );
    await writeFile(join(example, file), moved);
  }
  return ports["3000"];
}

async function signInAs(user: string): Promise<void> {
  await page.getByRole("button", { name: user }).click();
  await page.getByRole("button", { name: "Allow" }).click();
}
