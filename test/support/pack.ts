/** The package as it is published: a tarball. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A tarball. */
export interface Tarball {
  readonly filename: string;
  /** Paths of what is in it. */
  readonly files: readonly string[];
}

/** Packs what `npm run build` made into a folder. */
export async function pack(folder: string): Promise<Tarball> {
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
  return { filename, files: files.map(({ path }) => path) };
}
