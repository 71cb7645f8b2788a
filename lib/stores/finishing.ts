/** Finishes what has begun although the store fails meanwhile, and lets nobody wait for long. */
import { LoginKitError } from "../base/errors.js";
import { keepTrying } from "./keep-trying.js";
import { REMAINS_MS } from "./records.js";

/**
 * How long a request waits for a command that has failed once, in
 * milliseconds: a connection that was cut is back by then.
 */
const WAIT_MS = 1000;

/** Asks the store until it answers, for {@link REMAINS_MS} since the work began. */
export type Persist = <Answer>(
  command: () => Promise<Answer>,
) => Promise<Answer>;

/** Work that must not stay half done. */
export interface Finishing {
  /**
   * Does the work, and gives its result. It rejects as the store did when a
   * command has no answer a second after its first failure: the work goes on.
   * So every command of it must be one that may be asked again.
   */
  finish: <Result>(
    work: (persist: Persist) => Promise<Result>,
  ) => Promise<Result>;
  /** Resolves when no work is under way. Never rejects. */
  settled: () => Promise<void>;
}

/**
 * Creates what does such work in this process.
 *
 * @param stop aborted: each command has one last attempt
 */
export function createFinishing(stop: AbortSignal): Finishing {
  const underWay = new Set<Promise<void>>();
  return {
    finish(work) {
      return new Promise((resolve, reject) => {
        const done = work(persistently(reject, stop))
          .then(resolve, reject)
          .finally(() => underWay.delete(done));
        underWay.add(done);
      });
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

/** @param onWait told of a command that whoever asked should not wait for any longer */
function persistently(
  onWait: (failure: Error) => void,
  stop: AbortSignal,
): Persist {
  const giveUpAt = performance.now() + REMAINS_MS;
  return async (command) => {
    let waiting: NodeJS.Timeout | undefined;
    let mayPass = true;
    const attempt = async (): ReturnType<typeof command> => {
      try {
        return await command();
      } catch (error) {
        mayPass = error instanceof LoginKitError;
        if (error instanceof Error) {
          waiting ??= setTimeout(onWait, WAIT_MS, error);
        }
        throw error;
      }
    };
    try {
      return await keepTrying(attempt, {
        milliseconds: giveUpAt - performance.now(),
        stop,
        isHopeless: () => !mayPass,
      });
    } finally {
      clearTimeout(waiting);
    }
  };
}
