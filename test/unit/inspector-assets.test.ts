/** What the inspector sends to browsers: complete, small, and safe with whatever data comes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@jest/globals";

import { assets, page } from "../../lib/inspector/assets.js";
import { readLib } from "../support/lib-imports.js";

const PAGE = "inspector/page/";
const FOLDER = join(import.meta.dirname, "../../lib", PAGE);
const MAX_BYTES = 40_000;

const files = assets();
const scripts = [...files].filter(([path]) => path.endsWith(".js"));
const sources = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => ({ name, text: readFileSync(join(FOLDER, name), "utf8") }));

test("every file that page and scripts name is there, and nothing from elsewhere", () => {
  const texts = [page(), ...files.values()].map(({ body }) => body).join("\n");
  const named = [
    ...texts.matchAll(/(?:src=|href=|from|import|new URL\()\s*"(?!#)([^"]+)"/g),
  ].map(([, name = ""]) => `/${name.replace(/^\.\//, "")}`);
  expect(named).toContain("/sequence.css");
  expect(named.filter((name) => name !== "/." && !files.has(name))).toEqual([]);
});

test(`the scripts have less than ${MAX_BYTES} bytes together`, () => {
  const bytes = scripts.map(([, { body }]) => Buffer.byteLength(body));
  expect(bytes.length).toBeGreaterThanOrEqual(2);
  expect(bytes.reduce((sum, one) => sum + one)).toBeLessThan(MAX_BYTES);
});

test("the page has no script or style in its HTML, which its policy would refuse", () => {
  const { body } = page();
  expect(body).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*src=)/);
});

test("text never becomes markup or code", () => {
  const ways =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|\beval\(|new Function|srcdoc/;
  expect(sources.filter(({ text }) => ways.test(text))).toEqual([]);
});

test("the page imports its own files, and types only of what is outside", () => {
  const strangers = readLib()
    .filter(({ file }) => file.startsWith(PAGE))
    .flatMap(({ imports }) => imports)
    .filter(({ kind, target }) => kind !== "type" && !target.startsWith(PAGE))
    .map(({ target }) => target);
  expect(strangers).toEqual([]);
});
