/** The demo in a process of its own, and a page of Chromium that opens it. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";

import { freePort } from "./free-port.js";
import { type NodeProcess, startNode } from "./node-process.js";

/** The demo as a command has started it. */
export interface Demo {
  readonly url: string;
  readonly process: NodeProcess;
}

/** Ports that nobody else takes: two demos that look for them at once may choose the same. */
async function ownPorts(): Promise<Record<string, string>> {
  const ports: Record<string, string> = {};
  for (const name of ["", "PROVIDER_", "ORDERS_", "SECOND_PROVIDER_"]) {
    ports[`${name}PORT`] = String(await freePort());
  }
  return ports;
}

/**
 * Starts it in an empty folder, because it may read .env, which is the developer's own.
 *
 * @param env beside the demo's ports
 */
export async function startDemo(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Demo> {
  const demo = startNode(command, {
    cwd: await emptyFolder(),
    env: { ...(await ownPorts()), ...env },
  });
  return opened(demo);
}

/** The same at the ports of its own choice. */
export async function startDemoAnywhere(
  command: readonly string[],
): Promise<Demo> {
  return opened(startNode(command, { cwd: await emptyFolder() }));
}

async function opened(started: NodeProcess): Promise<Demo> {
  const [, url = ""] = await started.prints(/Open (http:\/\/\S+)/);
  return { url, process: started };
}

function emptyFolder(): Promise<string> {
  return mkdtemp(join(process.env["TEST_RUN_DIRECTORY"] ?? tmpdir(), "demo-"));
}

/** A page in a browser of its own; close its context. */
export async function newPage(chromium: Browser): Promise<Page> {
  const context = await chromium.newContext({
    locale: "en",
    viewport: { width: 1280, height: 800 },
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  return page;
}

/** Holds a page's requests for this pattern back until the returned function is called. */
export async function holdRequests(
  page: Page,
  pattern: string,
): Promise<() => void> {
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route(pattern, async (route) => {
    await held;
    await route.continue();
  });
  return letGo;
}

/** What the browser complains about: failed responses, errors in scripts, violations of the policy. */
export function listenForComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "no reason";
    // The page was left before the answer was there: nobody's fault.
    if (reason === "net::ERR_ABORTED") return;
    complaints.push(`${reason} ${request.url()}`);
  });
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    const status = /responded with a status of (\d+)/.exec(message.text())?.[1];
    complaints.push(
      status === undefined
        ? message.text()
        : `${status} ${message.location().url}`,
    );
  });
  return complaints;
}

/** Signs in from the front page, as its button leads. */
export async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole("link", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Continue as Alice" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
}
