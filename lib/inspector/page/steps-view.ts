/** Tells a run by the steps of the flow, for somebody who sees it for the first time. */
import type { Run } from "../model.js";
import { make, makeButton, type Child } from "./elements.js";
import { arrowsOf, type Names } from "./words.js";

/** The steps that a run has; each leads to its first arrow. */
export function stepsView(
  run: Run,
  { steps }: Names,
  goTo: (arrow: string) => void,
): Child[] {
  const arrows = arrowsOf(run);
  const firsts = steps.map(({ messages }) =>
    arrows.find(({ message }) => messages.includes(message)),
  );
  const rows = steps.map(({ title, text }, index) => {
    const first = firsts[index];
    // What happens between user and provider has no message of its own.
    const isBetween = firsts[index - 1] && firsts[index + 1];
    if (first === undefined && !isBetween) return undefined;
    const heading =
      first === undefined
        ? make("strong", {}, title)
        : makeButton(
            { class: "step-link", "data-key": `flow ${index}` },
            () => {
              goTo(first.id);
            },
            title,
          );
    return make(
      "li",
      {},
      make("span", { class: "badge", "aria-hidden": "true" }, `${index + 1}`),
      make("div", {}, heading, make("p", { class: "explained" }, text)),
    );
  });
  return [
    make("h3", {}, "What happens here"),
    make("ol", { class: "flow" }, ...rows),
    make(
      "p",
      { class: "explained" },
      "Choose an arrow to read its message. With the keyboard: arrow keys, Enter, Escape.",
    ),
  ];
}
