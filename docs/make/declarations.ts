/** Reads the interfaces of a source file: their members, types and TSDoc. */
import ts from "typescript";

/** One member of an interface, as it is written. */
export interface Member {
  readonly name: string;
  readonly type: ts.TypeNode;
  readonly isOptional: boolean;
  readonly comment: Comment;
  /** What a line comment before it says: the members from here on belong together. */
  readonly group: string | undefined;
}

/** A TSDoc comment. */
export interface Comment {
  readonly paragraphs: readonly string[];
  readonly tags: readonly Tag[];
}

/** `@name text`. */
export interface Tag {
  readonly name: string;
  readonly text: string;
}

/** The interfaces of a source, by name. */
export type Interfaces = ReadonlyMap<string, readonly Member[]>;

/** Parses a source; nothing is compiled or resolved. */
export function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

/**
 * Reads every interface of a source.
 *
 * @throws {Error} for a member that has no TSDoc
 */
export function readInterfaces(file: string, text: string): Interfaces {
  const source = parse(file, text);
  return new Map(
    source.statements
      .filter((statement) => ts.isInterfaceDeclaration(statement))
      .map(({ name, members }) => [
        name.text,
        members
          .filter((member) => ts.isPropertySignature(member))
          .map((member) => readMember(member, source)),
      ]),
  );
}

function readMember(
  { name, type, questionToken, pos }: ts.PropertySignature,
  source: ts.SourceFile,
): Member {
  if (type === undefined) throw new Error(`${name.getText()} has no type`);
  const comments = leadingComments(source.text, pos);
  const tsdoc = comments.findLast((comment) => comment.startsWith("/**"));
  const group = comments.find((comment) => comment.startsWith("//"));
  return {
    name: ts.isStringLiteral(name) ? name.text : name.getText(),
    type,
    isOptional: questionToken !== undefined,
    comment: readComment(tsdoc ?? ""),
    group: group?.slice(2).trim(),
  };
}

/** The comments before a node, as they are written. */
export function leadingComments(text: string, position: number): string[] {
  return (ts.getLeadingCommentRanges(text, position) ?? []).map(
    ({ pos, end }) => text.slice(pos, end),
  );
}

function readComment(comment: string): Comment {
  const text = comment
    .replace(/^\/\*\*|\*\/$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
    .join("\n")
    .trim()
    .replace(/\{@link (\w+)\}/g, "`$1`");
  const [prose = "", ...tags] = text.split(/^@/m);
  return {
    paragraphs: prose
      .split(/\n{2,}/)
      .map(onOneLine)
      .filter((paragraph) => paragraph !== ""),
    tags: tags.map((tag) => {
      const [name = ""] = tag.split(/\s/, 1);
      return { name, text: onOneLine(tag.slice(name.length)) };
    }),
  };
}

function onOneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ");
}
