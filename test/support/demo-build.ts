/**
 * Compiles the demo application, once in a run of all tests.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** Milliseconds to wait for another test file that compiles it. */
const TIMEOUT = 150_000;

/** The demo's program for `node`. It imports the package, so `dist` must be there. */
export async function builtDemo(): Promise<string> {
  const folder = join(process.env["TEST_RUN_DIRECTORY"] ?? "", "demo-build");
  const done = join(folder, "done");
  if (await isFirst(folder)) {
    try {
      await compile();
    } finally {
      // After a failure as well: nobody else has to wait for what will not come.
      await writeFile(done, "");
    }
  }
  // Not Date: a test may have set the clock.
  const deadline = performance.now() + TIMEOUT;
  while (!existsSync(done)) {
    if (performance.now() > deadline) throw new Error("no demo-app/dist");
    await sleep(50);
  }
  return resolve("demo-app/dist/server.js");
}

/** Test files run side by side: who makes the folder does the work. */
async function isFirst(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function compile(): Promise<void> {
  const tsc = "node_modules/typescript/bin/tsc";
  try {
    await promisify(execFile)(process.execPath, [tsc, "-p", "demo-app"]);
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    throw new Error(`the demo does not compile:\n${stdout ?? ""}`, {
      cause: error,
    });
  }
}
