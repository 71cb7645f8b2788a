/** Streams the answer of a resource server to the browser, or to nowhere. */
import type * as http from "node:http";
import type { Response } from "express";
import type { PassedHeaders } from "./request-headers.js";

/** How much of an answer may wait for the browser's connection, in bytes: it stays filled while more is read. */
const AHEAD = 256 * 1024;

/** An answer that nobody wants is read up to this size, in bytes; of a longer one the connection is closed. */
const DROPPED = 64 * 1024;

/** How long an answer that nobody wants may take to end, in milliseconds. */
const DROPPED_WITHIN = 1000;

/** Answers without a body (RFC 9110 15.3.5, 15.4.5). */
const BODILESS = new Set([204, 304]);

/** Whether an answer goes on for as long as nothing happens. */
export function isEventStream(headers: http.IncomingHttpHeaders): boolean {
  return /^text\/event-stream\b/i.test(headers["content-type"] ?? "");
}

/** Begins the answer to the browser: its head goes out with the first piece. */
export function beginAnswer(
  status: number,
  res: Response,
  headers: PassedHeaders,
): void {
  // Not Express's set(), which would complete types on its own. Bound once: each
  // look at a response of Express is dear (docs/performance.md).
  const setHeader = res.setHeader.bind(res);
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) setHeader(name, value);
  }
  // It may name the length of the body that it does not have.
  if (BODILESS.has(status)) res.removeHeader("content-length");
  // Not left to the first write: with a known length Node then writes
  // Content-Disposition in another encoding.
  res.writeHead(status);
}

/**
 * Ends an answer whose body is there as a whole, which goes out in one piece
 * with the head.
 *
 * @returns whether all of it has gone; false: the connection takes it later, or never
 */
export function endWhole(answer: http.IncomingMessage, res: Response): boolean {
  const { socket } = res;
  const body = answer.read() as Buffer | null;
  if (body === null) res.end();
  else res.end(body);
  return socket !== null && !socket.destroyed && socket.writableLength === 0;
}

/**
 * Passes the body on as it comes, with back-pressure. What breaks is the caller's to tell.
 *
 * @param atOnce whether the head goes out before
 */
export function passOn(
  answer: http.IncomingMessage,
  res: Response,
  atOnce: boolean,
): void {
  if (atOnce) res.flushHeaders();
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
export function cutOff(res: Response): void {
  const { socket } = res;
  // Without a length only the end of the connection ends the body (HTTP/1.0):
  // it must not be an orderly one.
  const endsByClosing =
    !res.chunkedEncoding && res.getHeader("content-length") === undefined;
  // One that is being ended cannot be reset: Node 20 would never close it.
  const mayBeReset = socket?.writableEnded === false;
  if (endsByClosing && mayBeReset) socket.resetAndDestroy();
  res.destroy();
}

/** Reads a short answer so that its connection can serve the next one; closes that of a long one. */
export function readToNowhere(
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
