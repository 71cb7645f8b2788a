/** The README by itself: from an empty folder to a page that greets the user, and to an API call. */
import { execFile } from "node:child_process";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";

import { launchChromium } from "../support/chromium.js";
import { type CodeBlock, codeBlocksOf } from "../support/code-blocks.js";
import { freePort } from "../support/free-port.js";
import {
  endNodeProcesses,
  type NodeProcess,
  startNode,
} from "../support/node-process.js";
import { NPM_INSTALL_TIMEOUT } from "../support/npm-project.js";
import { packed } from "../support/pack.js";
import { untilAnswers } from "../support/until-answers.js";

const run = promisify(execFile);
const MINUTE_MS = 60_000;

let folder: string;
let chromium: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "express-login-kit-stranger-"));
  chromium = await launchChromium();
});

afterAll(async () => {
  await chromium.close();
  await endNodeProcesses();
  await rm(folder, { recursive: true, force: true });
});

test(
  "the README leads from an empty folder to a greeting in 12 lines, and to an API call",
  async () => {
    const begun = performance.now();
    const minutes = (): string =>
      ((performance.now() - begun) / MINUTE_MS).toFixed(1);
    const readme = await readReadme();
    const { path } = await packed();
    const install = readme.commands.replace(
      "npm install express-login-kit",
      `npm install ${path}`,
    );
    await shell(install);
    await write(".env", readme.block(".env"));
    const secret = await shell(readme.secretCommand);
    await append(".env", `SESSION_SECRET=${secret}`);
    const [npx, command = "", ...given] = readme.providerCommand.split(" ");
    expect(npx).toBe("npx");
    // Its ports are fixed, and somebody may have them here.
    const [port, apiPort] = [await freePort(), await freePort()].map(String);
    const ports = ["--port", port ?? "", "--api-port", apiPort ?? ""];
    const provider = startNode(
      [join("node_modules/.bin", command), ...given, ...ports],
      { cwd: folder },
    );
    await provider.prints(/SHOP_API_URL=.+\n/);
    await append(".env", provider.output());

    const [first, second] = readme.apps;
    expect(linesOf(first)).toHaveLength(12);
    const page = await chromium.newPage();
    page.setDefaultTimeout(30_000);
    let app = await start(readme, first);
    await page.goto(readme.url);
    await page.getByRole("button", { name: "alice" }).click();
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL(`${readme.url}/`);
    expect(await bodyOf(page)).toContain("Hello, alice!");
    report(`${minutes()} minutes and 12 lines to a page that greets the user`);

    await page.goto(`${readme.url}/logout`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL((url) => url.origin !== readme.url);
    await app.end();

    app = await start(readme, second);
    await page.goto(readme.url);
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "alice" }).click();
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("link", { name: "My orders" }).click();
    await page.waitForURL("**/orders");
    expect(JSON.parse(await bodyOf(page))).toEqual({ sub: "alice" });
    const forwarded: unknown = await page.evaluate(
      "fetch('/api/orders').then((answer) => answer.json())",
    );
    expect(forwarded).toEqual({ sub: "alice" });
    report(
      `${minutes()} minutes and ${linesOf(second).length} lines to an API call`,
    );
    await app.end();
  },
  NPM_INSTALL_TIMEOUT,
);

/** What the README says, for an application at a port that is free here. */
interface Readme {
  readonly url: string;
  readonly commands: string;
  readonly secretCommand: string;
  readonly startCommand: string;
  readonly providerCommand: string;
  /** What `app.js` is first, and then. */
  readonly apps: readonly [string, string];
  readonly block: (file: string) => string;
}

async function readReadme(): Promise<Readme> {
  const port = String(await freePort());
  const here = (text = ""): string => text.replaceAll("3000", port);
  const blocks = codeBlocksOf("README.md");
  const named = (file: string): CodeBlock[] =>
    blocks.filter((block) => block.file === file);
  const [first, second] = named("app.js");
  const text = blocks.map(({ before }) => before).join("\n");
  return {
    url: here("http://localhost:3000"),
    commands: blocks.find(({ language }) => language === "sh")?.code ?? "",
    secretCommand: /`(node -p [^`]+)`/.exec(text)?.[1] ?? "",
    providerCommand:
      blocks
        .map(({ code }) => code.trim())
        .find((code) => code.startsWith("npx express-login-kit")) ?? "",
    startCommand: /`(node --env-file[^`]+)`/.exec(text)?.[1] ?? "",
    apps: [here(first?.code), here(second?.code)],
    block: (file) => here(named(file)[0]?.code),
  };
}

async function start(
  { url, startCommand }: Readme,
  code: string,
): Promise<NodeProcess> {
  await write("app.js", code);
  const app = startNode(startCommand.split(" ").slice(1), { cwd: folder });
  await untilAnswers(url, app);
  return app;
}

function linesOf(code: string): string[] {
  return code.split("\n").filter((line) => line.trim() !== "");
}

async function bodyOf(page: Page): Promise<string> {
  return (await page.textContent("body")) ?? "";
}

/** Runs commands as a stranger types them; npm asks the registry for what its cache lacks. */
async function shell(commands: string): Promise<string> {
  const { stdout } = await run("sh", ["-ec", commands], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      npm_config_prefer_offline: "true",
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_ignore_scripts: "true",
    },
  });
  return stdout;
}

function write(file: string, text: string): Promise<void> {
  return writeFile(join(folder, file), text);
}

function append(file: string, text: string): Promise<void> {
  return appendFile(join(folder, file), `${text}\n`);
}

/** Not by console, which Jest keeps silent. */
function report(text: string): void {
  process.stdout.write(`A stranger with the README: ${text}\n`);
}
