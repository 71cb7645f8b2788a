/** Shows what browser and store hold now. */
import type { Held, StoredKey } from "../model.js";
import { make, type Child } from "./elements.js";
import { valueView } from "./value-view.js";
import { duration } from "./words.js";

/** What is kept for this browser, and where. */
export function heldView(
  { browser, store }: Held,
  heading: "h3" | "h4",
): Child[] {
  return [
    make(heading, { class: "caption" }, "In the browser"),
    browser.length === 0
      ? make("p", {}, "Nothing: this browser has no cookie of the kit.")
      : make(
          "dl",
          { class: "fields" },
          ...browser.map(({ cookie, what, value }) =>
            make(
              "div",
              { class: "field" },
              make("dt", {}, cookie),
              make(
                "dd",
                {},
                valueView(value),
                make("span", { class: "explained" }, what),
              ),
            ),
          ),
        ),
    make(heading, { class: "caption" }, `In the store: ${store.name}`),
    store.keys.length === 0
      ? make("p", {}, "Nothing is kept for this browser.")
      : make("ul", { class: "keys" }, ...store.keys.map(keyView)),
  ];
}

/** Asks what is held; says so where there is no answer. */
export async function loadHeld(
  base: string,
  heading: "h3" | "h4",
): Promise<Child[]> {
  try {
    const answer = await fetch(`${base}/held`);
    if (answer.ok) return heldView((await answer.json()) as Held, heading);
    throw new Error(String(answer.status));
  } catch {
    return [
      make("p", {}, "The application does not answer. Look again in a moment."),
    ];
  }
}

function keyView({ key, what, secondsLeft, fields }: StoredKey): HTMLElement {
  const life =
    secondsLeft === undefined
      ? "no end"
      : `${duration(secondsLeft * 1000)} left`;
  return make(
    "li",
    {},
    make("code", { class: "key" }, key),
    make("span", { class: "life" }, life),
    make("span", { class: "explained" }, what),
    fields.length === 0
      ? undefined
      : make(
          "ul",
          {},
          ...fields.map(({ name, what: purpose, bytes, isSealed }) =>
            make(
              "li",
              {},
              make("code", {}, name),
              ` ${purpose}, ${bytes} bytes${isSealed ? ", sealed" : ""}`,
            ),
          ),
        ),
  );
}
