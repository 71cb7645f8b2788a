/**
 * Compiles the demo application, once in a run of all tests.
 */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

import { onceInARun } from "./once-in-a-run.js";

/** The demo's program for `node`. It imports the package, so `dist` must be there. */
export function builtDemo(): Promise<string> {
  return onceInARun("demo-build", async () => {
    await compile();
    return resolve("demo-app/dist/server.js");
  });
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
