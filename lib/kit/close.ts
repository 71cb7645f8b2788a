/** Ends the kit: what is under way may finish, for a bounded time. */
import { withinDeadline } from "../base/deadline.js";
import { ConfigError } from "../base/errors.js";

/** How `kit.close` ends. */
export interface CloseOptions {
  /**
   * How long refreshes that are under way may take to be answered by the
   * provider and stored. Seconds, 0 to 600, default 20.
   */
  readonly withinSeconds?: number;
}

/** Seconds that work under way has by default: less than the 30 after which Kubernetes kills. */
const DEFAULT_SECONDS = 20;

/** Longest time that may be asked for, in seconds. */
const MAX_SECONDS = 600;

/** How long work that was given up has to end. */
const LAST_WORDS_MS = 1000;

/** What {@link createClose} ends. */
export interface CloseDeps {
  /** What ends at once. */
  readonly endings: readonly (() => void)[];
  /** Work under way, in the order in which one makes the next: each takes no more, and resolves when it is done. */
  readonly work: readonly (() => Promise<void>)[];
  /** Gives up what is not done in time. */
  readonly giveUp: () => void;
}

/**
 * Creates `kit.close`.
 *
 * The returned function throws a {@link ConfigError} for wrong options. Its
 * promise is always fulfilled, and is the same one when it is called again.
 */
export function createClose({
  endings,
  work,
  giveUp,
}: CloseDeps): (options?: CloseOptions) => Promise<void> {
  let closing: Promise<void> | undefined;

  const finish = async (seconds: number): Promise<void> => {
    for (const end of endings) end();
    const finished = (async () => {
      for (const finishWork of work) await finishWork();
    })();
    // A promise alone does not keep a process alive; the deadline's timer does.
    await until(finished, seconds * 1000);
    giveUp();
    await until(finished, LAST_WORDS_MS);
  };
  return function close(options = {}) {
    const seconds = checked(options);
    closing ??= finish(seconds);
    return closing;
  };
}

function checked(options: CloseOptions): number {
  const { withinSeconds = DEFAULT_SECONDS, ...others } = options;
  const problems = Object.keys(others).map(
    (name) => `${name}: kit.close has no such option; it has withinSeconds`,
  );
  if (
    typeof withinSeconds !== "number" ||
    !(withinSeconds >= 0 && withinSeconds <= MAX_SECONDS)
  ) {
    problems.push(
      `withinSeconds: kit.close takes seconds from 0 to ${String(MAX_SECONDS)}`,
    );
  }
  if (problems.length > 0) throw new ConfigError(problems, "kit.close");
  return withinSeconds;
}

async function until(
  finished: Promise<void>,
  milliseconds: number,
): Promise<void> {
  await withinDeadline(
    finished,
    milliseconds,
    () => new Error("the work takes longer"),
  ).catch(() => undefined);
}
