/** The documents: links lead somewhere, sources that are named exist, and tables are short. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { expect, test } from "@jest/globals";

import { pageTexts } from "../../lib/base/page-texts.js";

const ROOT = path.join(import.meta.dirname, "../..");
const pages = [
  ...readdirSync(ROOT),
  ...filesBelow("docs"),
  ...filesBelow("examples"),
  "bench/README.md",
].filter((file) => file.endsWith(".md"));

test.each(pages)("the links of %s lead somewhere", (page) => {
  const broken = linksOf(page).filter((link) => !leadsSomewhere(page, link));
  expect(broken).toEqual([]);
});

test("docs/errors.md names every text of the kit's pages", () => {
  const page = textOf("docs/errors.md");
  const missing = Object.keys(pageTexts).filter(
    (key) => !page.includes(`\`${key}\``),
  );
  expect(missing).toEqual([]);
});

test.each(pages)("the sources that %s names are there", (page) => {
  const names = [...textOf(page).matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.ts)`/g)];
  const gone = names
    .map(([, name = ""]) => name)
    .filter((name) => {
      const places = ["", "lib", "test", "examples"].map((top) =>
        path.join(ROOT, top, name),
      );
      return !places.some((place) => existsSync(place));
    });
  expect(gone).toEqual([]);
});

test.each(pages)("%s has no cell that is longer than a sentence", (page) => {
  const long = cellsOf(page).filter((cell) => /[.?!] +[A-Z`[]/.test(cell));
  expect(long).toEqual([]);
});

/** Without what npm has installed into an example. */
function filesBelow(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .flatMap((entry) =>
      entry.isDirectory()
        ? filesBelow(`${folder}/${entry.name}`)
        : [`${folder}/${entry.name}`],
    );
}

/** The links to files and headings of this repository. */
function linksOf(page: string): string[] {
  return [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [file = "", heading] = link.split("#");
  const target = file === "" ? page : path.join(path.dirname(page), file);
  if (!existsSync(path.join(ROOT, target))) return false;
  return heading === undefined || anchorsOf(target).has(heading);
}

/** As GitHub makes them, and those that are written: small letters, hyphens for spaces, no punctuation; numbered where they repeat. */
function anchorsOf(page: string): Set<string> {
  const written = textOf(page).matchAll(/^<a id="([^"]+)"><\/a>$/gm);
  const anchors = new Set([...written].map(([, id = ""]) => id));
  for (const [, title = ""] of textOf(page).matchAll(/^#+ (.+)$/gm)) {
    const anchor = title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let name = anchor;
    for (let again = 1; anchors.has(name); again += 1) {
      name = `${anchor}-${String(again)}`;
    }
    anchors.add(name);
  }
  return anchors;
}

/** The cells of the tables. */
function cellsOf(page: string): string[] {
  return textOf(page)
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .flatMap((line) => line.split(/ *(?<!\\)\| */));
}

/** A page without its blocks of code. */
function textOf(page: string): string {
  return readFileSync(path.join(ROOT, page), "utf8").replace(
    /^```[^]*?^```$/gm,
    "",
  );
}
