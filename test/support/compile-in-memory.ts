/** Compiles files that are not on the disk, beside those that are. */
import path from "node:path";

import ts from "typescript";

const ROOT = path.join(import.meta.dirname, "../..");

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  strict: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  skipLibCheck: true,
  types: ["node"],
  paths: {
    "express-login-kit": built("index"),
    "express-login-kit/browser": built("browser/browser"),
    "express-login-kit/providers": built("providers/index"),
    "express-login-kit/inspector": built("inspector/index"),
    "express-login-kit/redis": built("redis/redis-client"),
    "express-login-kit/testing": built("testing/index"),
  },
};

/** Declarations of packages and of the language, by their paths: all programs share them. */
const declarations = new Map<string, ts.SourceFile>();

/**
 * What the compiler says about them.
 *
 * @param sources - texts by their paths
 * @param options - in place of the usual ones, which are strict
 */
export function problemsIn(
  sources: ReadonlyMap<string, string>,
  options: ts.CompilerOptions = {},
): string[] {
  const all = { ...OPTIONS, ...options };
  const disk = ts.createCompilerHost(all);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => sources.has(file) || disk.fileExists(file),
    readFile: (file) => sources.get(file) ?? disk.readFile(file),
    getSourceFile(file, languageVersion, ...more) {
      const text = sources.get(file);
      if (text !== undefined) {
        return ts.createSourceFile(file, text, languageVersion);
      }
      const source =
        declarations.get(file) ??
        disk.getSourceFile(file, languageVersion, ...more);
      if (source?.isDeclarationFile === true) declarations.set(file, source);
      return source;
    },
  };
  const program = ts.createProgram([...sources.keys()], all, host);
  return [...sources.keys()].flatMap((file) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(
        ({ messageText }) =>
          `${path.basename(file)}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
      ),
  );
}

/** As an application has it: declarations, which the compiler reads in a tenth of the time of the sources. */
function built(file: string): [string] {
  return [path.join(ROOT, `dist/${file}.d.ts`)];
}
