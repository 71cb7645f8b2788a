/** One HTTP exchange with a resource server: the request goes out, the answer streams in. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Response } from "express";
import type { Dispatcher } from "undici";
import { LoginKitError } from "../errors.js";
import type { PassedHeaders } from "./request-headers.js";

/** So much of an answer waits here for a browser that reads slowly, in bytes. */
const READ_AHEAD = 64 * 1024;

/** An answer that nobody wants is read up to this size, in bytes; of a longer one the connection is closed. */
const DROPPED = 64 * 1024;

/** How long an answer that nobody wants may take to end, in milliseconds. */
const DROPPED_WITHIN = 1000;

/** A request for a resource server. */
export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: PassedHeaders;
  readonly body: IncomingMessage | Buffer | null;
  /** Aborted, with the failure to tell, when nobody waits any more. */
  readonly over: AbortSignal;
}

/** The beginning of an answer. */
export interface Incoming {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Streams the answer on, with back-pressure. When it breaks off, so does what the browser gets, and it rejects. */
  readonly pass: (res: Response, headers: PassedHeaders) => Promise<void>;
  /** Reads a short answer to nowhere, so that its connection can serve the next one. */
  readonly drop: () => void;
}

/** Where the body of an answer goes. */
interface Sink {
  write: (piece: Buffer) => void;
  end: () => void;
  fail: (failure: Error) => void;
}

/**
 * Sends a request and resolves when its answer begins.
 *
 * Rejects with `ERR_RESOURCE_UNAVAILABLE`, or with the reason of `over`.
 */
export function exchange(
  dispatcher: Dispatcher,
  { method, url, headers, body, over }: Outgoing,
): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    let connection: Dispatcher.DispatchController | undefined;
    const held = createHeld(() => connection?.pause());
    let sink: Sink = held;

    const fail = (failure: Error): void => {
      reject(failure);
      sink.fail(failure);
    };
    const giveUp = (): void => {
      const reason = over.reason as Error;
      fail(reason);
      // A request that still waits for a connection is told when it gets one.
      connection?.abort(reason);
    };
    const continueInto = (next: Sink): void => {
      sink = next;
      held.moveTo(next);
      connection?.resume();
    };

    if (over.aborted) {
      giveUp();
      return;
    }
    over.addEventListener("abort", giveUp, { once: true });

    dispatcher.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: method,
        headers,
        body,
        // How long is too long is the caller's to say, by `over`.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      {
        onRequestStart(controller) {
          connection = controller;
          if (over.aborted) controller.abort(over.reason as Error);
        },
        onResponseStart(controller, status, received) {
          // Interim answers (RFC 9110 15.2) are between us and the server.
          if (status < 200) return;
          resolve({
            status,
            headers: received,
            pass: (res, passed) =>
              new Promise<void>((done, broke) => {
                writeHead(res, status, passed);
                if (isEventStream(received)) res.flushHeaders();
                if (BODILESS.has(status)) {
                  res.end(done);
                  continueInto(nowhere(controller));
                } else {
                  const length = Number(received["content-length"]);
                  continueInto(browser(res, length, controller, done, broke));
                }
              }),
            drop() {
              over.removeEventListener("abort", giveUp);
              continueInto(nowhere(controller));
            },
          });
        },
        onResponseData(_controller, piece) {
          sink.write(piece);
        },
        onResponseEnd() {
          sink.end();
        },
        onResponseError(_controller, error) {
          fail(sendError(error, url));
        },
      },
    );
  });
}

/** Whether an answer goes on for as long as nothing happens. */
export function isEventStream(headers: IncomingHttpHeaders): boolean {
  return /^text\/event-stream\b/i.test(headers["content-type"] ?? "");
}

/** Answers without a body (RFC 9110 15.3.5, 15.4.5). */
const BODILESS = new Set([204, 304]);

function writeHead(
  res: Response,
  status: number,
  headers: PassedHeaders,
): void {
  // Not Express's set(), which would complete types on its own.
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) res.setHeader(name, value);
  }
  // It may name the length of the body that it does not have.
  if (BODILESS.has(status)) res.removeHeader("content-length");
  // Not left to the first write: with a known length Node then writes
  // Content-Disposition in another encoding.
  res.writeHead(status);
}

/** Keeps the first pieces until it is known where they go. */
function createHeld(
  pause: () => void,
): Sink & { readonly moveTo: (sink: Sink) => void } {
  const pieces: Buffer[] = [];
  let size = 0;
  let ending: ((sink: Sink) => void) | undefined;
  return {
    write(piece) {
      pieces.push(piece);
      size += piece.length;
      if (size >= READ_AHEAD) pause();
    },
    end() {
      ending ??= (sink) => {
        sink.end();
      };
    },
    fail(failure) {
      ending ??= (sink) => {
        sink.fail(failure);
      };
    },
    moveTo(sink) {
      for (const piece of pieces.splice(0)) sink.write(piece);
      ending?.(sink);
    },
  };
}

/** @param length of the body in bytes; NaN where it is unknown. */
function browser(
  res: Response,
  length: number,
  connection: Dispatcher.DispatchController,
  done: () => void,
  broke: (failure: Error) => void,
): Sink {
  let missing = length;
  res.on("drain", () => {
    connection.resume();
  });
  return {
    write(piece) {
      missing -= piece.length;
      if (missing === 0) {
        // In one packet with what is before it.
        res.end(piece, done);
        return;
      }
      res.write(piece);
      if (res.writableLength > READ_AHEAD) connection.pause();
    },
    end() {
      if (!res.writableEnded) res.end(done);
    },
    fail(failure) {
      // Half an answer must not look like a whole one.
      res.destroy();
      broke(failure);
    },
  };
}

function nowhere(connection: Dispatcher.DispatchController): Sink {
  let size = 0;
  const stop = (): void => {
    connection.abort(new Error("nobody wants the answer"));
  };
  const timer = setTimeout(stop, DROPPED_WITHIN).unref();
  const settle = (): void => {
    clearTimeout(timer);
  };
  return {
    write(piece) {
      size += piece.length;
      if (size > DROPPED) stop();
    },
    end: settle,
    fail: settle,
  };
}

function sendError(error: Error, url: URL): LoginKitError {
  const { code } = error as { code?: unknown };
  return new LoginKitError(
    code === "UND_ERR_CONNECT_TIMEOUT"
      ? "ERR_RESOURCE_TIMEOUT"
      : "ERR_RESOURCE_UNAVAILABLE",
    {
      message: `no answer from ${url.origin}`,
      // Never the error itself: undici keeps bytes of the answer in it, and a
      // server may have echoed the token.
      cause: new Error(
        typeof code === "string" ? code : "the connection broke",
      ),
    },
  );
}
