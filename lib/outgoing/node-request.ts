/** Sends a request of the kit by Node's HTTP client, which costs less than Node's `fetch`. */
import { request as requestPlain, type IncomingMessage } from "node:http";
import { request as requestSecure } from "node:https";
import { pipeline, type Duplex, type Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { OutgoingRequest } from "../config/outgoing-options.js";

/** The head of an answer, and its body as it comes. */
export interface NodeAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Leaving it before its end closes the connection. */
  readonly body: Readable;
}

/** The network brought no answer. */
export class RequestFailedError extends Error {
  override readonly name = "RequestFailedError";

  constructor(cause: unknown) {
    super("the request failed", { cause });
  }
}

/** What a request may be sent with: text, or nothing. */
export type PlainRequest = OutgoingRequest & { readonly body?: string };

/**
 * Sends it, and resolves when the answer begins. A redirect is answered as it is.
 *
 * By Node's own agents: they keep connections, know the proxies of
 * `NODE_USE_ENV_PROXY` where Node does, and an application may replace them.
 *
 * Rejects with {@link RequestFailedError}, or with the reason of the signal.
 */
export function sendByNode(
  url: string,
  { method, headers, body, signal }: PlainRequest,
): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    const { protocol, username, password } = new URL(url);
    // Node would make a header of them.
    if (username !== "" || password !== "") {
      throw new TypeError("the address of a request has credentials");
    }
    const send = protocol === "https:" ? requestSecure : requestPlain;
    const request = send(url, {
      method,
      headers: { accept: "*/*", "accept-encoding": "identity", ...headers },
      signal,
    });
    request.on("error", (error) => {
      reject(
        signal.aborted
          ? (signal.reason as Error)
          : new RequestFailedError(error),
      );
    });
    request.on("response", (message) => {
      try {
        resolve(answerOf(message));
      } catch (error) {
        // Headers that no answer may have.
        message.destroy();
        reject(new RequestFailedError(error));
      }
    });
    request.end(body);
  });
}

function answerOf(message: IncomingMessage): NodeAnswer {
  const { statusCode = 0, rawHeaders } = message;
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  }
  return { status: statusCode, headers, body: decoded(message, headers) };
}

/** What undoes a coding that was not asked for, and that some servers use all the same. */
const DECODERS: Readonly<Record<string, () => Duplex>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

function decoded(message: IncomingMessage, headers: Headers): Readable {
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  const decoder = Object.hasOwn(DECODERS, coding)
    ? DECODERS[coding]?.()
    : undefined;
  if (decoder === undefined) return message;
  // What goes wrong on the way is an error of what is read.
  pipeline(message, decoder, () => undefined);
  return decoder;
}
