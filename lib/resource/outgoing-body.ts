/** Decides what body a request is sent on with, and how its end is told. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { LoginKitError } from "../base/errors.js";
import type { Over } from "./over.js";
import { NobodyWaits } from "./watch-forwarding.js";

/** A body up to this size is read before it is sent, so that it can be sent again. In bytes. */
const REPLAYABLE = 64 * 1024;

/** A body that is sent while it comes. */
export interface StreamedBody {
  readonly stream: IncomingMessage;
  /** In bytes; undefined where the browser did not tell. */
  readonly length: number | undefined;
}

/** Bytes that can be sent again, a stream that cannot, or none. */
export type OutgoingBody = Buffer | StreamedBody | null;

/** Whether a body can be sent again. */
export function isReplayable(body: OutgoingBody): boolean {
  return body === null || Buffer.isBuffer(body);
}

type RequestHead = Pick<IncomingMessage, "method" | "headers">;

/**
 * Whether a request has a body to send on. One of a GET means nothing, and
 * servers disagree where it ends.
 *
 * @throws {LoginKitError} `ERR_FORWARD_REQUEST_INVALID` for a body whose end is told in a way that we cannot pass on
 */
export function hasBody({ method, headers }: RequestHead): boolean {
  if (method === "GET" || method === "HEAD") return false;
  const coding = headers["transfer-encoding"];
  if (coding === undefined) return announcedLength(headers) > 0;
  if (coding.toLowerCase() === "chunked") return true;
  // Node takes off the chunks. What is below would be taken for the body itself.
  throw new LoginKitError("ERR_FORWARD_REQUEST_INVALID", {
    message: "Transfer-Encoding must be chunked and nothing else",
  });
}

function announcedLength(headers: RequestHead["headers"]): number {
  const length = Number(headers["content-length"] ?? 0);
  if (Number.isSafeInteger(length)) return length;
  throw new LoginKitError("ERR_FORWARD_REQUEST_INVALID", {
    message: "Content-Length is larger than anything that can be sent",
  });
}

/**
 * The body of a request that has one: read at once where it is small, else streamed.
 *
 * Rejects with the reason of `over`, or with `NobodyWaits`.
 */
export async function outgoingBody(
  req: IncomingMessage,
  over: Over,
): Promise<OutgoingBody> {
  // The rest would look like all of it.
  if (req.readableDidRead) throw readBefore();
  if (req.headers["transfer-encoding"] !== undefined) {
    return { stream: req, length: undefined };
  }
  const length = announcedLength(req.headers);
  if (length > REPLAYABLE) return { stream: req, length };
  const body = await Promise.race([buffered(req), endOf(over)]);
  if (body.length !== length) throw readBefore();
  return body;
}

async function buffered(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of req) chunks.push(chunk as Buffer);
  } catch {
    throw new NobodyWaits("the browser went away");
  }
  return Buffer.concat(chunks);
}

function endOf(over: Over): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (over.reason === undefined) over.tell(reject);
    else reject(over.reason);
  });
}

/** Methods whose requests have no body as a rule, and then say nothing of it (RFC 9110 8.6). */
const BODILESS = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

/**
 * Tells in the headers where the body ends, the same for every method.
 *
 * What Node does without these headers depends on the method: it sends the body
 * of a DELETE without a word about its length, as the next request.
 */
export function frame(
  headers: Record<string, string | string[]>,
  method: string,
  body: OutgoingBody,
): void {
  delete headers["content-length"];
  delete headers["transfer-encoding"];
  if (body === null) {
    if (!BODILESS.has(method)) headers["content-length"] = "0";
  } else if (Buffer.isBuffer(body)) {
    headers["content-length"] = String(body.length);
  } else if (body.length === undefined) {
    headers["transfer-encoding"] = "chunked";
  } else {
    headers["content-length"] = String(body.length);
  }
}

/** Sends the body, with back-pressure, and ends the request; `fail` is told where a stream has another length than it should. */
export function sendBody(
  request: ClientRequest,
  body: OutgoingBody,
  fail: (failure: Error) => void,
): void {
  if (body === null) request.end();
  else if (Buffer.isBuffer(body)) request.end(body);
  else sendStream(request, body, fail);
}

/** What is not sent is not waited for by the resource server, and what is too much would be its next request. */
function sendStream(
  request: ClientRequest,
  { stream, length }: StreamedBody,
  fail: (failure: Error) => void,
): void {
  let sent = 0;
  const send = (piece: Buffer): void => {
    sent += piece.length;
    if (length !== undefined && sent > length) fail(readBefore());
    else if (!request.write(piece)) stream.pause();
  };
  const end = (): void => {
    if (length === undefined || sent === length) request.end();
    else fail(readBefore());
  };
  const resume = (): void => {
    stream.resume();
  };
  stream.on("data", send).once("end", end);
  request.on("drain", resume);
  request.once("close", () => {
    // Nobody takes the rest; the browser's connection waits with it.
    request.off("drain", resume);
    stream.off("data", send).off("end", end).pause();
  });
}

function readBefore(): LoginKitError {
  return new LoginKitError("ERR_BODY_ALREADY_READ", {
    message:
      "kit.forward: part of the request's body was already read; mount forward before whatever reads it",
  });
}
