/** The list of runs, with filters. */
import type { Run } from "../model.js";
import { arrange, make, makeButton, setAttributes } from "./elements.js";
import { arrowsOf, duration, KINDS, STATES, timeOfDay } from "./words.js";

/** Which runs are listed; undefined: any. */
interface Filter {
  readonly kind: string | undefined;
  readonly state: string | undefined;
  readonly browser: string | undefined;
  readonly text: string;
}

/** Lists runs, newest first, and says which one is chosen. */
export class RunList {
  readonly element: HTMLElement;
  readonly #search = make("input", {
    type: "search",
    placeholder: "Search title or address",
    "aria-label": "Search title or address",
  });
  readonly #kind = filterSelect("Kind", { "": "All kinds", ...KINDS });
  readonly #state = filterSelect("State", { "": "All states", ...STATES });
  readonly #browser = filterSelect("Browser", { "": "All browsers" });
  readonly #list = make("ol", {
    class: "runs",
    "aria-label": "Runs, newest first",
  });
  readonly #none = make("p", { class: "none" }, "No run fits these filters.");
  readonly #onChoose: (run: string) => void;
  readonly #entries = new Map<string, HTMLElement>();
  #runs: readonly Run[] = [];
  #selected: string | undefined;

  constructor(onChoose: (run: string) => void) {
    this.#onChoose = onChoose;
    this.element = make(
      "nav",
      { class: "run-list", "aria-label": "Runs" },
      make(
        "div",
        { class: "filters", role: "group", "aria-label": "Filters" },
        this.#search,
        this.#kind,
        this.#state,
        this.#browser,
      ),
      this.#list,
      this.#none,
    );
    for (const control of [
      this.#search,
      this.#kind,
      this.#state,
      this.#browser,
    ]) {
      control.addEventListener("input", () => {
        this.#draw();
      });
    }
  }

  /** Lists these. */
  show(runs: readonly Run[], selected: string | undefined): void {
    this.#runs = runs;
    if (runs.length === 0) this.#entries.clear();
    this.#selected = selected;
    this.#offerBrowsers();
    this.#draw();
  }

  #offerBrowsers(): void {
    const browsers = new Set(this.#runs.map(({ browser }) => browser));
    this.#browser.hidden = browsers.size < 2;
    for (const browser of browsers) {
      const value = String(browser);
      const isThere = [...this.#browser.options].some(
        (option) => option.value === value,
      );
      if (!isThere)
        this.#browser.append(make("option", { value }, `Browser ${value}`));
    }
  }

  #draw(): void {
    const filter: Filter = {
      kind: this.#kind.value || undefined,
      state: this.#state.value || undefined,
      browser: this.#browser.value || undefined,
      text: this.#search.value.trim().toLowerCase(),
    };
    const shown = this.#runs.filter((run) => fits(run, filter)).reverse();
    this.#none.hidden = shown.length > 0 || this.#runs.length === 0;
    arrange(
      this.#list,
      shown.map((run) => this.#entry(run)),
    );
  }

  /** Drawn once, and then only what has changed. */
  #entry(run: Run): HTMLElement {
    const known = this.#entries.get(run.id) ?? this.#newEntry(run.id);
    const last = run.items.at(-1);
    const facts = [
      KINDS[run.kind],
      `Browser ${run.browser}`,
      timeOfDay(run.startedAt),
      last && duration(last.at),
    ];
    const [button] = known.children;
    if (button === undefined) return known;
    setAttributes(button, {
      class: `run ${run.state}`,
      "aria-current": run.id === this.#selected && "true",
    });
    const drawnOf = JSON.stringify([run.title, run.state, facts]);
    if (known.dataset["drawnOf"] === drawnOf) return known;
    known.dataset["drawnOf"] = drawnOf;
    button.replaceChildren(
      make("span", { class: "title" }, run.title),
      make("span", { class: "state" }, STATES[run.state]),
      factsView(facts),
    );
    return known;
  }

  #newEntry(id: string): HTMLElement {
    const button = makeButton({}, () => {
      this.#onChoose(id);
    });
    const entry = make("li", {}, button);
    this.#entries.set(id, entry);
    return entry;
  }
}

/** Facts in one line, which breaks between them only. */
export function factsView(facts: readonly (string | undefined)[]): HTMLElement {
  const parts = facts.filter((fact) => fact !== undefined);
  return make(
    "span",
    { class: "facts" },
    ...parts.flatMap((fact, index) => [
      ...(index === 0 ? [] : [" · "]),
      make("span", {}, fact),
    ]),
  );
}

function fits(run: Run, { kind, state, browser, text }: Filter): boolean {
  if (kind !== undefined && run.kind !== kind) return false;
  if (state !== undefined && run.state !== state) return false;
  if (browser !== undefined && String(run.browser) !== browser) return false;
  if (text === "") return true;
  const words = [
    run.title,
    run.failure?.code ?? "",
    ...arrowsOf(run).flatMap(({ label, url = "" }) => [label, url]),
  ];
  return words.some((word) => word.toLowerCase().includes(text));
}

function filterSelect(
  name: string,
  options: Readonly<Record<string, string>>,
): HTMLSelectElement {
  return make(
    "select",
    { "aria-label": name },
    ...Object.entries(options).map(([value, text]) =>
      make("option", { value }, text),
    ),
  );
}
