/** The code of docs/guides and docs/providers compiles; in one file, so that the compiler reads its libraries once. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";
import type ts from "typescript";

import { codeBlocksOf } from "../support/code-blocks.js";
import { problemsIn } from "../support/compile-in-memory.js";
import { codeOf, pageNames } from "../support/look-alikes/provider-pages.js";

const ROOT = path.join(import.meta.dirname, "../..");
const GUIDES = path.join(ROOT, "docs/guides");
const guides = readdirSync(GUIDES).filter((file) => file.endsWith(".md"));

/** What the code around a fragment has already, and packages that are not installed here. */
const SURROUNDINGS = `
import type { Express } from "express";
import type { LoginKit } from "express-login-kit";
import type { RedisClient } from "express-login-kit";
declare global {
  const app: Express;
  const kit: LoginKit;
  const redis: RedisClient;
  const createApp: (provider: object) => Express;
  const findUser: (id: unknown) => Promise<object>;
  const findOrCreateUser: (issuer: string, subject: string) => Promise<object | undefined>;
  const test: (title: string, run: () => Promise<void>) => void;
  namespace Express {
    interface Request { user?: object }
  }
}
declare module "express-login-kit" {
  interface LoginData { user: object }
}
declare module "express-session" {
  interface SessionData { notes: string[] }
}`;
const OTHERS = [
  "@fastify/express",
  "@nestjs/common",
  "@nestjs/core",
  "@nestjs/platform-express",
  "fastify",
  "next",
]
  .map((name) => `declare module "${name}";`)
  .join("\n");
const NEST = `declare module "@nestjs/platform-express" { export type NestExpressApplication = any }
declare module "@nestjs/common" {
  export const Controller: () => ClassDecorator;
  export const Get: (path: string) => MethodDecorator;
  export const Req: () => ParameterDecorator;
}
declare module "@nestjs/core" {
  export const NestFactory: { create<T>(module: object, options: object): Promise<T> };
}`;

/** What an application that comes from elsewhere has had: not ours to check. */
const FORMER = /from "(?:express-openid-connect|passport)"/;

/** Its samples are one program. */
const ONE_PROGRAM = "roles-and-own-users.md";

/** JavaScript as it is checked: an application knows that its environment is set. */
const JAVASCRIPT: ts.CompilerOptions = {
  allowJs: true,
  checkJs: true,
  strict: false,
  exactOptionalPropertyTypes: false,
};
const TYPESCRIPT: ts.CompilerOptions = {
  exactOptionalPropertyTypes: true,
  experimentalDecorators: true,
};

describe("the code of the guides", () => {
  test("in JavaScript compiles, and would not with an option that does not exist", () => {
    const sources = sourcesOf("js", OTHERS);
    const wrong = path.join(GUIDES, "wrong.js");
    sources.set(wrong, "kit.requireAuth({ maxAge: 5 }); export {};");
    expect(problemsIn(sources, JAVASCRIPT)).toEqual([
      expect.stringMatching(/^wrong\.js: .*'maxAge' does not exist/),
    ]);
  });

  test("in TypeScript compiles", () => {
    const sources = sourcesOf("ts", NEST);
    const module = path.join(GUIDES, "app.module.ts");
    sources.set(module, "export class AppModule {}");
    expect(problemsIn(sources, TYPESCRIPT)).toEqual([]);
  });
});

describe("the code of roles-and-own-users.md", () => {
  test("the samples compile together", () => {
    expect(complaints(samples())).toEqual([]);
  });

  test("what an application writes wrong does not compile", () => {
    const wrong = [
      'import type { KeptLoginData } from "express-login-kit";',
      "export const without: OnLogin = () => ({ data: {} });",
      'export const misspelt: OnLogin = () => ({ data: { userID: "1" } });',
      'export const other: OnLogin = () => ({ refused: "no" });',
      "export const read = (login: { data: KeptLoginData }): string => login.data.userId;",
    ];
    expect(complaints([samples(), ...wrong].join("\n"))).toEqual([
      expect.stringContaining("'userId' is missing"),
      expect.stringContaining("'userID' does not exist"),
      expect.stringContaining("'{ refused: string; }' is not assignable"),
      expect.stringContaining("'undefined' is not assignable"),
    ]);
  });
});

describe("the code of the pages", () => {
  // An application knows that its environment is set.
  const PROCESS =
    "const process = {} as { env: Record<string, string> }; void process;";
  // What a page may import beside the kit.
  const keyFile = path.join(ROOT, "docs/providers/client-key.ts");
  const key = `import type { webcrypto } from "node:crypto";
export declare const key: webcrypto.CryptoKey;`;
  const sources = new Map([
    [keyFile, key],
    ...pageNames().flatMap((name) =>
      codeOf(name).map(
        (code, block) =>
          [
            path.join(ROOT, "docs/providers", `${name}-${String(block)}.ts`),
            `${PROCESS}\n${code}`,
          ] as const,
      ),
    ),
  ]);

  test("compiles", () => {
    expect(problemsIn(sources)).toEqual([]);
  });

  test("would not with a parameter that the recipe does not have", () => {
    const file = path.join(ROOT, "docs/providers/wrong.ts");
    const code = `import { zitadel } from "express-login-kit/providers";
export const options = zitadel({ url: "https://a.example", project: "1" });`;
    expect(problemsIn(new Map([[file, code]]))).toEqual([
      expect.stringContaining("'project' does not exist"),
    ]);
  });
});

/** The blocks of all guides as modules, with what surrounds them. */
function sourcesOf(language: string, packages: string): Map<string, string> {
  const sources = new Map([
    [path.join(GUIDES, "surroundings.d.ts"), SURROUNDINGS],
    [path.join(GUIDES, "packages.d.ts"), packages],
  ]);
  for (const guide of guides) {
    if (guide === ONE_PROGRAM) continue;
    for (const [index, block] of codeBlocksOf(
      `docs/guides/${guide}`,
    ).entries()) {
      if (block.language !== language || FORMER.test(block.code)) continue;
      const name = `${path.basename(guide, ".md")}-${String(index)}.${language}`;
      sources.set(path.join(GUIDES, name), `${block.code}\nexport {};`);
    }
  }
  return sources;
}

/** Where the program would be, so that it finds the package by its name. */
const PROGRAM = path.join(GUIDES, "roles-and-own-users.ts");

/** The samples of the guide, one after the other. */
function samples(): string {
  const page = readFileSync(path.join(GUIDES, ONE_PROGRAM), "utf8");
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)];
  expect(blocks.length).toBeGreaterThan(5);
  return blocks.map(([, code = ""]) => code).join("\n");
}

/** What the compiler says about a program. */
function complaints(code: string): string[] {
  return problemsIn(new Map([[PROGRAM, code]]), {
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
  });
}
