/** The applications in examples/, with the packed tarball: their own tests are green. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { packed } from "../support/pack.js";

const run = promisify(execFile);

let folder: string;
let tarball: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "express-login-kit-examples-"));
  tarball = (await packed()).path;
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
  const kit = join(example, "node_modules/express-login-kit");
  await mkdir(kit, { recursive: true });
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", kit]);
  const wanted = [
    ...(await dependenciesOf(example)),
    ...(await dependenciesOf(kit)),
  ].filter((dependency) => dependency !== "express-login-kit");
  for (const dependency of new Set(wanted)) {
    const link = join(example, "node_modules", dependency);
    await mkdir(dirname(link), { recursive: true });
    await symlink(resolve("node_modules", dependency), link);
  }
  const bin = join(example, "node_modules/.bin");
  await symlink(resolve("node_modules/.bin"), bin);
  return example;
}

/** What a package needs to run, and an example to be tested. */
async function dependenciesOf(project: string): Promise<string[]> {
  const manifest = JSON.parse(
    await readFile(join(project, "package.json"), "utf8"),
  ) as {
    name: string;
    dependencies: Record<string, string>;
    devDependencies?: Record<string, string>;
  };
  const isExample = manifest.name.startsWith("example-");
  return Object.keys({
    ...manifest.dependencies,
    ...(isExample && manifest.devDependencies),
  });
}
