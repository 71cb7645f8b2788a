/** Shows everything that is known of one message. */
import type {
  Arrow,
  Check,
  DecodedToken,
  Field,
  Run,
  RunFailure,
} from "../model.js";
import { make, spoken, type Child } from "./elements.js";
import { placesOf } from "./same-values.js";
import {
  claimView,
  colourOf,
  specificationView,
  type Surroundings,
  urlView,
  valueView,
} from "./value-view.js";
import { arrowsOf, duration, type Names, statusWordsOf } from "./words.js";

/** What the parts of a message are called, in the order in which they are shown. */
const SECTIONS: Readonly<Record<Field["in"], string>> = {
  query: "Parameters in the URL",
  form: "Form in the body",
  json: "Members of the JSON",
  cookie: "Cookies",
  header: "Headers",
};

/** The message of an arrow, for somebody who may see it for the first time. */
export function messageView(
  arrow: Arrow,
  run: Run,
  names: Names,
  goTo: (arrow: string) => void,
): Child[] {
  const around = { places: placesOf(run), arrow: arrow.id, goTo };
  return [
    headView(arrow, run, names),
    failureView(arrow, run),
    ...addressView(arrow),
    checksView(arrow.checks),
    arrow.token && tokenView(arrow.token, around),
    ...(Object.keys(SECTIONS) as Field["in"][]).map((section) =>
      fieldsView(
        SECTIONS[section],
        arrow.fields.filter((field) => field.in === section),
        around,
      ),
    ),
  ];
}

/** Fields with what they are for; nothing where there are none. */
export function fieldsView(
  title: string,
  fields: readonly Omit<Field, "in">[],
  around?: Surroundings,
  heading: "h3" | "h4" = "h4",
): Child {
  if (fields.length === 0) return undefined;
  const rows = fields.map(({ name, value, text, specification }, index) =>
    make(
      "div",
      { class: "field" },
      make("dt", { class: colourOf(index) }, name),
      make(
        "dd",
        {},
        name.toLowerCase() === "location" && typeof value === "string"
          ? urlView(value)
          : valueView(value, around),
        text === undefined && specification === undefined
          ? undefined
          : make(
              "span",
              { class: "explained" },
              text && `${text} `,
              specificationView(specification),
            ),
      ),
    ),
  );
  return make(
    "section",
    {},
    make(heading, { class: "caption" }, title),
    make("dl", { class: "fields" }, ...rows),
  );
}

/** Why a run failed, and what helps. */
export function reasonsView(
  { cause, remedy, diagnosis, code }: RunFailure,
  title: string,
): HTMLElement {
  const reasons = [
    ["Cause", cause],
    ["Remedy", remedy],
    ["What happened", diagnosis],
    ["Error code", code],
  ];
  return make(
    "section",
    { class: "failure" },
    make("h4", {}, title),
    make(
      "dl",
      { class: "reasons" },
      ...reasons.map(([name = "", text = ""]) =>
        make("div", {}, make("dt", {}, name), make("dd", {}, text)),
      ),
    ),
  );
}

function headView(
  arrow: Arrow,
  run: Run,
  { messages, parties }: Names,
): HTMLElement {
  const arrows = arrowsOf(run);
  const { title, text, specification } = messages[arrow.message];
  const asked = arrows.findIndex(({ id }) => id === arrow.answers);
  const request = arrows[asked];
  const parts: Child[] =
    request === undefined
      ? [make("p", {}, `${text} `, specificationView(specification))]
      : [
          make(
            "p",
            {},
            `The answer to step ${asked + 1}, ${request.label}, after ${duration(arrow.at - request.at)}.`,
          ),
        ];
  if (!arrow.isSeen) {
    parts.push(
      make(
        "p",
        { class: "unseen-note" },
        `The application has not seen this message: it passes between ${parties[arrow.from]} and ${parties[arrow.to]}. What is shown follows from the messages before and after it.`,
      ),
    );
  }
  return make(
    "div",
    { class: "head" },
    make(
      "p",
      { class: "way" },
      make("span", { class: "badge" }, `${arrows.indexOf(arrow) + 1}`),
      make("span", { "data-party": arrow.from }, parties[arrow.from]),
      " → ",
      make("span", { "data-party": arrow.to }, parties[arrow.to]),
      make("span", { class: "aside" }, ` at ${duration(arrow.at)}`),
    ),
    make("h3", {}, request === undefined ? title : `Answer: ${title}`),
    ...parts,
  );
}

function failureView(arrow: Arrow, { failure }: Run): Child {
  return failure?.arrow === arrow.id
    ? reasonsView(failure, `Failed here: ${failure.title}`)
    : undefined;
}

function addressView({ method, url, status, fields }: Arrow): Child[] {
  const words = status === undefined ? undefined : statusWordsOf(status);
  return [
    status === undefined
      ? undefined
      : make(
          "section",
          {},
          make("h4", { class: "caption" }, "Status"),
          make(
            "p",
            {},
            make(
              "code",
              { class: `status ${statusClass(status)}` },
              `${status}`,
            ),
            words && ` ${words}`,
          ),
        ),
    url === undefined
      ? undefined
      : make(
          "section",
          {},
          make("h4", { class: "caption" }, "Address"),
          make(
            "div",
            { class: "address" },
            method && make("strong", { class: "method" }, method),
            urlView(
              url,
              fields.filter((field) => field.in === "query"),
            ),
          ),
        ),
  ];
}

function statusClass(status: number): string {
  return status >= 400 ? "bad" : "good";
}

function checksView(checks: readonly Check[]): Child {
  if (checks.length === 0) return undefined;
  const rows = checks.map(
    ({ name, title, result, diagnosis, specification }) => {
      const hasPassed = result === "passed";
      return make(
        "li",
        { class: hasPassed ? "passed" : "failed" },
        make(
          "span",
          { class: "mark", "aria-hidden": "true" },
          hasPassed ? "✓" : "✕",
        ),
        make(
          "span",
          {},
          spoken(`${result}: `),
          title,
          make(
            "span",
            { class: "explained" },
            make("code", { class: "check-name" }, name),
            " ",
            specificationView(specification),
          ),
          diagnosis && make("span", { class: "diagnosis" }, diagnosis),
        ),
      );
    },
  );
  return make(
    "section",
    {},
    make("h4", { class: "caption" }, "What was checked"),
    make("ul", { class: "checks" }, ...rows),
  );
}

function tokenView(
  { kind, header, claims }: DecodedToken,
  around: Surroundings,
): Child {
  const rows = (members: Readonly<Record<string, unknown>>): HTMLElement =>
    make(
      "dl",
      { class: "fields claims" },
      ...Object.entries(members).map(([name, value]) =>
        make(
          "div",
          { class: "field" },
          make("dt", {}, name),
          make("dd", {}, claimView(name, value, around)),
        ),
      ),
    );
  return make(
    "section",
    { class: "token" },
    make("h4", { class: "caption" }, `${kind}, decoded`),
    make("h5", {}, "Header"),
    rows(header),
    make("h5", {}, "Claims"),
    rows(claims),
  );
}
