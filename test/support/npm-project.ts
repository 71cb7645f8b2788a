/** A project of the package's users: a folder with what npm installs into it. */
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { onceInARun } from "./once-in-a-run.js";
import { packed } from "./pack.js";

const run = promisify(execFile);

/** Milliseconds that npm may take: a first download is slow. */
export const NPM_INSTALL_TIMEOUT = 240_000;

/** Creates the folder of a project that has nothing yet. */
export async function createProject(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), "{}");
  return folder;
}

/** Installs packages into a project, without their install scripts. */
export async function install(
  project: string,
  packages: readonly string[],
): Promise<void> {
  const options = [
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
  ];
  await run("npm", ["install", ...options, ...packages], {
    cwd: project,
  }).catch((cause: unknown) => {
    const { stderr } = cause as { stderr: string };
    throw new Error(
      `npm could not install ${packages.join(", ")}; the npm registry has to be reachable, or its packages in npm's cache:\n${stderr}`,
      { cause },
    );
  });
}

/**
 * Creates a project that has the packed kit, Express and express-session.
 *
 * npm installs them once in a run; each project is a copy, in a folder of the
 * run that has this name: npm notes the tarball by its relative path.
 */
export async function projectWithKit(name: string): Promise<string> {
  const installed = await onceInARun("project-with-kit", async (folder) => {
    const project = await createProject(join(folder, "project"));
    const { path } = await packed();
    const others = await developedWith("express", "express-session");
    await install(project, [path, ...others]);
    return project;
  });
  const project = resolve(installed, "../..", name, "project");
  await cp(installed, project, { recursive: true });
  return project;
}

/** The packages in the versions that this repository is developed with. */
export async function developedWith(
  ...names: readonly string[]
): Promise<string[]> {
  const { devDependencies } = JSON.parse(
    await readFile("package.json", "utf8"),
  ) as { devDependencies: Record<string, string> };
  return names.map((name) => `${name}@${devDependencies[name] ?? "missing"}`);
}

/**
 * Compiles applications of a project, every declaration file checked; what the
 * compiler complains about.
 *
 * @param folder - of the applications, inside the project
 */
export async function compile(folder: string): Promise<string> {
  const compilerOptions = {
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ["node"],
    noEmit: true,
  };
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions }),
  );
  const tsc = resolve("node_modules/typescript/bin/tsc");
  const outcome = await run(process.execPath, [tsc, "-p", folder]).catch(
    (error: unknown) => error as { stdout: string },
  );
  return outcome.stdout;
}
