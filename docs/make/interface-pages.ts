/** Writes interfaces as Markdown: a heading for each member, below it its type and what its TSDoc says. */
import ts from "typescript";

import type { Comment, Interfaces, Member } from "./declarations.js";

/**
 * The members of an interface, each followed by those of the interface that it
 * is made of, if that is in the same file.
 *
 * @param prefix stands before each name, such as `kit.`
 */
export function membersOf(
  interfaces: Interfaces,
  name: string,
  prefix = "",
): string {
  return sectionsOf(membersNamed(interfaces, name), prefix, interfaces).join(
    "\n\n",
  );
}

function membersNamed(interfaces: Interfaces, name: string): readonly Member[] {
  const members = interfaces.get(name);
  if (members === undefined) throw new Error(`there is no interface ${name}`);
  return members;
}

function sectionsOf(
  members: readonly Member[],
  prefix: string,
  interfaces: Interfaces,
): string[] {
  // Where nothing is optional, nobody wonders.
  const isMixed = members.some(({ isOptional }) => isOptional);
  return members.flatMap(({ name, group, type, isOptional, comment }) => {
    const inner = innerOf(type, interfaces);
    const full = `${prefix}${name}`;
    return [
      ...(group === undefined ? [] : [`## ${group}`]),
      `### \`${full}\``,
      `${typeLine(type, interfaces)}${isMixed && !isOptional ? ", required" : ""}`,
      ...proseOf(comment, full),
      ...(inner === undefined
        ? []
        : sectionsOf(inner.members, `${full}.${inner.between}`, interfaces)),
    ];
  });
}

/** The members of an option that is an object with an interface of its own. */
interface Inner {
  readonly members: readonly Member[];
  /** Stands between the names of the option and of the member. */
  readonly between: string;
}

function innerOf(type: ts.TypeNode, interfaces: Interfaces): Inner | undefined {
  if (!ts.isTypeReferenceNode(type)) return undefined;
  const { typeName, typeArguments = [] } = type;
  const own = interfaces.get(typeName.getText());
  if (own !== undefined) return { members: own, between: "" };
  const last = typeArguments.at(-1);
  const inner = last && innerOf(last, interfaces);
  if (inner === undefined) return undefined;
  switch (typeName.getText()) {
    case "Partial":
      return {
        ...inner,
        members: inner.members.map((member) => ({
          ...member,
          isOptional: true,
        })),
      };
    case "Record":
      return { ...inner, between: "<name>." };
    default:
      return inner;
  }
}

function typeLine(type: ts.TypeNode, interfaces: Interfaces): string {
  if (innerOf(type, interfaces) !== undefined) return "`object`";
  const [payload] = ts.isTupleTypeNode(type) ? type.elements : [];
  if (payload !== undefined) {
    const names = memberNames(payload, interfaces);
    return names.length === 0
      ? `\`${textOf(payload)}\``
      : names.map((name) => `\`${name}\``).join(", ");
  }
  return `\`${textOf(type)}\``;
}

/** The names of the members of an object type; none for anything else. */
function memberNames(type: ts.Node, interfaces: Interfaces): string[] {
  if (ts.isParenthesizedTypeNode(type)) {
    return memberNames(type.type, interfaces);
  }
  if (ts.isIntersectionTypeNode(type)) {
    return type.types.flatMap((part) => memberNames(part, interfaces));
  }
  if (ts.isTypeLiteralNode(type)) {
    return type.members.map(
      ({ name, questionToken }) =>
        `${name?.getText() ?? ""}${questionToken ? "?" : ""}`,
    );
  }
  return (interfaces.get(type.getText()) ?? []).map(({ name }) => name);
}

/** A type on one line, less what tells only the compiler something. */
function textOf(type: ts.Node): string {
  return type
    .getText()
    .replace(/\breadonly /g, "")
    .replace(/^Readonly<(.*)>$/, "$1")
    .replace(/\s+/g, " ")
    .replace(/\( /g, "(")
    .replace(/,? \)/g, ")")
    .replace(/; \}/g, " }");
}

function proseOf({ paragraphs, tags }: Comment, name: string): string[] {
  if (paragraphs.length === 0) throw new Error(`${name} has no TSDoc`);
  const parameters = tags
    .filter((tag) => tag.name === "param")
    .map(({ text }) => text.replace(/^(\w+)(?: -)? (.*)$/, "- `$1`: $2"));
  const others = tags.flatMap((tag) => {
    switch (tag.name) {
      case "param":
        return [];
      case "throws":
        return [`Errors: ${errorsIn(tag.text)}.`];
      case "see":
        return [`See ${linkTo(tag.text)}.`];
      default:
        throw new Error(`${name}: nobody knows the tag @${tag.name}`);
    }
  });
  return [
    ...paragraphs,
    ...(parameters.length > 0 ? [parameters.join("\n")] : []),
    ...others,
  ];
}

/** `{LoginKitError} codes` without the class, which they all have. */
function errorsIn(thrown: string): string {
  return thrown
    .replace(/^\{LoginKitError\} /, "")
    .replace(/^\{(\w+)\}/, "`$1`")
    .replace(/\.$/, "");
}

/** `docs/page.md#part` as a link from another page of docs. */
function linkTo(target: string): string {
  const [, page = "", part = ""] =
    /^docs\/((?:[\w-]+\/)*[\w-]+\.md)(#.+)?$/.exec(target) ?? [];
  if (page === "") throw new Error(`@see ${target} is no page of docs`);
  return `[${page}](${page}${part})`;
}
