/** One run with what can be done with it. */
import type { Run } from "../model.js";
import { compareView } from "./compare-view.js";
import { make, makeButton, replaceContent, type Child } from "./elements.js";
import { factsView } from "./run-list.js";
import { LoginSequence } from "./login-sequence.js";
import { arrowsOf, KINDS, type Names, STATES, timeOfDay } from "./words.js";

/** What is shown of all runs. */
export interface Selection {
  readonly run: Run;
  /** The run that it is compared with. */
  readonly other: Run | undefined;
  readonly runs: readonly Run[];
  /** Whether it is shown because it is the newest. */
  readonly isFollowed: boolean;
}

/** Where the choice whether arrows are explained is kept. */
const EXPLAIN_KEY = "login-inspector-explain";

/** The part of the page that shows a run. */
export class RunView {
  readonly element = make("article", { class: "run-view" });
  readonly #base: string;
  readonly #names: Names;
  readonly #head = make("div", { class: "run-head" });
  readonly #said = make("span", { role: "status", class: "said" });
  readonly #sequence = new LoginSequence();
  readonly #comparison = make("div");
  readonly #actions = make("div", {
    class: "actions",
    role: "group",
    "aria-label": "This run",
  });
  #actionsOf = "";
  #shown: string | undefined;

  constructor(base: string, names: Names) {
    this.#base = base;
    this.#names = names;
    this.#sequence.toggleAttribute("explain", isExplaining());
    this.element.append(
      this.#head,
      this.#actions,
      this.#said,
      this.#sequence,
      this.#comparison,
    );
  }

  /** Shows this run, or how it differs from another. */
  show({ run, other, runs, isFollowed }: Selection): void {
    const isOther = this.#shown !== run.id;
    this.#shown = run.id;
    if (isOther) this.#said.textContent = "";
    replaceContent(
      this.#head,
      titleView(run, isFollowed),
      failureView(run, () => {
        if (run.failure?.arrow) this.#sequence.open(run.failure.arrow);
      }),
    );
    this.#drawActions(run, other, runs);
    this.#sequence.hidden = other !== undefined;
    this.#sequence.show(run, this.#names, this.#base);
    if (isOther && run.failure?.arrow)
      this.#sequence.scrollToArrow(run.failure.arrow);
    const comparison =
      other === undefined ? undefined : compareView(run, other, this.#names);
    replaceContent(this.#comparison, comparison);
  }

  /** Only when they change: who has opened the list must not lose it. */
  #drawActions(run: Run, other: Run | undefined, runs: readonly Run[]): void {
    const titles = runs.map(({ id, title }) => [id, title]);
    const drawnOf = JSON.stringify([run.id, other?.id, titles]);
    if (drawnOf === this.#actionsOf) return;
    this.#actionsOf = drawnOf;
    replaceContent(
      this.#actions,
      ...this.#exports(run),
      this.#explainButton(),
      compareSelect(run, other, runs),
    );
  }

  #exports(run: Run): Child[] {
    const address = `${this.#base}/runs/${encodeURIComponent(run.id)}`;
    return [
      make(
        "a",
        {
          class: "button",
          href: address,
          download: `login-run-${run.id}.json`,
          "data-key": "json",
        },
        "JSON",
      ),
      make(
        "a",
        {
          class: "button",
          href: `${address}.mmd`,
          download: `login-run-${run.id}.mmd`,
          "data-key": "mermaid",
        },
        "Mermaid",
      ),
      makeButton(
        { class: "button", "data-key": "copy" },
        () => void this.#copy(`${address}.mmd`),
        "Copy Mermaid",
      ),
    ];
  }

  async #copy(address: string): Promise<void> {
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(String(answer.status));
      await navigator.clipboard.writeText(await answer.text());
      this.#said.textContent = "Copied.";
    } catch {
      this.#said.textContent = "Not copied: use the link “Mermaid”.";
    }
  }

  #explainButton(): HTMLElement {
    const button = makeButton(
      {
        class: "button",
        "data-key": "explain",
        "aria-pressed": String(this.#sequence.hasAttribute("explain")),
      },
      () => {
        const isOn = this.#sequence.toggleAttribute("explain");
        button.setAttribute("aria-pressed", String(isOn));
        localStorage.setItem(EXPLAIN_KEY, isOn ? "on" : "off");
      },
      "Explain arrows",
    );
    return button;
  }
}

function isExplaining(): boolean {
  return localStorage.getItem(EXPLAIN_KEY) !== "off";
}

function titleView(run: Run, isFollowed: boolean): HTMLElement {
  const facts = [
    KINDS[run.kind],
    `Browser ${run.browser}`,
    `${arrowsOf(run).length} messages`,
    timeOfDay(run.startedAt),
  ];
  return make(
    "div",
    { class: "run-title" },
    make("h2", {}, run.title),
    make("span", { class: `state ${run.state}` }, STATES[run.state]),
    factsView(facts),
    isFollowed
      ? make("span", { class: "followed" }, "newest, followed live")
      : make(
          "a",
          { href: "#latest", "data-key": "follow" },
          "Follow the newest",
        ),
  );
}

function failureView(run: Run, goTo: () => void): Child {
  const { failure } = run;
  if (failure?.arrow === undefined) return undefined;
  const step = arrowsOf(run).findIndex(({ id }) => id === failure.arrow) + 1;
  return make(
    "p",
    { class: "run-failure" },
    make("strong", {}, "✕ "),
    `${failure.title}. `,
    makeButton(
      { class: "link", "data-key": "failed" },
      goTo,
      `Failed at step ${step}`,
    ),
  );
}

function compareSelect(
  run: Run,
  other: Run | undefined,
  runs: readonly Run[],
): HTMLElement {
  const others = runs.filter(({ id }) => id !== run.id).reverse();
  const select = make(
    "select",
    {
      "aria-label": "Compare with",
      "data-key": "compare",
      disabled: others.length === 0,
    },
    make(
      "option",
      { value: "" },
      other === undefined ? "Compare with …" : "End comparing",
    ),
    ...others.map(({ id, title, startedAt }) =>
      make(
        "option",
        { value: id, selected: id === other?.id },
        `${title}, ${timeOfDay(startedAt)}`,
      ),
    ),
  );
  select.addEventListener("change", () => {
    const hash = new URLSearchParams({ run: run.id });
    if (select.value !== "") hash.set("with", select.value);
    location.hash = hash.toString();
  });
  return select;
}
