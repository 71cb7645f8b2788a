/** What stands in the rows of a diagram. */
import type { Arrow, Note, RunFailure } from "../model.js";
import { make, type Child } from "./elements.js";
import { duration, type Names } from "./words.js";

/** Not for screen readers. */
const HIDDEN = { "aria-hidden": "true" };

/** What is drawn of an arrow; its sentence is the button's name. */
export function arrowContent(
  arrow: Arrow,
  step: number,
  { messages }: Names,
  failure: RunFailure | undefined,
  waitedMs: number | undefined,
): Node[] {
  const { title, text } = messages[arrow.message];
  // Answers have the title of what they answer, which stands above them.
  const isTitled = arrow.answers === undefined;
  const parts: Child[] = [
    isTitled ? make("b", {}, title) : undefined,
    make(
      "span",
      { class: "label" },
      make("code", {}, arrow.label),
      waitedMs === undefined
        ? undefined
        : make("span", { class: "waited" }, `after ${duration(waitedMs)}`),
    ),
    arrow.isSeen ? undefined : make("i", {}, "not seen by the application"),
  ];
  return [
    make("span", { class: "step", ...HIDDEN }, String(step)),
    make("span", { class: "time", ...HIDDEN }, duration(arrow.at)),
    make("span", { class: "text", ...HIDDEN }, ...parts),
    make(
      "span",
      { class: "line", ...HIDDEN },
      failure && make("span", { class: "cross" }, "✕"),
    ),
    ...(isTitled
      ? [make("span", { class: "explanation", ...HIDDEN }, text)]
      : []),
  ];
}

/** Why it failed, below the arrow at which it did. */
export function failureLine({ title, cause }: RunFailure): HTMLElement {
  return make(
    "p",
    { class: "failure-line" },
    make("strong", {}, title),
    ` ${cause}`,
  );
}

/** What is drawn of a note. */
export function noteContent({ text, event, at }: Note): Node[] {
  return [
    make("span", { class: "time" }, duration(at)),
    make(
      "p",
      { class: "text" },
      text,
      event === undefined ? undefined : make("code", {}, event),
    ),
  ];
}
