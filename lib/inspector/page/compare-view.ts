/** Shows two runs side by side. */
import type { Arrow, Run } from "../model.js";
import { compareRuns, type Pair } from "./compare.js";
import { make, type Child } from "./elements.js";
import { arrowsOf, duration, type Names, timeOfDay } from "./words.js";

/** Two runs, message by message, with what differs. */
export function compareView(left: Run, right: Run, names: Names): HTMLElement {
  const pairs = compareRuns(left, right);
  const count = pairs.filter(
    ({ differences }) => differences.length > 0,
  ).length;
  const rows = pairs.map((pair) => rowOf(pair, left, right, names));
  return make(
    "section",
    { class: "compare", "aria-label": "Comparison" },
    make(
      "p",
      { class: "summary" },
      count === 0
        ? "No difference but in secrets and small times."
        : `${count} of ${pairs.length} messages differ. Secrets are other ones in each run, and are not compared.`,
    ),
    make(
      "table",
      {},
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          make("th", { scope: "col" }, "Message"),
          headOf("Left", left),
          headOf("Right", right),
          make("th", { scope: "col" }, "Difference"),
        ),
      ),
      make("tbody", {}, ...rows),
    ),
  );
}

function headOf(side: string, run: Run): HTMLElement {
  return make(
    "th",
    { scope: "col" },
    `${side}: ${run.title}`,
    make("span", { class: "aside" }, ` ${timeOfDay(run.startedAt)}`),
  );
}

function rowOf(
  { left, right, differences }: Pair,
  leftRun: Run,
  rightRun: Run,
  { messages, parties }: Names,
): HTMLElement {
  const one = left ?? right;
  const title =
    one === undefined
      ? ""
      : `${messages[one.message].title}${one.answers !== undefined ? ", answer" : ""}`;
  return make(
    "tr",
    { class: differences.length > 0 ? "different" : "" },
    make(
      "th",
      { scope: "row" },
      title,
      one &&
        make(
          "span",
          { class: "aside" },
          `${parties[one.from]} → ${parties[one.to]}`,
        ),
    ),
    make("td", {}, ...cellOf(left, leftRun)),
    make("td", {}, ...cellOf(right, rightRun)),
    make(
      "td",
      {},
      make("ul", {}, ...differences.map((text) => make("li", {}, text))),
    ),
  );
}

function cellOf(arrow: Arrow | undefined, run: Run): Child[] {
  if (arrow === undefined)
    return [make("span", { class: "absent" }, "not in this run")];
  const step = arrowsOf(run).indexOf(arrow) + 1;
  const isFailed = run.failure?.arrow === arrow.id;
  return [
    make("code", {}, arrow.label),
    make("span", { class: "aside" }, `step ${step}, ${duration(arrow.at)}`),
    isFailed
      ? make("strong", { class: "bad" }, `✕ ${run.failure.title}`)
      : undefined,
  ];
}
