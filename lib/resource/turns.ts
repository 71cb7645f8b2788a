/** Who may use one of a server's connections next: nobody takes all of them. */
import type { Over } from "./over.js";

/** Waits for a connection's turn, or has it at once; call what it gives when the connection is free again. */
export type TakeTurn = (
  user: string,
  over: Over,
) => (() => void) | Promise<() => void>;

interface Waiting {
  readonly user: string;
  readonly begin: () => void;
}

/**
 * At most `connections` at the same time, and at most half of them for one
 * user, so that the long answers of one cannot keep out all others. Who comes
 * first is served first, and who gives up leaves nothing behind.
 *
 * The returned function rejects with the reason of `over`.
 */
export function createTurns(connections: number): TakeTurn {
  const share = Math.max(1, Math.floor(connections / 2));
  const used = new Map<string, number>();
  const waiting = new Set<Waiting>();
  let free = connections;

  const mayBegin = (user: string): boolean =>
    free > 0 && (used.get(user) ?? 0) < share;
  const begin = (user: string): (() => void) => {
    free -= 1;
    used.set(user, (used.get(user) ?? 0) + 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      free += 1;
      const left = (used.get(user) ?? 1) - 1;
      if (left === 0) used.delete(user);
      else used.set(user, left);
      for (const next of waiting) {
        if (free === 0) break;
        if (mayBegin(next.user)) next.begin();
      }
    };
  };

  return function takeTurn(user, over) {
    if (over.reason !== undefined) return Promise.reject(over.reason);
    if (mayBegin(user)) return begin(user);
    return new Promise((resolve, reject) => {
      const giveUp = (reason: Error): void => {
        waiting.delete(one);
        reject(reason);
      };
      const one: Waiting = {
        user,
        begin() {
          waiting.delete(one);
          over.forget(giveUp);
          resolve(begin(user));
        },
      };
      waiting.add(one);
      over.tell(giveUp);
    });
  };
}
