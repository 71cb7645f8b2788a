/** Ends a forwarded request that nobody should wait for any longer. */
import type { Socket } from "node:net";
import type { Request, Response } from "express";
import type { ResourceServer } from "../config/config.js";
import { LoginKitError } from "../base/errors.js";
import { Over } from "./over.js";

/** How often it is looked whether anything moves. */
const LOOK_EVERY_MS = 1000;

/** Why nobody is left to be told of a failure. */
export class NobodyWaits extends Error {
  override readonly name = "NobodyWaits";
}

/** A watched request. */
export interface ForwardingWatch {
  /**
   * Ended when the request must end. The reason is `ERR_RESOURCE_TIMEOUT`,
   * `ERR_REQUEST_TIMEOUT`, `ERR_LOGIN_REQUIRED`, `ERR_RESOURCE_UNAVAILABLE`
   * (the application is closing) or {@link NobodyWaits}.
   */
  readonly over: Over;
  /** From now on nothing need move, and the end of the login counts at once: the answer is an event stream. */
  readonly allowSilence: () => void;
  readonly done: () => void;
}

/**
 * Watches what the browser sends and gets. When nothing moves for the server's
 * `timeoutSeconds`, when all of it takes longer than `totalTimeoutSeconds`,
 * when the browser goes away or its login ends, the request is over.
 *
 * It looks once a second, which costs less than a timer for every piece, and
 * so a silence is noticed up to a second late.
 *
 * @param loginSignal is read only when the request lasts
 */
export function watchForwarding(
  req: Request,
  res: Response,
  { timeoutSeconds, totalTimeoutSeconds = Infinity }: ResourceServer,
  loginSignal: () => AbortSignal,
): ForwardingWatch {
  const over = new Over();
  // Whatever becomes of the request, its connection is this one.
  const { socket } = req;
  const startedAt = performance.now();
  let patience = timeoutSeconds * 1000;
  let moved = movedBytes(req, socket);
  let movedAt = startedAt;
  let endsWithLogin = false;

  const endWithLogin = (): void => {
    if (endsWithLogin) return;
    endsWithLogin = true;
    const signal = loginSignal();
    const end = (): void => {
      over.end(
        res.headersSent
          ? new NobodyWaits("the login ended")
          : signal.reason instanceof LoginKitError
            ? signal.reason
            : new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
                message: "the application is closing",
              }),
      );
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  };
  const look = (): void => {
    const now = performance.now();
    const movedNow = movedBytes(req, socket);
    if (movedNow !== moved) {
      moved = movedNow;
      movedAt = now;
    }
    if (
      now - movedAt >= patience ||
      now - startedAt >= totalTimeoutSeconds * 1000
    ) {
      over.end(lateError(req));
    } else endWithLogin();
  };
  const timer = setInterval(
    look,
    Math.min(LOOK_EVERY_MS, patience / 4, totalTimeoutSeconds * 250),
  ).unref();
  const leave = (): void => {
    if (!res.writableFinished) {
      over.end(new NobodyWaits("the browser went away"));
    }
  };
  if (socket.destroyed) leave();
  // Not the answer's own event: one that waits behind another one (pipelining)
  // does not notice it.
  const stopListening = onClose(socket, leave);
  return {
    over,
    allowSilence() {
      patience = Infinity;
      endWithLogin();
    },
    done() {
      clearInterval(timer);
      stopListening();
    },
  };
}

/** Those who want to know of a connection's end: one listener for all, however many requests wait on it. */
const listening = new WeakMap<Socket, Set<() => void>>();

function onClose(socket: Socket, leave: () => void): () => void {
  let all = listening.get(socket);
  if (all === undefined) {
    const own = new Set<() => void>();
    all = own;
    listening.set(socket, own);
    socket.once("close", () => {
      for (const each of own) each();
    });
  }
  const leaving = all.add(leave);
  return () => {
    leaving.delete(leave);
  };
}

/** What has come of the request and what has gone of the answer, on the browser's connection. */
function movedBytes(req: Request, socket: Socket): number {
  return (req.complete ? 0 : socket.bytesRead) + socket.bytesWritten;
}

/** The browser's fault if we read, and nothing comes; else the resource server's. */
function lateError(req: Request): LoginKitError {
  return new LoginKitError(
    req.complete || req.readableLength > 0
      ? "ERR_RESOURCE_TIMEOUT"
      : "ERR_REQUEST_TIMEOUT",
  );
}
