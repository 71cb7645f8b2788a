/** Middleware that stops requests, or their answers, until a test lets them go. */
import type { ServerResponse } from "node:http";

import type { RequestHandler } from "express";

/** Where a request is stopped. */
export type HoldPoint = "request" | "answer";

/** Requests that wait. */
export interface Hold {
  /** Resolves when the first request waits. */
  readonly reached: Promise<void>;
  /** How many have waited so far. */
  readonly count: () => number;
  /** Lets them go on; later ones are not stopped. */
  readonly release: () => void;
}

/** The holds of a server. */
export interface RequestHolds {
  /** Mount it before everything that may be held. */
  readonly middleware: RequestHandler;
  /**
   * Stops requests for a path from now on.
   *
   * @param point - "answer" (default): when the work is done and the answer has
   *   not been sent; "request": before anything is done
   */
  readonly hold: (path: string, point?: HoldPoint) => Hold;
}

interface Waiting {
  readonly point: HoldPoint;
  readonly wait: () => Promise<void>;
}

/** Begins without any hold. */
export function requestHolds(): RequestHolds {
  const holds = new Map<string, Waiting>();
  return {
    async middleware(req, res, next) {
      const held = holds.get(req.path);
      if (held?.point === "request") await held.wait();
      if (held?.point === "answer") holdAnswer(res, held.wait);
      next();
    },
    hold(path, point = "answer") {
      let count = 0;
      const { promise: reached, resolve: reach } = signal();
      const { promise: released, resolve: letGo } = signal();
      const waiting: Waiting = {
        point,
        wait() {
          count += 1;
          reach();
          return released;
        },
      };
      holds.set(path, waiting);
      return {
        reached,
        count: () => count,
        release() {
          if (holds.get(path) === waiting) holds.delete(path);
          letGo();
        },
      };
    },
  };
}

/** Lets the work be done, and sends the answer when the wait is over. */
export function holdAnswer(
  res: ServerResponse,
  wait: () => Promise<void>,
): void {
  const end = res.end.bind(res) as (...chunk: unknown[]) => ServerResponse;
  res.end = ((...chunk: unknown[]) => {
    void wait().then(() => end(...chunk));
    return res;
  }) as ServerResponse["end"];
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function signal(): {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
} {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
