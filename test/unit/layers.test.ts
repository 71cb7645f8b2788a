/** The rooms and floors of lib/: imports only point down. */
import { describe, expect, test } from "@jest/globals";

import {
  readLib,
  readSource,
  type SourceFile,
  type SourceImport,
} from "../support/lib-imports.js";

// Lowest first. An entry is a file, or a folder where it ends with a slash.
const FLOORS: readonly (readonly string[])[] = [
  ["base/"],
  ["telling/", "stores/"],
  ["config/"],
  ["outgoing/"],
  ["provider/", "logins/", "resource/", "http/"],
  ["express/"],
  ["sign-in/", "tokens/"],
  ["parts.ts"],
  ["flow/", "sockets/", "pages/"],
  ["kit/"],
  ["kit.ts"],
  ["index.ts"],
];
/** What each file of which stands for itself. */
const FLOW = "flow/";

// Entry points of their own, beside the layers: `express-login-kit/redis`,
// `/browser`, `/testing`, `/providers` and `/inspector`.
const REDIS_ENTRY = "redis/";
const BROWSER_ENTRY = "browser/";
const TESTING_ENTRY = "testing/";
const PROVIDERS_ENTRY = "providers/";
const INSPECTOR_ENTRY = "inspector/";
/** The command `express-login-kit`. */
const CLI_ENTRY = "cli/";
const OTHER_ENTRIES = [
  REDIS_ENTRY,
  BROWSER_ENTRY,
  TESTING_ENTRY,
  PROVIDERS_ENTRY,
  INSPECTOR_ENTRY,
  CLI_ENTRY,
];
const REDIS_ENTRY_MAY_IMPORT = [
  "base/deadline.ts",
  "stores/redis/redis-command.ts",
  // A wrong option is the same ConfigError as everywhere.
  "base/checked.ts",
];

const lib = readLib();
const layered = lib.filter(({ file }) => !isOfOtherEntry(file));

describe.each(lib.map((source) => [source.file, source] as const))(
  "lib/%s",
  (_file, source) => {
    test("begins with one sentence that is its purpose", () => {
      const sentence = source.firstComment.replace(/ \([^)]*\)$/, "");
      expect(sentence).toMatch(/[.?]$/);
      expect(sentence.match(/[.?!](?=\s+[A-Z]|$)/g)).toHaveLength(1);
    });

    test("has no top-level await, which would break require()", () => {
      expect(source.hasTopLevelAwait).toBe(false);
    });
  },
);

test.each(layered.map(({ file }) => file))("lib/%s has a floor", (file) => {
  expect(floorOf(file)).toBeGreaterThanOrEqual(0);
});

test.each(layered.map((source) => [source.file, source] as const))(
  "lib/%s imports only what is below it",
  (_file, source) => {
    expect(upwardImports(source)).toEqual([]);
  },
);

test("the entry point ./redis imports deadline, client type and option checks, nothing else of lib", () => {
  const imported = lib
    .filter(({ file }) => file.startsWith(REDIS_ENTRY))
    .flatMap(({ imports }) => localTargets(imports))
    .filter((target) => !target.startsWith(REDIS_ENTRY));
  expect(REDIS_ENTRY_MAY_IMPORT).toEqual(expect.arrayContaining(imported));
});

test("the entry point ./browser imports nothing but its own files, and these when they are used", () => {
  const imported = lib
    .filter(({ file }) => file.startsWith(BROWSER_ENTRY))
    .flatMap(({ imports }) => imports);
  expect(
    imported.filter(({ target }) => !target.startsWith(BROWSER_ENTRY)),
  ).toEqual([]);
  const entry = lib.find(({ file }) => file === "browser/browser.ts");
  const atOnce = entry?.imports.filter(({ kind }) => kind === "static");
  expect(atOnce).toEqual([]);
});

test("the entry point ./testing knows the kit by HTTP only: it imports one type, the store driver's", () => {
  const imported = lib
    .filter(({ file }) => file.startsWith(TESTING_ENTRY))
    .flatMap(({ imports }) => imports)
    .filter(
      ({ isLocal, target }) => isLocal && !target.startsWith(TESTING_ENTRY),
    )
    .map(({ kind, target }) => `${kind} ${target}`);
  expect([...new Set(imported)]).toEqual(["type stores/driver.ts"]);
});

test("the entry point ./providers imports base/ and types of the options, nothing else of lib", () => {
  const imported = lib
    .filter(({ file }) => file.startsWith(PROVIDERS_ENTRY))
    .flatMap(({ imports }) => imports)
    .filter(
      ({ isLocal, kind, target }) =>
        isLocal &&
        !target.startsWith(PROVIDERS_ENTRY) &&
        !target.startsWith("base/") &&
        !(kind === "type" && target.startsWith("config/")),
    )
    .map(({ target }) => target);
  expect(imported).toEqual([]);
});

test("no file of the core imports the other entry points", () => {
  const importers = layered.filter(({ imports }) =>
    localTargets(imports).some(isOfOtherEntry),
  );
  expect(importers.map(({ file }) => file)).toEqual([]);
});

test("no files import each other in a circle, not even types", () => {
  expect(cycles(lib)).toEqual([]);
});

