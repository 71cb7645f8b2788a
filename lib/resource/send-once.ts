/** One HTTP request to a resource server: it goes out, the answer streams in. */
import type * as http from "node:http";
import type { Response } from "express";
import { LoginKitError } from "../base/errors.js";
import { noteKeepAlive } from "./closing-in-time.js";
import type { OpenRequest } from "./kept-connections.js";
import {
  frame,
  isReplayable,
  sendBody,
  type OutgoingBody,
} from "./outgoing-body.js";
import type { Over } from "./over.js";
import {
  beginAnswer,
  cutOff,
  endWhole,
  passOn,
  readToNowhere,
} from "./pass-on.js";
import { witness } from "../telling/witness.js";
import type { PassedHeaders } from "./request-headers.js";
import { isStale, watchConnection } from "./watch-connection.js";

// RFC 9110 9.2.2.
const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** A request for a resource server. */
export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  /** Made for this request: those that tell where the body ends are added to them. */
  readonly headers: PassedHeaders;
  readonly body: OutgoingBody;
  /** Ended, with the failure to tell, when nobody waits any more. */
  readonly over: Over;
}

/** The beginning of an answer: it has to be passed on or dropped. */
export interface Incoming {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /**
   * Streams the answer on, with back-pressure. When it breaks off, so does what
   * the browser gets, and it rejects. Where it broke off before, it rejects and
   * passes nothing on.
   *
   * @param atOnce whether the head goes out before anything of the body is there
   */
  readonly pass: (
    res: Response,
    headers: PassedHeaders,
    atOnce: boolean,
  ) => Promise<void>;
  /** Reads a short answer to nowhere, so that its connection can serve the next one. Does nothing after `pass`. */
  readonly drop: () => void;
}

/** Why a connection is lost whose server may just have refused an upload: nothing says that the server fails. */
export class UploadBroke extends Error {
  override readonly name = "UploadBroke";
}

/** The head of an answer is longer than we read: what it repeats of the request decides that. */
export class HeadTooLong extends Error {
  override readonly name = "HeadTooLong";
}

/**
 * Sends a request and resolves when its answer begins.
 *
 * A connection that waited may be closed by the server in the moment in which
 * it is used again. When it breaks before the first byte of an answer, a request
 * that may be repeated is sent once more, over a new connection (RFC 9110 9.2.2).
 *
 * Rejects with `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, or with the
 * reason of `over`.
 *
 * @param closed is called when the connection is free again, or closed
 */
export function sendOnce(
  openRequest: OpenRequest,
  outgoing: Outgoing,
  closed: () => void,
): Promise<Incoming> {
  const { method, url, headers, body } = outgoing;
  frame(headers, method, body);
  const options = { method, path: url.pathname + url.search, headers };
  const open = (): http.ClientRequest => openRequest(options, false);
  return attempt(open, outgoing, closed).catch((error: unknown) => {
    if (!(error instanceof StaleConnection)) throw error;
    return attempt(() => openRequest(options, true), outgoing, closed);
  });
}

/** A kept connection broke, and the request may be sent over another one. */
class StaleConnection extends Error {
  override readonly name = "StaleConnection";
}

