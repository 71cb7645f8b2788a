/** One HTTP exchange with a resource server: the request goes out, the answer streams in. */
import type * as http from "node:http";
import type { Response } from "express";
import { LoginKitError } from "../errors.js";
import { noteKeepAlive, type OpenRequest } from "./kept-connections.js";
import { frame, sendBody, type OutgoingBody } from "./outgoing-body.js";
import { cutOff, passOn, readToNowhere } from "./pass-on.js";
import type { PassedHeaders } from "./request-headers.js";

/** How long a connection may take to open, in milliseconds. */
const CONNECT_TIMEOUT = 5000;

// RFC 9110 9.2.2.
const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** A request for a resource server. */
export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  /** Framing is added to them. */
  readonly headers: PassedHeaders;
  readonly body: OutgoingBody;
  /** Aborted, with the failure to tell, when nobody waits any more. */
  readonly over: AbortSignal;
}

/** The beginning of an answer: it has to be passed on or dropped. */
export interface Incoming {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Streams the answer on, with back-pressure. When it breaks off, so does what the browser gets, and it rejects; where that was before, nothing is passed on. */
  readonly pass: (res: Response, headers: PassedHeaders) => Promise<void>;
  /** Reads a short answer to nowhere, so that its connection can serve the next one. Does nothing after `pass`. */
  readonly drop: () => void;
}

/** Why a connection is lost whose server may just have refused an upload: nothing says that the server fails. */
export class UploadBroke extends Error {
  override readonly name = "UploadBroke";
}

/**
 * Sends a request and resolves when its answer begins.
 *
 * A connection that waited may be closed by the server in the moment in which
 * it is used again. When it breaks before the first byte of an answer, a request
 * that may be repeated is sent once more, over a new connection (RFC 9112 9.3.1).
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
    if (over.aborted) {
      reject(over.reason as Error);
      return;
    }
    frame(headers, method, body);
    const path = url.pathname + url.search;
    let request: http.ClientRequest;
    // An exchange fails once, and whoever waits for it then is told: for its
    // answer, or for its end. What fails in between is told to who comes next.
    let tell: (failure: Error) => void = reject;
    let failure: Error | undefined;
    let isOver = false;
    const fail = (reason: Error): void => {
      if (isOver) return;
      failure = reason;
      end();
      request.destroy();
      tell(reason);
    };
    const end = (): void => {
      isOver = true;
      over.removeEventListener("abort", giveUp);
    };
    const giveUp = (): void => {
      fail(over.reason as Error);
    };
    const begin = (onNewConnection: boolean): void => {
      const sent = openRequest({ method, path, headers }, onNewConnection);
      request = sent;
      let answer: http.IncomingMessage | undefined;
      const opening = watchOpening(sent, () => {
        fail(sendError("ERR_RESOURCE_TIMEOUT", url, "the connection"));
      });
      sent.once("close", () => {
        if (request === sent) closed();
      });
      sent.on("error", (error) => {
        // An answer that is whole counts, whatever its connection does then: a
        // server that refuses an upload may close it in the middle of that.
        if (isOver || request !== sent || answer?.complete === true) return;
        if (
          answer === undefined &&
          isReplaceable(sent, opening, method, body)
        ) {
          begin(true);
          return;
        }
        fail(
          sendError(
            "ERR_RESOURCE_UNAVAILABLE",
            url,
            codeOf(error),
            opening.isOpen && body !== null && !sent.writableFinished,
          ),
        );
      });
      // A switch of protocols that nobody asked for.
      sent.once("upgrade", (_answer, socket) => {
        socket.destroy();
        fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, "101"));
      });
      sent.once("response", (incoming) => {
        answer = incoming;
        const status = incoming.statusCode ?? 0;
        if (status < 200) {
          fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, String(status)));
          return;
        }
        incoming.on("error", (error) => {
          fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, codeOf(error)));
        });
        noteKeepAlive(incoming);
        resolve({
          status,
          headers: incoming.headers,
          pass: (res, passed) =>
            new Promise((done, broke) => {
              if (failure !== undefined) {
                broke(failure);
                return;
              }
              passOn(incoming, status, res, passed);
              tell = (reason) => {
                cutOff(res);
                broke(reason);
              };
              res.once("error", fail);
              res.once("finish", () => {
                end();
                // An upload that was answered before its end goes nowhere now.
                if (!sent.writableFinished) sent.destroy();
                done();
              });
            }),
          drop() {
            if (isOver || incoming.readableFlowing !== null) return;
            end();
            readToNowhere(incoming, sent);
          },
        });
      });
      sendBody(sent, body, fail);
    };
    over.addEventListener("abort", giveUp, { once: true });
    begin(false);
  });
}

/** How far a request's connection is. */
interface Opening {
  isOpen: boolean;
  /** Bytes that had come over it before this request. */
  readBefore: number;
}

function watchOpening(request: http.ClientRequest, stop: () => void): Opening {
  const opening: Opening = { isOpen: false, readBefore: 0 };
  request.once("socket", (socket) => {
    if (!socket.connecting) {
      opening.isOpen = true;
      opening.readBefore = socket.bytesRead;
      return;
    }
    const timer = setTimeout(stop, CONNECT_TIMEOUT);
    socket.once("encrypted" in socket ? "secureConnect" : "connect", () => {
      opening.isOpen = true;
      clearTimeout(timer);
    });
    request.once("close", () => {
      clearTimeout(timer);
    });
  });
  return opening;
}

/** Whether a request that broke may be sent again: its connection had waited, nothing was answered, and a second time changes nothing. */
function isReplaceable(
  request: http.ClientRequest,
  { readBefore }: Opening,
  method: string,
  body: OutgoingBody,
): boolean {
  return (
    request.reusedSocket &&
    request.socket?.bytesRead === readBefore &&
    IDEMPOTENT.has(method) &&
    (body === null || Buffer.isBuffer(body))
  );
}

function sendError(
  code: "ERR_RESOURCE_UNAVAILABLE" | "ERR_RESOURCE_TIMEOUT",
  url: URL,
  reason: string,
  isUpload = false,
): LoginKitError {
  return new LoginKitError(code, {
    message: `no answer from ${url.origin}`,
    // Never the error itself: Node keeps bytes of the answer in it, and a
    // server may have echoed the token.
    cause: isUpload ? new UploadBroke(reason) : new Error(reason),
  });
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "the connection broke";
}
