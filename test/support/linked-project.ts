/** A project of the package's users whose dependencies are those of this repository: nothing is downloaded. */
import { execFile } from "node:child_process";
import { access, mkdir, readFile, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import { packed } from "./pack.js";

const run = promisify(execFile);

/**
 * Gives a project the packed kit, and everything that the two depend on.
 *
 * @param project - a folder with a package.json
 * @param others - a folder with the dependencies that this repository does not have
 */
export async function linkDependencies(
  project: string,
  others?: string,
): Promise<void> {
  const kit = join(project, "node_modules/express-login-kit");
  await mkdir(kit, { recursive: true });
  const { path } = await packed();
  await run("tar", ["-xzf", path, "--strip-components=1", "-C", kit]);
  const own = await manifestOf(project);
  const wanted = new Set([
    ...Object.keys({ ...own.dependencies, ...own.devDependencies }),
    ...Object.keys((await manifestOf(kit)).dependencies),
  ]);
  wanted.delete("express-login-kit");
  for (const dependency of wanted) {
    const here = resolve("node_modules", dependency);
    const there = join(others ?? "", "node_modules", dependency);
    const link = join(project, "node_modules", dependency);
    await mkdir(dirname(link), { recursive: true });
    await symlink((await exists(here)) ? here : there, link);
  }
  const bin = join(project, "node_modules/.bin");
  await symlink(resolve("node_modules/.bin"), bin);
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

async function manifestOf(project: string): Promise<Manifest> {
  const text = await readFile(join(project, "package.json"), "utf8");
  return JSON.parse(text) as Manifest;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
