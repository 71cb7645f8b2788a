/**
 * Reads the forms of an HTML page: what a browser would submit, and where to.
 *
 * A tokenizer, not a parser: it sees start tags, end tags and the text between
 * them, and knows no implied end tags. That is enough for the pages of this kit
 * and of the provider in the tests, which close their forms.
 */

/** A form as it would be submitted if nobody typed anything. */
export interface HtmlForm {
  /** The attribute as written; undefined means the page's own URL. */
  readonly action: string | undefined;
  readonly method: string;
  readonly enctype: string;
  /** Name and value, in document order. A name may occur more than once. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly buttons: readonly SubmitButton[];
}

/** A control that submits its form. */
export interface SubmitButton {
  readonly name: string | undefined;
  readonly value: string;
  /** What a person reads on it. */
  readonly label: string;
  /** `formaction`: overrides the form's action. */
  readonly action: string | undefined;
  /** `formmethod`: overrides the form's method. */
  readonly method: string | undefined;
}

type Attributes = ReadonlyMap<string, string>;

interface Tag {
  readonly name: string;
  readonly isEnd: boolean;
  readonly attributes: Attributes;
  /** The text up to the next tag. */
  readonly text: string;
}

/** All forms of a page, in document order. */
export function formsIn(html: string): HtmlForm[] {
  const forms: HtmlForm[] = [];
  let inside: Tag[] | undefined;
  let start: Tag | undefined;
  for (const tag of tagsIn(html)) {
    if (tag.name !== "form") {
      inside?.push(tag);
    } else if (!tag.isEnd) {
      start = tag;
      inside = [];
    } else if (start !== undefined && inside !== undefined) {
      forms.push(formOf(start, inside));
      start = inside = undefined;
    }
  }
  return forms;
}

function formOf({ attributes }: Tag, inside: readonly Tag[]): HtmlForm {
  const fields: [string, string][] = [];
  const buttons: SubmitButton[] = [];
  for (const [index, tag] of inside.entries()) {
    if (tag.isEnd || tag.attributes.has("disabled")) continue;
    const name = tag.attributes.get("name");
    const button = buttonOf(tag, textUntilEnd(inside, index));
    if (button !== undefined) {
      buttons.push(button);
    } else if (name !== undefined && name !== "") {
      for (const value of valuesOf(tag, inside, index)) {
        fields.push([name, value]);
      }
    }
  }
  return {
    action: attributes.get("action"),
    method: (attributes.get("method") ?? "get").toUpperCase(),
    enctype: attributes.get("enctype") ?? "application/x-www-form-urlencoded",
    fields,
    buttons,
  };
}

function buttonOf(
  { name, attributes }: Tag,
  text: string,
): SubmitButton | undefined {
  const type = attributes.get("type")?.toLowerCase();
  const submits =
    (name === "button" && type !== "button" && type !== "reset") ||
    (name === "input" && (type === "submit" || type === "image"));
  if (!submits) return undefined;
  const value = attributes.get("value") ?? "";
  return {
    name: attributes.get("name"),
    value,
    label: name === "input" ? value : text,
    action: attributes.get("formaction"),
    method: attributes.get("formmethod")?.toUpperCase(),
  };
}

/** The values that a control adds to its form: none, one, or many. */
function valuesOf(
  { name, attributes }: Tag,
  inside: readonly Tag[],
  index: number,
): string[] {
  if (name === "textarea") return [textUntilEnd(inside, index)];
  if (name === "select") {
    return selectedValues(inside, index, attributes.has("multiple"));
  }
  if (name !== "input") return [];
  switch ((attributes.get("type") ?? "text").toLowerCase()) {
    case "button":
    case "reset":
    case "file":
      return [];
    case "checkbox":
    case "radio":
      return attributes.has("checked") ? [attributes.get("value") ?? "on"] : [];
    default:
      return [attributes.get("value") ?? ""];
  }
}

function selectedValues(
  inside: readonly Tag[],
  index: number,
  multiple: boolean,
): string[] {
  const options: { value: string; selected: boolean }[] = [];
  for (const tag of inside.slice(index + 1)) {
    if (tag.name === "select") break;
    if (tag.name !== "option" || tag.isEnd) continue;
    options.push({
      value: tag.attributes.get("value") ?? tag.text.trim(),
      selected: tag.attributes.has("selected"),
    });
  }
  const selected = options.filter((option) => option.selected);
  // A drop-down list always has a selected option: the first, unless told.
  const chosen =
    selected.length > 0 || multiple ? selected : options.slice(0, 1);
  return chosen.map(({ value }) => value);
}

/** The text between a start tag and its end tag, tags inside left out. */
function textUntilEnd(inside: readonly Tag[], index: number): string {
  const start = inside[index];
  let text = "";
  for (const tag of inside.slice(index)) {
    if (tag.isEnd && tag.name === start?.name) break;
    text += tag.text;
  }
  return text.trim();
}

function tagsIn(html: string): Tag[] {
  // Their content is no markup, but may look like it.
  const markup = html.replace(
    /<!--[^]*?-->|<(script|style)\b[^]*?<\/\1\s*>/gi,
    "",
  );
  // A quoted value may contain ">".
  const tag = /<(\/?)([a-z][a-z0-9-]*)((?:"[^"]*"|'[^']*'|[^'">])*)>([^<]*)/gi;
  return [...markup.matchAll(tag)].map(
    ([, slash = "", name = "", attributes = "", text = ""]) => ({
      name: name.toLowerCase(),
      isEnd: slash === "/",
      attributes: attributesIn(attributes),
      text: decoded(text),
    }),
  );
}

function attributesIn(source: string): Attributes {
  const attribute =
    /([^\s=>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;
  return new Map(
    [...source.matchAll(attribute)].map(
      ([, name = "", double, single, bare]) => [
        name.toLowerCase(),
        decoded(double ?? single ?? bare ?? ""),
      ],
    ),
  );
}

const NAMED_CHARACTERS: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

function decoded(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/gi,
    (
      reference: string,
      hexadecimal?: string,
      decimal?: string,
      name?: string,
    ) => {
      if (hexadecimal !== undefined) {
        return String.fromCodePoint(parseInt(hexadecimal, 16));
      }
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return NAMED_CHARACTERS[name ?? ""] ?? reference;
    },
  );
}
