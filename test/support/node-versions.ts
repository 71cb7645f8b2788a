/** Programs of Node in other versions than the one that runs the tests. */
import { join } from "node:path";

import { createProject, install } from "./npm-project.js";
import { onceInARun } from "./once-in-a-run.js";

/** The oldest that is supported, or what runs the tests; and the newer lines. */
export const NODES = ["this Node", "Node 22", "Node 24"] as const;

/** One of them. */
export type NodeName = (typeof NODES)[number];

/** The path of a program, which npm installs once in a run. */
export async function programOf(node: NodeName): Promise<string> {
  if (node === "this Node") return process.execPath;
  const modules = await onceInARun("node-versions", installNodes);
  return join(modules, node.toLowerCase().replace(" ", ""), "bin/node");
}

/**
 * Installs the Node programs. The npm package `node` gets its program in an
 * install script, which npm may refuse to run, from the packages that are taken
 * here directly.
 */
async function installNodes(folder: string): Promise<string> {
  const project = await createProject(join(folder, "nodes"));
  const { platform, arch } = process;
  const isAppleSilicon = platform === "darwin" && arch === "arm64";
  const name = `${isAppleSilicon ? "node-bin" : "node"}-${platform}-${arch}`;
  await install(
    project,
    ["22", "24"].map((version) => `node${version}@npm:${name}@${version}`),
  );
  return join(project, "node_modules");
}
