/** Takes the pictures of docs/images, of the built demo and its inspector: `npm run docs:pictures`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium, type Page } from "playwright-core";

const IMAGES = resolve("docs/images");

interface Look {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly colorScheme: "light" | "dark";
}

const LOOKS: readonly Look[] = [
  { name: "", width: 1280, height: 800, colorScheme: "light" },
  { name: "-dark", width: 1280, height: 800, colorScheme: "dark" },
  { name: "-phone", width: 360, height: 720, colorScheme: "light" },
];

mkdirSync(IMAGES, { recursive: true });
const demo = spawn(
  process.execPath,
  [resolve("dist/bundle/cli/main.js"), "demo"],
  {
    // In an empty folder: it reads .env.
    cwd: mkdtempSync(join(tmpdir(), "pictures-")),
    stdio: ["ignore", "pipe", "inherit"],
  },
);
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const url = await addressOf(demo.stdout);
  for (const look of LOOKS) await take(browser, url, look);
} finally {
  await browser.close();
  demo.kill();
  await once(demo, "exit");
}

async function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, url] = /Open (http:\/\/\S+)/.exec(line) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error("the demo has ended");
}

async function take(
  chromiumBrowser: Browser,
  url: string,
  { name, width, height, colorScheme }: Look,
): Promise<void> {
  const context = await chromiumBrowser.newContext({
    locale: "en",
    viewport: { width, height },
    colorScheme,
  });
  const page = await context.newPage();
  await signIn(page, url);
  await page.getByRole("button", { name: "Call the orders API" }).click();
  await page.waitForLoadState("networkidle").catch(() => undefined);
  await page.evaluate("scrollTo(0, 0)");
  await page.screenshot({ path: join(IMAGES, `demo${name}.png`) });
  await page.goto(new URL("/__login/#latest", url).href);
  await page.getByText("Login of alice").first().click();
  await page
    .getByRole("button", { name: /Token Request/ })
    .first()
    .click();
  await page.screenshot({ path: join(IMAGES, `inspector${name}.png`) });
  await context.close();
}

async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole("link", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Continue as Alice" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "Hello, Alice" }).waitFor();
}