function attempt(
  open: () => http.ClientRequest,
  { method, url, headers, body, over }: Outgoing,
  closed: () => void,
): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    if (over.reason !== undefined) throw over.reason;
    const request = open();
    const answered = witness()?.sent({
      to: "resource",
      method,
      url: url.href,
      headers: Object.entries(headers),
    });
    const ending = createEnding(request, over, reject);
    const unavailable = (reason: string): void => {
      ending.fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, reason));
    };
    const connection = watchConnection(request, () => {
      ending.fail(sendError("ERR_RESOURCE_TIMEOUT", url, "the connection"));
    });
    let answer: http.IncomingMessage | undefined;
    request.once("close", () => {
      answered?.(undefined);
      // Another attempt goes on in the same turn.
      if (!(ending.failure() instanceof StaleConnection)) closed();
    });
    request.on("error", (error) => {
      // An answer that is whole counts, whatever comes behind it: a server that
      // refuses an upload may close in the middle of it.
      if (answer?.complete === true) return;
      if (answer !== undefined) unavailable(codeOf(error));
      else if (codeOf(error) === "HPE_HEADER_OVERFLOW") {
        const cause = new HeadTooLong(codeOf(error));
        ending.fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, cause));
      } else if (isStale(request, connection) && isRepeatable(method, body)) {
        ending.fail(new StaleConnection());
      } else if (connection.isOpen && isUnderWay(request, body)) {
        const cause = new UploadBroke(codeOf(error));
        ending.fail(sendError("ERR_RESOURCE_UNAVAILABLE", url, cause));
      } else unavailable(codeOf(error));
    });
    // A switch of protocols that nobody asked for.
    request.once("upgrade", (_answer, socket) => {
      socket.destroy();
      unavailable("101");
    });
    request.once("response", (incoming) => {
      answer = incoming;
      const { statusCode = 0 } = incoming;
      answered?.({
        status: statusCode,
        headers: Object.entries(incoming.headers),
      });
      if (statusCode < 200) {
        unavailable(String(statusCode));
        return;
      }
      incoming.on("error", (error) => {
        unavailable(codeOf(error));
      });
      noteKeepAlive(incoming);
      // A server that sends a body all the same may do so when the connection
      // serves somebody else: it would be the answer to them.
      if (method === "HEAD" || statusCode === 204 || statusCode === 304) {
        request.shouldKeepAlive = false;
      }
      resolve(answerOf(request, incoming, statusCode, ending));
    });
    sendBody(request, body, ending.fail);
  });
}

function answerOf(
  request: http.ClientRequest,
  answer: http.IncomingMessage,
  status: number,
  ending: Ending,
): Incoming {
  let isPassed = false;
  const passed = (): void => {
    ending.end();
    // An upload that was answered before its end goes nowhere now.
    if (!request.writableFinished) request.destroy();
  };
  return {
    status,
    headers: answer.headers,
    pass: (res, headers, atOnce) =>
      new Promise((done, broke) => {
        const failure = ending.failure();
        if (failure !== undefined) throw failure;
        beginAnswer(status, res, headers);
        isPassed = true;
        if (!answer.complete || atOnce) passOn(answer, res, atOnce);
        else if (endWhole(answer, res)) {
          passed();
          done();
          return;
        }
        ending.tell((reason) => {
          cutOff(res);
          broke(reason);
        });
        res.once("error", ending.fail);
        res.once("finish", () => {
          passed();
          done();
        });
      }),
    drop() {
      if (ending.isOver() || isPassed) return;
      ending.end();
      readToNowhere(answer, request);
    },
  };
}

/**
 * How an attempt ends: once, well or with a failure. Whoever waits then is told,
 * for the answer or for its end; a failure in between is kept for who comes next.
 */
interface Ending {
  readonly isOver: () => boolean;
  readonly failure: () => Error | undefined;
  readonly end: () => void;
  readonly fail: (failure: Error) => void;
  /** From now on somebody else is told. */
  readonly tell: (told: (failure: Error) => void) => void;
}

function createEnding(
  request: http.ClientRequest,
  over: Over,
  toldFirst: (failure: Error) => void,
): Ending {
  let told = toldFirst;
  let isOver = false;
  let failure: Error | undefined;
  const end = (): void => {
    isOver = true;
    over.forget(fail);
  };
  const fail = (reason: Error): void => {
    if (isOver) return;
    end();
    failure = reason;
    request.destroy();
    told(reason);
  };
  over.tell(fail);
  return {
    isOver: () => isOver,
    failure: () => failure,
    end,
    fail,
    tell(next) {
      told = next;
    },
  };
}

/** Whether a second time changes nothing, and we have all that has to be sent. */
function isRepeatable(method: string, body: OutgoingBody): boolean {
  return IDEMPOTENT.has(method) && isReplayable(body);
}

/** Whether part of our own body is still to go out. */
function isUnderWay(request: http.ClientRequest, body: OutgoingBody): boolean {
  return body !== null && !request.writableFinished;
}

function sendError(
  code: "ERR_RESOURCE_UNAVAILABLE" | "ERR_RESOURCE_TIMEOUT",
  url: URL,
  cause: string | Error,
): LoginKitError {
  return new LoginKitError(code, {
    message: `no answer from ${url.origin}`,
    // Never the error itself: Node keeps bytes of the answer in it, and a
    // server may have echoed the token.
    cause: typeof cause === "string" ? new Error(cause) : cause,
  });
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "the connection broke";
}
