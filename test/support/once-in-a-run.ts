/** Work that several test files need, done once in a run of all tests. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { until } from "./until.js";

/** Milliseconds to wait for another test file that does it. */
const TIMEOUT = 150_000;

/**
 * What the work came to: the file that asks first does it in a folder of the
 * run, the others wait.
 *
 * @param name - of the work, and of the folder
 */
export async function onceInARun(
  name: string,
  work: (folder: string) => Promise<string>,
): Promise<string> {
  const folder = join(process.env["TEST_RUN_DIRECTORY"] ?? "", name);
  const done = join(folder, "done");
  if (await isFirst(folder)) {
    // After a failure as well: nobody else has to wait for what will not come.
    let result = "";
    try {
      result = await work(folder);
    } finally {
      await writeFile(`${done}.part`, result);
      await rename(`${done}.part`, done);
    }
  }
  await until(`${name} is there`, () => existsSync(done), TIMEOUT);
  const result = await readFile(done, "utf8");
  if (result === "") throw new Error(`${name} failed in another test file`);
  return result;
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
