/** One HTTP exchange with a resource server: the request goes out, the answer streams in. */
import type * as http from "node:http";
import type { Response } from "express";
import { LoginKitError } from "../errors.js";
import type { OpenRequest } from "./kept-connections.js";
import type { PassedHeaders } from "./request-headers.js";

/** How long a connection may take to open, in milliseconds. */
const CONNECT_TIMEOUT = 5000;

/** How much of an answer may wait for the browser's connection, in bytes: it stays filled while more is read. */
const AHEAD = 256 * 1024;

/** An answer that nobody wants is read up to this size, in bytes; of a longer one the connection is closed. */
const DROPPED = 64 * 1024;

/** How long an answer that nobody wants may take to end, in milliseconds. */
const DROPPED_WITHIN = 1000;

/** A request for a resource server. */
export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  /** Made for this request: those that tell where the body ends are added to them. */
  readonly headers: PassedHeaders;
  readonly body: http.IncomingMessage | Buffer | null;
  /** Aborted, with the failure to tell, when nobody waits any more. */
  readonly over: AbortSignal;
}

/** The beginning of an answer: it has to be passed on or dropped. */
export interface Incoming {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Streams the answer on, with back-pressure. When it breaks off, so does what the browser gets, and it rejects. */
  readonly pass: (res: Response, headers: PassedHeaders) => Promise<void>;
  /** Reads a short answer to nowhere, so that its connection can serve the next one. Does nothing after `pass`. */
  readonly drop: () => void;
}

/**
 * Sends a request and resolves when its answer begins.
 *
 * Rejects with `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, or with the
 * reason of `over`.
 *
 * @param closed is called when the connection is free again, or closed
 */
export function exchange(
  openRequest: OpenRequest,
  { method, url, headers, body, over }: Outgoing,
  closed: () => void,
): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    frame(headers, body);
    const request = openRequest({
      method,
      path: url.pathname + url.search,
      headers,
    });
    let breakOff: (failure: Error) => void = reject;
    const fail = (failure: Error): void => {
      over.removeEventListener("abort", giveUp);
      request.destroy();
      breakOff(failure);
    };
    const giveUp = (): void => {
      fail(over.reason as Error);
    };
    over.addEventListener("abort", giveUp, { once: true });
    limitConnecting(request, () => {
      fail(sendError("ERR_RESOURCE_TIMEOUT", url, "the connection"));
    });
    request.once("close", closed);
    request.on("error", (error) => {
      fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, codeOf(error)));
    });
    // A switch of protocols that nobody asked for.
    request.once("upgrade", (_answer, socket) => {
      socket.destroy();
      fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, "101"));
    });
    request.once("response", (answer) => {
      const status = answer.statusCode ?? 0;
      if (status < 200) {
        fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, String(status)));
        return;
      }
      answer.on("error", (error) => {
        fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, codeOf(error)));
      });
      resolve({
        status,
        headers: answer.headers,
        pass: (res, passed) =>
          new Promise((done, broke) => {
            breakOff = (failure) => {
              cutOff(res);
              broke(failure);
            };
            passOn(answer, status, res, passed);
            res.once("error", fail);
            res.once("finish", () => {
              over.removeEventListener("abort", giveUp);
              // An upload that was answered before its end goes nowhere now.
              if (!request.writableFinished) request.destroy();
              done();
            });
          }),
        drop() {
          if (answer.readableFlowing !== null) return;
          over.removeEventListener("abort", giveUp);
          readToNowhere(answer, request);
        },
      });
    });
    if (body === null || Buffer.isBuffer(body)) request.end(body ?? undefined);
    else body.pipe(request);
  });
}

/** Whether an answer goes on for as long as nothing happens. */
export function isEventStream(headers: http.IncomingHttpHeaders): boolean {
  return /^text\/event-stream\b/i.test(headers["content-type"] ?? "");
}

/**
 * Tells in the headers where the body ends, the same for every method: left to
 * itself, Node sends the body of a DELETE without a word about its length, as
 * the next request on the connection.
 */
function frame(headers: PassedHeaders, body: Outgoing["body"]): void {
  if (body === null) return;
  const length = Buffer.isBuffer(body)
    ? String(body.length)
    : body.headers["transfer-encoding"] === undefined
      ? body.headers["content-length"]
      : undefined;
  if (length === undefined) headers["transfer-encoding"] = "chunked";
  else headers["content-length"] = length;
}

function limitConnecting(request: http.ClientRequest, stop: () => void): void {
  request.once("socket", (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(stop, CONNECT_TIMEOUT);
    const settle = (): void => {
      clearTimeout(timer);
    };
    socket.once("encrypted" in socket ? "secureConnect" : "connect", settle);
    request.once("close", settle);
  });
}

/** Answers without a body (RFC 9110 15.3.5, 15.4.5). */
const BODILESS = new Set([204, 304]);

function passOn(
  answer: http.IncomingMessage,
  status: number,
  res: Response,
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
  if (isEventStream(answer.headers)) res.flushHeaders();
  answer.on("data", (piece: Buffer) => {
    if (res.write(piece) || res.writableLength < AHEAD) return;
    answer.pause();
    res.once("drain", () => answer.resume());
  });
  answer.once("end", () => {
    res.end();
  });
}

/** Half an answer must not look like a whole one. */
function cutOff(res: Response): void {
  const { socket } = res;
  // Without a length only the end of the connection ends the body (HTTP/1.0):
  // it must not be an orderly one.
  const endsByClosing =
    !res.chunkedEncoding && res.getHeader("content-length") === undefined;
  if (endsByClosing && socket !== null) socket.resetAndDestroy();
  res.destroy();
}

function readToNowhere(
  answer: http.IncomingMessage,
  request: http.ClientRequest,
): void {
  let size = 0;
  const stop = (): void => {
    request.destroy();
  };
  const timer = setTimeout(stop, DROPPED_WITHIN).unref();
  answer.on("data", (piece: Buffer) => {
    size += piece.length;
    if (size > DROPPED) stop();
  });
  answer.once("close", () => {
    clearTimeout(timer);
    if (!request.writableFinished) stop();
  });
}

function sendError(
  code: "ERR_RESOURCE_UNAVAILABLE" | "ERR_RESOURCE_TIMEOUT",
  url: URL,
  reason: string,
): LoginKitError {
  return new LoginKitError(code, {
    message: `no answer from ${url.origin}`,
    // Never the error itself: Node keeps bytes of the answer in it, and a
    // server may have echoed the token.
    cause: new Error(reason),
  });
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "the connection broke";
}
