/** The inspector's page: runs, what is held, and the playground, by the address's hash. */
import type { Run } from "../model.js";
import { make, makeButton, replaceContent } from "./elements.js";
import { type Connection, Feed } from "./feed.js";
import { loadHeld } from "./held-view.js";
import { defineLoginSequence } from "./login-sequence.js";
import { Playground } from "./playground.js";
import { RunList } from "./run-list.js";
import { RunView } from "./run-view.js";
import type { Names } from "./words.js";

/** The path at which the inspector is mounted. */
const BASE = new URL(".", import.meta.url).pathname.replace(/\/$/, "");

const CONNECTIONS: Readonly<Record<Connection, string>> = {
  connecting: "Connecting …",
  live: "Live",
  lost: "Connection lost, trying again …",
};

/** A part of the page, by its name in the hash. */
const PARTS = ["runs", "playground", "held"] as const;

class Inspector {
  readonly #main: Element;
  readonly #connection: Element;
  readonly #feed = new Feed(BASE, {
    runs: (runs) => {
      this.#runs = runs;
      this.#draw();
    },
    connection: (connection) => {
      this.#connection.textContent = CONNECTIONS[connection];
      this.#connection.className = `connection ${connection}`;
    },
  });
  readonly #list = new RunList((run) => {
    location.hash = new URLSearchParams({ run }).toString();
  });
  readonly #view: RunView;
  readonly #playground = new Playground(BASE);
  readonly #held = make("section", { class: "held-now" });
  readonly #parts: Readonly<Record<(typeof PARTS)[number], HTMLElement>>;
  readonly #empty = emptyView();
  #runs: readonly Run[] = [];
  #part: (typeof PARTS)[number] | undefined;

  constructor(main: Element, connection: Element, names: Names) {
    this.#main = main;
    this.#connection = connection;
    this.#view = new RunView(BASE, names);
    const clear = makeButton(
      { class: "button clear" },
      () => void this.#clear(),
      "Clear",
    );
    this.#list.element.append(clear);
    this.#parts = {
      runs: make(
        "div",
        { class: "runs-part" },
        this.#list.element,
        this.#view.element,
        this.#empty,
      ),
      playground: this.#playground.element,
      held: this.#held,
    };
  }

  start(): void {
    addEventListener("hashchange", () => {
      this.#draw();
    });
    this.#draw();
    this.#feed.follow();
  }

  #draw(): void {
    const hash = new URLSearchParams(location.hash.slice(1));
    const part = PARTS.find((name) => hash.has(name)) ?? "runs";
    if (part !== this.#part) this.#enter(part);
    else if (part === "held") void this.#showHeld();
    this.#drawRuns(hash);
  }

  #enter(part: (typeof PARTS)[number]): void {
    this.#part = part;
    for (const link of document.querySelectorAll(".top nav a")) {
      const isHere = link.getAttribute("href") === `#${part}`;
      if (isHere) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.#main.replaceChildren(this.#parts[part]);
    if (part === "playground") void this.#playground.load();
    if (part === "held") void this.#showHeld();
  }

  #drawRuns(hash: URLSearchParams): void {
    const chosen = this.#runs.find(({ id }) => id === hash.get("run"));
    const run = chosen ?? this.#runs.at(-1);
    const other = this.#runs.find(({ id }) => id === hash.get("with"));
    this.#list.show(this.#runs, run?.id);
    this.#list.element.hidden = run === undefined;
    this.#view.element.hidden = run === undefined;
    this.#empty.hidden = run !== undefined;
    if (run === undefined) return;
    this.#view.show({
      run,
      other,
      runs: this.#runs,
      isFollowed: chosen === undefined,
    });
  }

  async #showHeld(): Promise<void> {
    const content = await loadHeld(BASE, "h3");
    replaceContent(
      this.#held,
      make("h2", {}, "What browser and store hold now"),
      make(
        "p",
        { class: "explained" },
        "The browser has a cookie that says nothing by itself. Everything else is on the server, and what is secret there is sealed.",
      ),
      makeButton(
        { class: "button", "data-key": "again" },
        () => void this.#showHeld(),
        "Look again",
      ),
      ...content,
    );
  }

  async #clear(): Promise<void> {
    const answer = await fetch(`${BASE}/clear`, { method: "POST" }).catch(
      () => undefined,
    );
    if (answer?.ok === true) this.#feed.empty();
  }
}

function emptyView(): HTMLElement {
  return make(
    "div",
    { class: "nothing" },
    make("h2", {}, "Nothing has happened yet"),
    make(
      "p",
      {},
      "Open your application in another tab and sign in. Each message of the login appears here as it is sent.",
    ),
    make(
      "a",
      { class: "button primary", href: "/", target: "_blank" },
      "Open the application",
    ),
    make(
      "p",
      { class: "explained" },
      "Seen are requests of this browser only, from the moment this page was opened.",
    ),
  );
}

async function start(): Promise<void> {
  defineLoginSequence();
  const main = document.querySelector("main");
  const connection = document.querySelector(".connection");
  if (main === null || connection === null) return;
  try {
    const names = (await (await fetch(`${BASE}/names`)).json()) as Names;
    new Inspector(main, connection, names).start();
  } catch {
    connection.textContent =
      "The application does not answer. Load this page again.";
  }
}

void start();
