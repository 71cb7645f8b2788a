/** The sources as npm gets them by git: what is packed of them was built. */
import { execFile } from "node:child_process";
import {
  cp,
  mkdtemp,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

const run = promisify(execFile);

let sources: string;

beforeAll(async () => {
  sources = await mkdtemp(join(tmpdir(), "express-login-kit-sources-"));
  for (const name of ["package.json", "tsconfig.json", "lib", "demo-app"]) {
    await cp(name, join(sources, name), { recursive: true });
  }
  await buildUnchecked();
  await symlink(resolve("node_modules"), join(sources, "node_modules"));
});

afterAll(() => rm(sources, { recursive: true, force: true }));

test("a package that npm makes of a git repository holds what an application imports", async () => {
  const printed = await npm("pack", "--json", "--dry-run");
  // The build's own lines stand before what npm says.
  const said = printed.slice(printed.lastIndexOf("\n[\n") + 1);
  const [{ files }] = JSON.parse(said) as [{ files: { path: string }[] }];
  expect(files.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      "dist/index.d.ts",
      "dist/bundle/index.js",
      "dist/bundle/testing/index.js",
      "dist/browser/browser.js",
      "dist/bundle/inspector/index.js",
      "dist/inspector/page/inspector.js",
      "dist/demo/demo.js",
    ]),
  );
}, 240_000);

/** The types are checked where the sources are: here they are emitted only. */
async function buildUnchecked(): Promise<void> {
  const file = join(sources, "tsconfig.json");
  const settings = await readFile(file, "utf8");
  await writeFile(
    file,
    settings.replace('"compilerOptions": {', '$& "noCheck": true,'),
  );
}

/** npm in the sources, without the settings that npm gave these tests. */
async function npm(...args: string[]): Promise<string> {
  const { PATH, HOME } = process.env;
  const options = { cwd: sources, env: { PATH, HOME } };
  const { stdout } = await run("npm", args, options);
  return stdout;
}
