/** docs/api is what TypeDoc makes of the sources now. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

const ROOT = path.join(import.meta.dirname, "../..");
const WRITTEN = path.join(ROOT, "docs/api");

let made: string;

beforeAll(async () => {
  made = await mkdtemp(path.join(tmpdir(), "express-login-kit-api-"));
  const typedoc = path.join(ROOT, "node_modules/typedoc/bin/typedoc");
  const options = ["--options", "docs/make/typedoc.json", "--out", made];
  await promisify(execFile)(process.execPath, [typedoc, ...options], {
    cwd: ROOT,
  });
});

afterAll(() => rm(made, { recursive: true, force: true }));

test("docs/api is what TypeDoc makes of the sources", async () => {
  const hint = "run npm run docs, and commit what it writes";
  const pages = await pagesIn(made);
  expect(pages.size).toBeGreaterThan(5);
  expect({ hint, pages: await pagesIn(WRITTEN) }).toEqual({ hint, pages });
});

async function pagesIn(folder: string): Promise<Map<string, string>> {
  const files = await readdir(folder, { recursive: true });
  const pages = new Map<string, string>();
  for (const file of files.filter((name) => name.endsWith(".md")).sort()) {
    pages.set(file, await readFile(path.join(folder, file), "utf8"));
  }
  return pages;
}
