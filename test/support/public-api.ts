/** Writes the public API of an entry point as text, from its types alone. */
import { readFileSync } from "node:fs";
import path from "node:path";

import ts from "typescript";

const ROOT = path.resolve(import.meta.dirname, "../..");
const LIB = path.join(ROOT, "lib") + path.sep;

/** An entry point of the package. */
export interface EntryPoint {
  /** As in the package's exports: "." */
  readonly name: string;
  /** Its source below the package's root. */
  readonly file: string;
}

/**
 * One declaration per export, without comments, in alphabetical order.
 *
 * Below them the types that they are made of and that cannot be imported: to
 * change one of these is to change the API too.
 */
export function publicApi(entryPoints: readonly EntryPoint[]): string {
  const program = createProgram(entryPoints);
  const checker = program.getTypeChecker();
  return entryPoints
    .map(({ name, file }) => {
      const source = program.getSourceFile(path.join(ROOT, file));
      const module = source && checker.getSymbolAtLocation(source);
      if (module === undefined) throw new Error(`${file} exports nothing`);
      return `# ${name}\n\n${describeModule(module, checker)}`;
    })
    .join("\n");
}

function createProgram(entryPoints: readonly EntryPoint[]): ts.Program {
  const { config } = ts.readConfigFile(
    path.join(ROOT, "tsconfig.json"),
    (file) => ts.sys.readFile(file),
  ) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  return ts.createProgram({
    rootNames: entryPoints.map(({ file }) => path.join(ROOT, file)),
    options: { ...options, noEmit: true },
  });
}

function describeModule(module: ts.Symbol, checker: ts.TypeChecker): string {
  const exported = checker
    .getExportsOfModule(module)
    .map((symbol) => unaliased(symbol, checker));
  const reachable = reachableFrom(exported, checker);
  const hidden = [...reachable].filter((symbol) => !exported.includes(symbol));
  const exportedText = [
    ...exported.map(printed).sort(),
    ...exported.flatMap(augmentationsBeside),
  ].join("\n");
  const hiddenText = hidden.map(printed).sort().join("\n");
  return hidden.length === 0
    ? exportedText
    : `${exportedText}\n## Not exported, but part of the above\n\n${hiddenText}`;
}

function unaliased(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias
    ? checker.getAliasedSymbol(symbol)
    : symbol;
}

/** The symbols, and every declaration of lib/ that their types name. */
function reachableFrom(
  symbols: readonly ts.Symbol[],
  checker: ts.TypeChecker,
): Set<ts.Symbol> {
  const reached = new Set(symbols);
  for (const symbol of reached) {
    for (const declaration of symbol.declarations ?? []) {
      if (!declaration.getSourceFile().fileName.startsWith(LIB)) continue;
      visitTypes(declaration, (name) => {
        const found = checker.getSymbolAtLocation(name);
        if (found === undefined) return;
        const named = unaliased(found, checker);
        if (isTopLevelOfLib(named)) reached.add(named);
      });
    }
  }
  return reached;
}

/** Visits the names in a declaration, but not in what it does. */
function visitTypes(node: ts.Node, visit: (name: ts.Identifier) => void): void {
  if (ts.isIdentifier(node)) visit(node);
  ts.forEachChild(node, (child) => {
    if (ts.isBlock(child) || isInitializer(child)) return;
    visitTypes(child, visit);
  });
}

function isInitializer(node: ts.Node): boolean {
  const { parent } = node;
  return (
    (ts.isVariableDeclaration(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isParameter(parent)) &&
    parent.initializer === node
  );
}

function isTopLevelOfLib(symbol: ts.Symbol): boolean {
  return (symbol.declarations ?? []).some(
    (declaration) =>
      declaration.getSourceFile().fileName.startsWith(LIB) &&
      ts.isSourceFile(statementOf(declaration).parent) &&
      (ts.isInterfaceDeclaration(declaration) ||
        ts.isTypeAliasDeclaration(declaration) ||
        ts.isClassDeclaration(declaration)),
  );
}

function statementOf(declaration: ts.Node): ts.Node {
  return ts.isVariableDeclaration(declaration)
    ? declaration.parent.parent
    : declaration;
}

const printer = ts.createPrinter({ removeComments: true });

function printed(symbol: ts.Symbol): string {
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined) throw new Error(`${symbol.name}: no source`);
  const { fileName } = declaration.getSourceFile();
  if (!fileName.startsWith(LIB))
    return `${symbol.name} of ${packageAt(fileName)}\n`;
  const types = declarationsOf(fileName);
  const statement = types.statements.find((candidate) =>
    namesOf(candidate).includes(symbol.name),
  );
  if (statement === undefined) {
    throw new Error(`${symbol.name}: no declaration`);
  }
  const keys = keysOf(statement, types);
  if (keys.length > 0) return `type ${symbol.name} = ${keys.join(" | ")};\n`;
  const text = printer.printNode(ts.EmitHint.Unspecified, statement, types);
  return `${text.replace(/^export (?:declare )?|^declare /, "")}\n`;
}

/** What `keyof typeof table` stands for; none for any other declaration. */
function keysOf(statement: ts.Statement, types: ts.SourceFile): string[] {
  const [, table] = /= keyof typeof (\w+);$/.exec(statement.getText()) ?? [];
  return types.statements
    .filter((candidate) => ts.isVariableStatement(candidate))
    .flatMap(({ declarationList }) => declarationList.declarations)
    .filter(({ name }) => name.getText() === table)
    .flatMap(({ type }) =>
      type && ts.isTypeLiteralNode(type)
        ? type.members.map(({ name }) => `"${name?.getText() ?? ""}"`)
        : [],
    );
}

/** The package of a file in node_modules. */
function packageAt(fileName: string): string {
  const [, inside = fileName] = fileName.split(/.*\/node_modules\//);
  return inside.split("/", inside.startsWith("@") ? 2 : 1).join("/");
}

/** `declare global` in the file of an export: it reaches every file of a consumer. */
function augmentationsBeside(symbol: ts.Symbol): string[] {
  const files = (symbol.declarations ?? [])
    .map((declaration) => declaration.getSourceFile().fileName)
    .filter((fileName) => fileName.startsWith(LIB))
    .map(declarationsOf);
  return files.flatMap((types) =>
    types.statements
      .filter((statement) => namesOf(statement).includes("global"))
      .map(
        (statement) =>
          `${printer.printNode(ts.EmitHint.Unspecified, statement, types)}\n`,
      ),
  );
}

const cache = new Map<string, ts.SourceFile>();

/** What `tsc` would write into the .d.ts; the sources have a type on every export. */
function declarationsOf(fileName: string): ts.SourceFile {
  let types = cache.get(fileName);
  if (types === undefined) {
    const { outputText } = ts.transpileDeclaration(
      readFileSync(fileName, "utf8"),
      { fileName, compilerOptions: { target: ts.ScriptTarget.ES2023 } },
    );
    types = ts.createSourceFile(
      `${fileName}.d.ts`,
      outputText,
      ts.ScriptTarget.ES2023,
      true,
    );
    cache.set(fileName, types);
  }
  return types;
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) =>
      name.getText(),
    );
  }
  const { name } = statement as { name?: ts.Node };
  return name === undefined ? [] : [name.getText()];
}
