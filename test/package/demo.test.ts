/** `npx express-login-kit demo`: the demo from the packed tarball, in a project that has nothing of this repository. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import {
  listenForComplaints,
  newPage,
  signIn,
  startDemo,
} from "../support/demo-process.js";
import { endNodeProcesses, startNode } from "../support/node-process.js";
import {
  createProject,
  developedWith,
  install,
  NPM_INSTALL_TIMEOUT,
} from "../support/npm-project.js";
import { packed } from "../support/pack.js";

let chromium: Browser;
let project: string;
/** What npx runs. */
let command: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "express-login-kit-demo-"));
  await createProject(project);
  const { path } = await packed();
  // What npm installs for npx: the package and the peers that are not optional.
  await install(project, [
    path,
    ...(await developedWith("express", "express-session")),
  ]);
  command = join(project, "node_modules/.bin/express-login-kit");
  chromium = await launchChromium();
}, NPM_INSTALL_TIMEOUT);

afterAll(async () => {
  await chromium.close();
  await endNodeProcesses();
  await rm(project, { recursive: true, force: true });
});

test("alice signs in, the steps are marked, an API is called, and she signs out", async () => {
  const demo = await startDemo([command, "demo"]);
  const page = await newPage(chromium);
  const complaints = listenForComplaints(page);
  await signIn(page, demo.url);
  await page.locator("#steps > li.done:nth-child(7)").waitFor();
  await page.getByRole("button", { name: "50 calls at once" }).click();
  await page.getByText("The Auth Server itself counted 1 refresh.").waitFor();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  await page.locator("#steps > li.done:nth-child(9)").waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
  expect(await demo.process.end("SIGTERM")).toEqual({ code: 0, signal: null });
}, 120_000);

test("its provider is in the bundle, with the licenses of what is in it", async () => {
  const installed = await readdir(join(project, "node_modules"));
  expect(installed).not.toContain("oidc-provider");
  const licenses = await readFile(
    join(project, "node_modules/express-login-kit/dist/demo/LICENSES.txt"),
    "utf8",
  );
  for (const name of ["oidc-provider", "koa", "helmet"]) {
    expect(licenses).toMatch(new RegExp(`^${name} \\d`, "m"));
  }
});

test("the .env of the project in which it is started is that application's own", async () => {
  await writeFile(join(project, ".env"), "OIDC_ISSUER=nonsense\n");
  const started = startNode([command, "demo"], { cwd: project });
  await started.prints(/Open http:\/\/\S+ and sign in as alice or bob/);
});

test("REDIS_URL without the packages of Redis: it says what to install", async () => {
  const started = startNode([command, "demo"], {
    cwd: project,
    env: {
      REDIS_URL: "redis://127.0.0.1:9",
      SESSION_SECRET: "a-secret-for-the-demo-on-this-computer",
    },
  });
  await started.prints(/npm install redis connect-redis@9/);
});

test("an option that is none is told", async () => {
  const started = startNode([command, "demo", "--three-providers"]);
  await started.prints(/--three-providers/);
});
