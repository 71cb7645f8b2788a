/** Draws a run: a lane for each party, a row for each message and note, kept while the run grows. */
import type { Party } from "../../telling/messages.js";
import type { Arrow, Note, Run } from "../model.js";
import {
  arrange,
  make,
  replaceContent,
  setAttributes,
  spoken,
} from "./elements.js";
import { reasonsView } from "./message-view.js";
import { arrowContent, failureLine, noteContent } from "./rows.js";
import { commonValues, placesOf } from "./same-values.js";
import {
  arrowsOf,
  type Names,
  sentenceOf,
  shortAgent,
  shortNameOf,
} from "./words.js";

/** Keys that move from arrow to arrow, and by how many; Infinity: to the first or last. */
const MOVES: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowRight: 1,
  ArrowUp: -1,
  ArrowLeft: -1,
  Home: -Infinity,
  End: Infinity,
};

/** What the diagram is told, and whom it tells. */
export interface DiagramListener {
  /** An arrow was chosen with pointer or keyboard. */
  readonly onChoose: (arrow: string) => void;
}

/** A row that is drawn, with what it was drawn of. */
interface Row {
  readonly element: HTMLLIElement;
  drawnOf: string;
}

/** The diagram of one run. */
export class Diagram {
  readonly element: HTMLElement;
  readonly #lanes = make("ul", {
    class: "lanes",
    "aria-label": "Who takes part",
  });
  readonly #lines = make("div", { class: "lines", "aria-hidden": "true" });
  readonly #list = make("ol", { class: "rows" });
  readonly #end = make("div", { class: "end" });
  readonly #rows = new Map<string, Row>();
  readonly #listener: DiagramListener;
  /** The one arrow that Tab reaches. */
  #current: string | undefined;
  #run: Run | undefined;

  constructor(listener: DiagramListener) {
    this.#listener = listener;
    this.element = make(
      "div",
      { class: "diagram" },
      this.#lanes,
      this.#lines,
      this.#list,
      this.#end,
    );
    this.#list.addEventListener("keydown", (event) => {
      this.#move(event);
    });
  }

  /** Draws this run; what is there already and has not changed is left alone. */
  show(run: Run, names: Names): void {
    if (run.id !== this.#run?.id) {
      this.#rows.clear();
      this.#list.replaceChildren();
      this.#current = undefined;
    }
    this.#run = run;
    const lanes = lanesOf(run, names);
    this.element.style.setProperty("--lanes", String(lanes.length));
    this.#drawLanes(lanes, run, names);
    this.#list.setAttribute("aria-label", `Messages of: ${run.title}`);
    setAttributes(this.#list, { "data-state": run.state });
    const steps = arrowsOf(run).map(({ id }) => id);
    // What becomes known later may have happened earlier.
    const rows = run.items.map((item) =>
      this.#draw(item, steps.indexOf(item.id) + 1, lanes, run, names),
    );
    arrange(this.#list, rows);
    const { failure } = run;
    const isElsewhere = failure !== undefined && failure.arrow === undefined;
    replaceContent(
      this.#end,
      isElsewhere ? reasonsView(failure, failure.title) : undefined,
    );
    this.#current ??= steps[0];
    this.#setTabStops();
  }

  /** Marks this arrow as the one whose message is shown. */
  open(arrow: string | undefined): void {
    const run = this.#run;
    if (run === undefined) return;
    if (arrow !== undefined) this.#current = arrow;
    const places = placesOf(run);
    for (const [id, { element }] of this.#rows) {
      const isOpen = id === arrow;
      element.classList.toggle("open", isOpen);
      const button = buttonOf(element);
      if (button === null) continue;
      button.setAttribute("aria-expanded", String(isOpen));
      const common =
        arrow === undefined || isOpen ? [] : commonValues(places, arrow, id);
      button.querySelector(".common")?.remove();
      if (common.length === 0) continue;
      const text = `same ${common.join(", ")}`;
      button.append(make("span", { class: "common" }, text));
    }
    this.#setTabStops();
  }

  /** The row of an arrow, to put its message below it. */
  rowOf(arrow: string): HTMLElement | undefined {
    return this.#rows.get(arrow)?.element;
  }

  /** Gives an arrow the focus. */
  focus(arrow: string): void {
    const row = this.rowOf(arrow);
    this.#current = arrow;
    this.#setTabStops();
    if (row) buttonOf(row)?.focus();
  }

  #drawLanes(lanes: readonly Party[], run: Run, { parties }: Names): void {
    const drawn = lanes.map((party) => {
      const real = shortAgent(run.names[party] ?? "");
      const isNumbered = party === "browser" && run.browser > 1;
      const number = isNumbered ? ` ${run.browser}` : "";
      return make(
        "li",
        { "data-party": party, title: run.names[party] },
        make("span", { class: "long" }, parties[party] + number),
        make("span", { class: "short" }, shortNameOf(party) + number),
        make("span", { class: "real" }, real),
      );
    });
    this.#lanes.replaceChildren(...drawn);
    this.#lines.replaceChildren(
      ...lanes.map((party) => make("i", { "data-party": party })),
    );
  }

  #draw(
    item: Arrow | Note,
    step: number,
    lanes: readonly Party[],
    run: Run,
    names: Names,
  ): HTMLLIElement {
    const failure = run.failure?.arrow === item.id ? run.failure : undefined;
    const drawnOf = JSON.stringify([item, step, lanes, failure]);
    const known = this.#rows.get(item.id);
    if (known?.drawnOf === drawnOf) return known.element;
    const row = known ?? { element: make("li"), drawnOf };
    row.drawnOf = drawnOf;
    this.#rows.set(item.id, row);
    const parties = item.is === "note" ? item.over : [item.from, item.to];
    const places = parties.map((party) => lanes.indexOf(party));
    const low = Math.min(...places);
    row.element.style.setProperty("--low", String(low));
    row.element.style.setProperty("--span", String(Math.max(...places) - low));
    if (item.is === "note") {
      row.element.className = "note";
      row.element.replaceChildren(...noteContent(item));
    } else {
      row.element.classList.toggle("left", places[0] !== low);
      this.#drawArrow(row.element, item, step, run, names);
    }
    return row.element;
  }

  #drawArrow(
    row: HTMLElement,
    arrow: Arrow,
    step: number,
    run: Run,
    names: Names,
  ): void {
    const failure = run.failure?.arrow === arrow.id ? run.failure : undefined;
    const button = buttonOf(row) ?? this.#newButton(arrow.id);
    if (button.parentElement === null) row.prepend(button);
    const asked = arrowsOf(run).find(({ id }) => id === arrow.answers);
    const waitedMs = asked && arrow.at - asked.at;
    // What is drawn is for the eye; the button's name is the sentence.
    button.replaceChildren(
      spoken(sentenceOf(arrow, run, names)),
      ...arrowContent(arrow, step, names, failure, waitedMs),
    );
    row.classList.add("arrow", arrow.direction);
    row.classList.toggle("unseen", !arrow.isSeen);
    row.classList.toggle("failed", failure !== undefined);
    row.dataset["party"] = arrow.from;
    row.querySelector(":scope > .failure-line")?.remove();
    if (failure) button.after(failureLine(failure));
  }

  #newButton(arrow: string): HTMLButtonElement {
    const button = make("button", { type: "button", "aria-expanded": "false" });
    button.addEventListener("click", () => {
      this.#current = arrow;
      this.#setTabStops();
      this.#listener.onChoose(arrow);
    });
    return button;
  }

  #setTabStops(): void {
    for (const [id, { element }] of this.#rows) {
      const button = buttonOf(element);
      if (button) button.tabIndex = id === this.#current ? 0 : -1;
    }
  }

  #move(event: KeyboardEvent): void {
    const by = MOVES[event.key];
    const isOnArrow =
      event.target instanceof Element && event.target.matches("li > button");
    if (by === undefined || !isOnArrow || this.#run === undefined) return;
    event.preventDefault();
    const ids = arrowsOf(this.#run).map(({ id }) => id);
    const at = ids.findIndex((id) => id === this.#current) + by;
    const next = ids[Math.min(Math.max(at, 0), ids.length - 1)];
    if (next !== undefined) this.focus(next);
  }
}

/** Who takes part in this run. */
function lanesOf(run: Run, { parties }: Names): readonly Party[] {
  const used = run.items.flatMap((item) =>
    item.is === "note" ? item.over : [item.from, item.to],
  );
  const inOrder = Object.keys(parties) as Party[];
  return inOrder.filter((party) => used.includes(party));
}

function buttonOf(row: Element): HTMLButtonElement | null {
  return row.querySelector(":scope > button");
}
