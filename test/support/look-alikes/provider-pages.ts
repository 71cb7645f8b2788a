/** The pages of docs/providers, and the options of `createLoginKit` in their code. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import ts from "typescript";

import * as kit from "../../../lib/index.js";
import type { LoginKitOptions } from "../../../lib/index.js";
import * as recipes from "../../../lib/providers/index.js";
import { CLIENT_SECRET, SESSION_SECRET } from "../world.js";
import { APPLE_KEY } from "./apple-key.js";

const FOLDER = path.join(import.meta.dirname, "../../../docs/providers");

/** Their names without `.md`. */
export function pageNames(): string[] {
  return readdirSync(FOLDER).map((file) => path.basename(file, ".md"));
}

/** The text of a page. */
export function pageText(name: string): string {
  return readFileSync(path.join(FOLDER, `${name}.md`), "utf8");
}

/** The code of a page that creates a kit, in its order. */
export function codeOf(name: string): string[] {
  return [...pageText(name).matchAll(/^```js\n(.*?)^```$/gms)]
    .map(([, code = ""]) => code)
    .filter((code) => code.includes("createLoginKit("));
}

/** What the environment of an application has. */
const ENVIRONMENT = {
  APPLE_PRIVATE_KEY: APPLE_KEY,
  OIDC_CLIENT_SECRET: CLIENT_SECRET,
  SESSION_SECRET,
};

type Run = (
  require: (name: string) => unknown,
  process: object,
  exports: object,
) => Promise<void>;

// It has no name of its own.
const { constructor: AsyncFunction } = Object.getPrototypeOf(async () => {
  // Only its constructor is wanted.
}) as { constructor: new (...parametersAndBody: string[]) => Run };

/**
 * Runs the code of a page: what it hands to `createLoginKit`.
 *
 * @param more what it imports beside the kit
 */
export async function optionsOf(
  name: string,
  block = 0,
  more: Readonly<Record<string, object>> = {},
): Promise<LoginKitOptions> {
  const code = codeOf(name)[block];
  if (code === undefined) {
    throw new Error(`docs/providers/${name}.md has no code ${String(block)}`);
  }
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2023,
    },
  });
  const calls: LoginKitOptions[] = [];
  const modules: Readonly<Record<string, unknown>> = {
    ...more,
    "express-login-kit": {
      ...kit,
      createLoginKit: (options: LoginKitOptions) => calls.push(options),
    },
    "express-login-kit/providers": recipes,
  };
  const run = new AsyncFunction("require", "process", "exports", outputText);
  await run((wanted) => modules[wanted], { env: ENVIRONMENT }, {});
  const [options, ...others] = calls;
  if (options === undefined || others.length > 0) {
    throw new Error(`docs/providers/${name}.md: one call of createLoginKit`);
  }
  return options;
}
