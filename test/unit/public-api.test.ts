/** The public API is what public-api.txt says: nobody changes it by accident. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";

import { publicApi } from "../support/public-api.js";

const RECORDED = path.join(import.meta.dirname, "public-api.txt");
const HINT =
  "The public API differs from test/unit/public-api.txt. If that is meant, run UPDATE_PUBLIC_API=1 npm run jest -- test/unit/public-api, commit the file, and name the change in CHANGELOG.md.";

test("the public API is the recorded one", () => {
  const api = publicApi([
    { name: "express-login-kit", file: "lib/index.ts" },
    { name: "express-login-kit/redis", file: "lib/redis/redis-client.ts" },
    { name: "express-login-kit/browser", file: "lib/browser/browser.ts" },
    { name: "express-login-kit/testing", file: "lib/testing/index.ts" },
    { name: "express-login-kit/providers", file: "lib/providers/index.ts" },
    { name: "express-login-kit/inspector", file: "lib/inspector/index.ts" },
  ]);
  if (process.env["UPDATE_PUBLIC_API"] === "1") writeFileSync(RECORDED, api);
  expect({ hint: HINT, api }).toEqual({
    hint: HINT,
    api: readFileSync(RECORDED, "utf8"),
  });
});

test("the entry points are those of package.json", () => {
  const manifest = JSON.parse(
    readFileSync(path.join(import.meta.dirname, "../../package.json"), "utf8"),
  ) as { exports: Record<string, unknown> };
  expect(manifest.exports).toEqual({
    ".": { types: "./dist/index.d.ts", default: "./dist/bundle/index.js" },
    "./redis": {
      types: "./dist/redis/redis-client.d.ts",
      default: "./dist/bundle/redis/redis-client.js",
    },
    "./browser": {
      types: "./dist/browser/browser.d.ts",
      default: "./dist/browser/browser.js",
    },
    "./testing": {
      types: "./dist/testing/index.d.ts",
      default: "./dist/bundle/testing/index.js",
    },
    "./providers": {
      types: "./dist/providers/index.d.ts",
      default: "./dist/bundle/providers/index.js",
    },
    "./inspector": {
      types: "./dist/inspector/index.d.ts",
      default: "./dist/bundle/inspector/index.js",
    },
    "./package.json": "./package.json",
  });
});
