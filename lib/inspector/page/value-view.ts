/** Shows one value: as text, or what is said of it where it is a secret. */
import type { Field, HiddenValue } from "../model.js";
import { make, makeButton, type Child } from "./elements.js";
import { isHidden, type Place, type Places } from "./same-values.js";
import { specificationUrl } from "./words.js";

/** Colours for parts that belong together; more than so many begin again. */
const COLOURS = 6;

/** How many other places of a value are named. */
const MAX_PLACES = 4;

/** Longest JSON that stands in one line, in characters. */
const ONE_LINE = 60;

/** Claims that are times in seconds. */
const TIMES = ["exp", "iat", "nbf", "auth_time", "updated_at"];

/** Where values stand, and how one goes to another arrow. */
export interface Surroundings {
  readonly places: Places;
  /** The arrow whose message is shown. */
  readonly arrow: string;
  readonly goTo: (arrow: string) => void;
}

/** The class by which the part with this number has its colour. */
export function colourOf(index: number): string {
  return `colour-${index % COLOURS}`;
}

/** A value of a field or a claim. */
export function valueView(value: unknown, around?: Surroundings): Node {
  if (isHidden(value)) return hiddenView(value, around);
  if (typeof value === "string") return make("span", { class: "value" }, value);
  const short = JSON.stringify(value);
  const text =
    short.length > ONE_LINE ? JSON.stringify(value, undefined, 2) : short;
  return make("span", { class: "value structure" }, text);
}

/** A claim, with the date that a number of seconds is. */
export function claimView(
  name: string,
  value: unknown,
  around?: Surroundings,
): Node {
  const view = valueView(value, around);
  if (!TIMES.includes(name) || typeof value !== "number") return view;
  const date = new Date(value * 1000).toLocaleString();
  return make("span", {}, view, make("span", { class: "aside" }, ` ${date}`));
}

/** A section of a specification, as a link where it is known where to read it. */
export function specificationView(name: string | undefined): Child {
  if (name === undefined) return undefined;
  const url = specificationUrl(name);
  if (url === undefined) return make("span", { class: "specification" }, name);
  return make(
    "a",
    {
      class: "specification",
      href: url,
      target: "_blank",
      rel: "noreferrer",
      "data-key": `specification ${name}`,
    },
    name,
  );
}

/** A parameter as it stands in a URL. */
type Parameter = readonly [name: string, value: string | undefined];

/**
 * A URL whose parts are told apart: one line for the address, one for each
 * parameter.
 *
 * @param fields its parameters, where they are known apart from it
 */
export function urlView(
  url: string,
  fields: readonly Pick<Field, "name" | "value">[] = [],
): HTMLElement {
  const [, origin = "", path = "", query] =
    /^(\w+:\/\/[^/?]*)?([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  const parameters =
    fields.length === 0
      ? parametersIn(query)
      : fields.map(({ name, value }): Parameter => [
          name,
          isHidden(value) ? `[${value.length} characters]` : value,
        ]);
  return make(
    "code",
    { class: "url" },
    make("span", { class: "origin" }, origin),
    make("span", { class: "path" }, path),
    ...parameters.map(([name, value], index) =>
      make(
        "span",
        { class: "parameter" },
        index === 0 ? "?" : "&",
        make("span", { class: `name ${colourOf(index)}` }, name),
        value === undefined ? undefined : `=${value}`,
      ),
    ),
  );
}

function parametersIn(query: string | undefined): Parameter[] {
  if (query === undefined) return [];
  return query.split("&").map((parameter) => {
    const [name = "", ...value] = parameter.split("=");
    return [name, value.length === 0 ? undefined : value.join("=")];
  });
}

function hiddenView(
  { length, fingerprint }: HiddenValue,
  around: Surroundings | undefined,
): HTMLElement {
  const known = around?.places.get(fingerprint) ?? [];
  const others = known.filter(({ arrow }) => arrow !== around?.arrow);
  return make(
    "span",
    { class: "hidden-value" },
    make("span", { class: "what" }, `${length} characters, fingerprint `),
    make("code", {}, fingerprint),
    around && others.length > 0 ? sameView(others, around) : undefined,
  );
}

function sameView(
  others: readonly Place[],
  { goTo }: Surroundings,
): HTMLElement {
  const links = others.slice(0, MAX_PLACES).map(({ arrow, step, name }) =>
    makeButton(
      { class: "same-link", "data-key": `same ${arrow} ${name}` },
      () => {
        goTo(arrow);
      },
      `step ${step}: ${name}`,
    ),
  );
  const more = others.length - links.length;
  return make(
    "span",
    { class: "same" },
    "= the same value as in ",
    ...links.flatMap((link, index) => (index === 0 ? [link] : [", ", link])),
    more > 0 ? ` and ${more} more` : undefined,
  );
}
