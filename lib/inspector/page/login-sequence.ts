/** The element `<login-sequence>`: one run as a sequence diagram, whose arrows open. */
import type { Arrow, Run } from "../model.js";
import { Diagram } from "./diagram.js";
import { make, makeButton, replaceContent } from "./elements.js";
import { Feed } from "./feed.js";
import { loadHeld } from "./held-view.js";
import { messageView } from "./message-view.js";
import { stepsView } from "./steps-view.js";
import { arrowsOf, type Names } from "./words.js";

/** From this width on a message is shown beside the diagram, not in it. */
const BESIDE_PX = 920;

/**
 * `<login-sequence src="/__login" live>` draws the newest run and follows it.
 *
 * `run="id"` is for a certain run, `kinds="login,logout"` for runs of these
 * kinds, `explain` tells below each arrow what it is for. Fires `arrow-open`
 * with `detail: { run, arrow }` when a message is opened, and `runs` with
 * `detail: { runs }` when there is something new. Without `src` it draws what
 * it is given by `show()`.
 */
export class LoginSequence extends HTMLElement {
  static readonly observedAttributes = ["src", "live", "run", "kinds"];

  readonly #diagram = new Diagram({
    onChoose: (arrow) => {
      if (arrow === this.#open) this.close();
      else this.open(arrow);
    },
  });
  readonly #message = make("section", {
    class: "message",
    "aria-label": "Message",
  });
  readonly #content = make("div");
  readonly #held = make("details", { class: "held" });
  readonly #heldContent = make("div");
  readonly #story = make("section", {
    class: "story",
    "aria-label": "What happens here",
  });
  readonly #beside = make("div", { class: "beside" }, this.#story);
  readonly #empty = make(
    "div",
    { class: "empty" },
    make("slot", {}, "Nothing yet."),
  );
  readonly #frame = make(
    "div",
    { class: "frame" },
    this.#diagram.element,
    this.#beside,
  );
  readonly #news = make("p", { class: "spoken", "aria-live": "polite" });
  #run: Run | undefined;
  #names: Names | undefined;
  #open: string | undefined;
  /** Whether the user has opened or closed something in this run. */
  #isChosen = false;
  #drawnOf = "";
  #isStyled = false;
  #feed: Feed | undefined;
  /** Grows when what was begun before counts no more. */
  #turn = 0;
  #source = "";
  /** What the newest event `runs` told, for scripts that came later. */
  runs: readonly Run[] | undefined;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const close = makeButton(
      { class: "close", "aria-label": "Close", "data-key": "close" },
      () => {
        this.close();
      },
      "✕",
    );
    this.#held.append(
      make("summary", {}, "What browser and store hold now"),
      this.#heldContent,
    );
    this.#held.addEventListener("toggle", () => void this.#showHeld());
    this.#message.append(close, this.#content, this.#held);
    this.#frame.hidden = true;
    root.append(this.#style(), this.#empty, this.#frame, this.#news);
    root.addEventListener("keydown", (event) => {
      if (event instanceof KeyboardEvent && event.key === "Escape")
        this.close();
    });
    new ResizeObserver(() => {
      this.#place();
    }).observe(this);
  }

  connectedCallback(): void {
    this.#start();
  }

  disconnectedCallback(): void {
    this.#stop();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#start();
  }

  /** Draws this run; the same run again keeps what is open and focused. */
  show(run: Run | undefined, names: Names, base: string): void {
    const before = this.#run;
    const isOther = run?.id !== before?.id;
    this.#run = run;
    this.#names = names;
    this.#source = base;
    this.#empty.hidden = run !== undefined;
    this.#frame.hidden = run === undefined || !this.#isStyled;
    if (isOther) {
      this.#open = undefined;
      this.#isChosen = false;
      this.#message.remove();
    }
    if (run === undefined) return;
    this.#diagram.show(run, names);
    replaceContent(
      this.#story,
      ...stepsView(run, names, (arrow) => {
        this.#goTo(arrow);
      }),
    );
    if (!isOther && before !== undefined) this.#tellNews(before, run, names);
    const failed = run.failure?.arrow;
    if (failed !== undefined && !this.#isChosen) this.#openMessage(failed);
    else this.#openMessage(this.#open);
  }

  /** The arrow whose message is shown. */
  get openArrow(): string | undefined {
    return this.#open;
  }

  /** Scrolls to an arrow. */
  scrollToArrow(arrow: string): void {
    this.#diagram.rowOf(arrow)?.scrollIntoView({ block: "center" });
  }

  /** Shows the message of an arrow. */
  open(arrow: string): void {
    this.#isChosen = true;
    this.#openMessage(arrow);
    const detail = { run: this.#run?.id, arrow };
    this.dispatchEvent(
      new CustomEvent("arrow-open", { detail, bubbles: true, composed: true }),
    );
  }

  /** Closes the message, and gives its arrow the focus if it was in the message. */
  close(): void {
    const arrow = this.#open;
    if (arrow === undefined) return;
    this.#isChosen = true;
    const hadFocus = this.#message.contains(
      this.shadowRoot?.activeElement ?? null,
    );
    this.#openMessage(undefined);
    if (hadFocus) this.#diagram.focus(arrow);
  }

  #openMessage(id: string | undefined): void {
    const run = this.#run;
    const names = this.#names;
    const arrow = run && arrowsOf(run).find((other) => other.id === id);
    this.#open = arrow?.id;
    this.#diagram.open(arrow?.id);
    this.classList.toggle("has-open", arrow !== undefined);
    if (run === undefined || names === undefined || arrow === undefined) {
      this.#message.remove();
      this.#drawnOf = "";
      return;
    }
    this.#place();
    this.#fill(arrow, run, names);
  }

  #fill(arrow: Arrow, run: Run, names: Names): void {
    const drawnOf = JSON.stringify([run.id, arrow.id, run.items, run.failure]);
    if (drawnOf === this.#drawnOf) return;
    this.#drawnOf = drawnOf;
    const goTo = (other: string): void => {
      this.#goTo(other);
    };
    replaceContent(this.#content, ...messageView(arrow, run, names, goTo));
    void this.#showHeld();
  }

  #goTo(arrow: string): void {
    this.open(arrow);
    this.#diagram.focus(arrow);
  }

  /** Puts the message beside the diagram where there is room, and otherwise below its arrow. */
  #place(): void {
    const isBeside = this.clientWidth >= BESIDE_PX;
    this.#frame.classList.toggle("wide", isBeside);
    if (this.#open === undefined) return;
    const place = isBeside ? this.#beside : this.#diagram.rowOf(this.#open);
    if (place === undefined || this.#message.parentElement === place) return;
    const focused = this.#message.contains(
      this.shadowRoot?.activeElement ?? null,
    )
      ? this.shadowRoot?.activeElement
      : undefined;
    place.append(this.#message);
    if (focused instanceof HTMLElement) focused.focus();
  }

  async #showHeld(): Promise<void> {
    if (!this.#held.open) return;
    replaceContent(this.#heldContent, ...(await loadHeld(this.#source, "h4")));
  }

  #tellNews(before: Run, run: Run, { messages }: Names): void {
    const known = new Set(before.items.map(({ id }) => id));
    const fresh = arrowsOf(run).filter(({ id }) => !known.has(id));
    const last = fresh.at(-1);
    const parts: string[] = [];
    if (last)
      parts.push(`${fresh.length} new: ${messages[last.message].title}`);
    if (run.state !== before.state) {
      parts.push(
        run.failure ? `Failed: ${run.failure.title}` : `Run ${run.state}`,
      );
    }
    if (parts.length > 0) this.#news.textContent = parts.join(". ");
  }

  /** The style sheet; nothing is drawn before it is there. */
  #style(): HTMLElement {
    const href = new URL("sequence.css", import.meta.url).href;
    const link = make("link", { rel: "stylesheet", href });
    const show = (): void => {
      this.#isStyled = true;
      this.#frame.hidden = this.#run === undefined;
    };
    link.addEventListener("load", show);
    link.addEventListener("error", show);
    return link;
  }

  /** Once for all attributes that are set together. */
  #start(): void {
    this.#stop();
    const base = this.getAttribute("src");
    if (base === null) return;
    const turn = this.#turn;
    queueMicrotask(() => {
      if (turn !== this.#turn) return;
      this.#follow(base.replace(/\/$/, ""), turn).catch(() => {
        this.#empty.textContent = `No inspector answers at ${base}.`;
      });
    });
  }

  #stop(): void {
    this.#turn += 1;
    this.#feed?.stop();
  }

  async #follow(base: string, turn: number): Promise<void> {
    const names = (await (await fetch(`${base}/names`)).json()) as Names;
    if (turn !== this.#turn) return;
    const feed = new Feed(base, {
      runs: (runs) => {
        if (turn !== this.#turn) return;
        this.show(this.#choose(runs), names, base);
        this.runs = runs;
        this.dispatchEvent(
          new CustomEvent("runs", { detail: { runs }, bubbles: true }),
        );
      },
    });
    this.#feed = feed;
    if (this.hasAttribute("live")) feed.follow();
    else await feed.load();
  }

  #choose(runs: readonly Run[]): Run | undefined {
    const id = this.getAttribute("run");
    if (id !== null) return runs.find((run) => run.id === id);
    const kinds = this.getAttribute("kinds")?.split(",");
    return runs.findLast(({ kind }) => kinds?.includes(kind) ?? true);
  }
}

/** Makes the element known to the page, once. */
export function defineLoginSequence(): void {
  if (customElements.get("login-sequence") === undefined) {
    customElements.define("login-sequence", LoginSequence);
  }
}
