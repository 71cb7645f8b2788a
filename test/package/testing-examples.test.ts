/** The applications in examples/, with the packed tarball: their own tests are green. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { linkDependencies } from "../support/linked-project.js";

const run = promisify(execFile);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "express-login-kit-examples-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ["jest", /Tests: +11 passed, 11 total/],
  ["jest-commonjs", /Tests: +3 passed, 3 total/],
  ["vitest", /Tests +8 passed \(8\)/],
  ["node-test", /# pass 8\n# fail 0/],
])("examples/%s is green with the packed package", async (name, summary) => {
  const example = await installed(name);
  const { stdout, stderr } = await run("npm", ["test"], {
    cwd: example,
    // Not the environment of these tests: NODE_ENV and NODE_OPTIONS are theirs.
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      NO_COLOR: "1",
    },
  }).catch((error: unknown) => error as { stdout: string; stderr: string });
  expect(stdout + stderr).toMatch(summary);
});

/** A copy of an example with everything that it and the package depend on. */
async function installed(name: string): Promise<string> {
  const example = join(folder, name);
  await cp(join("examples", name), example, { recursive: true });
  await linkDependencies(example);
  return example;
}
