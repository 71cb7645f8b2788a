/** The package as it is published: a tarball. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { onceInARun } from "./once-in-a-run.js";

const run = promisify(execFile);

/** A tarball. */
export interface Tarball {
  /** Path of the tarball. */
  readonly path: string;
  /** Paths of what is in it. */
  readonly files: readonly string[];
}

/** Packs what `npm run build` made, once in a run of all tests. */
export async function packed(): Promise<Tarball> {
  const result = await onceInARun("tarball", async (folder) => {
    const { stdout } = await run("npm", [
      "pack",
      "--json",
      "--ignore-scripts",
      "--pack-destination",
      folder,
    ]);
    const [{ filename, files }] = JSON.parse(stdout) as [
      { filename: string; files: { path: string }[] },
    ];
    const tarball: Tarball = {
      path: join(folder, filename),
      files: files.map(({ path }) => path),
    };
    return JSON.stringify(tarball);
  });
  return JSON.parse(result) as Tarball;
}
