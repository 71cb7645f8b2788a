/** keepTrying: many who wait at the same time for the same store. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { expect, test } from "@jest/globals";

const BUILT = pathToFileURL(
  path.join(import.meta.dirname, "../../dist/stores/keep-trying.js"),
).href;

/** In a process of its own: Node tells its warnings there. */
const SCRIPT = `
import { keepTrying } from "${BUILT}";
const stop = new AbortController().signal;
const attempts = Array.from({ length: 20 }, () => {
  let isFirst = true;
  return keepTrying(async () => {
    if (!isFirst) return "stored";
    isFirst = false;
    throw new Error("away");
  }, { milliseconds: 60_000, stop });
});
// The pauses do not keep a process alive.
const alive = setInterval(() => undefined, 1000);
console.log(new Set(await Promise.all(attempts)));
clearInterval(alive);
`;

test("many may wait on one signal: Node does not warn of a leak", () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", SCRIPT],
    { encoding: "utf8" },
  );
  expect({ stdout, stderr }).toEqual({
    stdout: "Set(1) { 'stored' }\n",
    stderr: "",
  });
});