describe("a package is imported at run time only by", () => {
  test.each([
    ["openid-client", ["provider/"]],
    // Apple's client secret is a JWT.
    ["jose", ["provider/", "providers/apple.ts"]],
    // express-session's Store and Cookie are classes, so no types.
    [
      "express-session",
      [
        "express/bare-session.ts",
        "express/cookie-session.ts",
        "express/session-store.ts",
      ],
    ],
    ["connect-redis", ["stores/redis/redis-sessions.ts"]],
    ["redis", ["redis/"]],
    ["cockatiel", ["resource/send.ts"]],
    [
      "zod",
      [
        "base/calls.ts",
        "base/client-key-calls.ts",
        "base/silent-login-options.ts",
        "base/checked.ts",
        "config/",
        "logins/auth-rule.ts",
        "redis/checked-options.ts",
        "providers/",
        "sign-in/login-options.ts",
        "inspector/",
      ],
    ],
  ])("%s: %j", (name, owners) => {
    const users = lib
      .filter(({ imports }) =>
        imports.some(({ kind, target }) => kind !== "type" && target === name),
      )
      .map(({ file }) => file);
    const strangers = users.filter(
      (file) => !owners.some((owner) => isAt(file, owner)),
    );
    expect(strangers).toEqual([]);
    expect(users).not.toEqual([]);
  });
});

test.each(["connect-redis", "cockatiel"])(
  "%s is loaded on first use: only by import()",
  (name) => {
    const kinds = lib
      .flatMap(({ imports }) => imports)
      .filter(({ target }) => target === name)
      .map(({ kind }) => kind);
    expect(kinds).not.toContain("static");
  },
);

test("openid-client and jose are loaded with the first request to a provider, not at the start", () => {
  const loaded = new Set<string>();
  const load = (target: string): void => {
    if (loaded.has(target)) return;
    loaded.add(target);
    lib
      .find(({ file }) => file === target)
      ?.imports.filter(({ kind }) => kind === "static")
      .forEach((one) => {
        load(one.target);
      });
  };
  load("index.ts");
  expect([...loaded]).toContain("express-session");
  expect([...loaded]).not.toContain("openid-client");
  expect([...loaded]).not.toContain("jose");
});

describe("these tests notice", () => {
  test.each([
    ["provider/a.ts", 'import type { B } from "../http/b.js";'],
    ["http/a.ts", 'import { login } from "../flow/1-login.js";'],
    ["flow/a.ts", 'import { createLogin } from "./1-login.js";'],
    ["flow/a.ts", 'export * from "./1-login.js";'],
    ["base/a.ts", 'const config = () => import("../config/config.js");'],
    ["config/a.ts", 'let kit: import("../kit/kit.js").LoginKit;'],
    ["base/a.ts", "const name = String(1); void import(name);"],
    ["express/a.ts", 'import "../redis/redis-client.js";'],
  ])("%s with: %s", (file, text) => {
    expect(upwardImports(readSource(file, text))).toHaveLength(1);
  });

  test("a circle", () => {
    const sources = [
      readSource("a.ts", 'import type { B } from "./b.js";'),
      readSource("b.ts", 'import { c } from "./c.js";'),
      readSource("c.ts", 'import { a } from "./a.js";'),
    ];
    expect(cycles(sources)).not.toEqual([]);
  });

  test.each(["await ready();", "for await (const one of many) use(one);"])(
    "a top-level await: %s",
    (text) => {
      expect(readSource("a.ts", text).hasTopLevelAwait).toBe(true);
    },
  );
});

function isOfOtherEntry(file: string): boolean {
  return OTHER_ENTRIES.some((entry) => file.startsWith(entry));
}

function floorOf(file: string): number {
  return FLOORS.findIndex((floor) => floor.some((entry) => isAt(file, entry)));
}

function isAt(file: string, entry: string): boolean {
  return entry.endsWith("/") ? file.startsWith(entry) : file === entry;
}

function upwardImports({ file, imports }: SourceFile): string[] {
  // A computed import leads nobody knows where, so it counts as one too many.
  const computed = imports.filter(({ target }) => target === "?");
  return [...localTargets(imports), ...computed.map(({ target }) => target)]
    .filter((target) => !mayImport(file, target))
    .map((target) => `${file} -> ${target}`);
}

function mayImport(file: string, target: string): boolean {
  const from = floorOf(file);
  const to = floorOf(target);
  if (to !== from) return to >= 0 && to < from;
  // Rooms of one floor do not look into each other.
  return roomOf(file) === roomOf(target) && !isAt(file, FLOW);
}

function roomOf(file: string): string {
  return file.slice(0, file.indexOf("/"));
}

function localTargets(imports: readonly SourceImport[]): string[] {
  return imports.filter(({ isLocal }) => isLocal).map(({ target }) => target);
}

function cycles(sources: readonly SourceFile[]): string[] {
  const targets = new Map(
    sources.map(({ file, imports }) => [file, localTargets(imports)]),
  );
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start !== -1) {
      found.add([...trail.slice(start), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const target of targets.get(file) ?? []) {
      visit(target, [...trail, file]);
    }
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return [...found];
}
