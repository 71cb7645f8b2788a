/** Writes the pages that are made: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { makePages } from "./pages.js";

// Compiled to docs/make/dist.
const root = resolve(import.meta.dirname, "../../..");

for (const { file, written, made } of makePages(root)) {
  if (made === written) continue;
  writeFileSync(join(root, file), made);
  console.log(`${file} is made anew`);
}
