/** Brings the runs, and tells of each change while there is a connection. */
import type { Run } from "../model.js";

/** Whether changes arrive. */
export type Connection = "connecting" | "live" | "lost";

/** Who wants to know. */
export interface FeedListener {
  /** All runs, the newest last. */
  readonly runs: (runs: readonly Run[]) => void;
  readonly connection?: (connection: Connection) => void;
}

/** How long is waited before asking again, where the browser itself does not. */
const AGAIN_MS = 2000;

/** The runs of this viewer. */
export class Feed {
  readonly #base: string;
  readonly #listener: FeedListener;
  #runs = new Map<string, Run>();
  /** What has changed since the list was asked for: the list may be older. */
  #changed = new Map<string, Run>();
  /** Grows when a list that was asked for before counts no more. */
  #generation = 0;
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param base path at which the inspector is mounted, without a slash at its end */
  constructor(base: string, listener: FeedListener) {
    this.#base = base;
    this.#listener = listener;
  }

  /** Asks once for the runs there are. */
  async load(): Promise<void> {
    this.#changed = new Map();
    this.#generation += 1;
    const generation = this.#generation;
    const answer = await fetch(`${this.#base}/runs`);
    if (!answer.ok) throw new Error(`no runs: ${answer.status}`);
    const { runs } = (await answer.json()) as { readonly runs: readonly Run[] };
    if (generation !== this.#generation) return;
    this.#runs = new Map(runs.map((run) => [run.id, run]));
    for (const run of this.#changed.values()) this.#runs.set(run.id, run);
    this.#tell();
  }

  /** Follows each change until `stop()`. */
  follow(): void {
    this.stop();
    this.#listener.connection?.("connecting");
    const source = new EventSource(`${this.#base}/live`);
    this.#source = source;
    // What happened while there was no connection is in the list.
    source.onopen = () => {
      this.load().then(
        () => this.#listener.connection?.("live"),
        () => {
          this.#again();
        },
      );
    };
    source.addEventListener("run", (event) => {
      const run = JSON.parse(String(event.data)) as Run;
      this.#changed.set(run.id, run);
      this.#runs.set(run.id, run);
      this.#tell();
    });
    source.addEventListener("cleared", () => {
      this.empty();
    });
    source.onerror = () => {
      this.#listener.connection?.("lost");
      if (source.readyState === EventSource.CLOSED) this.#again();
    };
  }

  /** Ends following. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  /** Forgets all runs. */
  empty(): void {
    this.#generation += 1;
    this.#runs.clear();
    this.#changed.clear();
    this.#tell();
  }

  #again(): void {
    this.stop();
    this.#listener.connection?.("lost");
    this.#timer = setTimeout(() => {
      this.follow();
    }, AGAIN_MS);
  }

  #tell(): void {
    this.#listener.runs([...this.#runs.values()]);
  }
}
