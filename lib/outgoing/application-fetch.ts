/** The application's own `fetch`, as far as it can be relied on. */
import { isUint8Array } from "node:util/types";
import { printable } from "../base/printable.js";
import { unlessAborted } from "../base/unless-aborted.js";
import type {
  OutgoingFetch,
  OutgoingRequest,
} from "../config/outgoing-options.js";
import { withoutSecrets } from "./sent-secrets.js";

/** The application's function brought no answer. */
export class OutgoingFetchError extends Error {
  override readonly name = "OutgoingFetchError";

  constructor(reason: string) {
    super(`the function fetch of the options ${reason}`);
  }
}

/** Sends a request; `secrets` is what it holds in confidence. */
export type SendRequest = (
  url: string,
  request: OutgoingRequest,
  secrets: readonly string[],
) => Promise<Response>;

/** Makes of whatever was thrown an error that tells nothing confidential. */
type ToFailure = (error: unknown) => OutgoingFetchError;

/** Statuses whose answers have no body (RFC 9110 15.3.5, 15.3.6, 15.4.5). */
const BODILESS = new Set([204, 205, 304]);

/**
 * Sends by the application's function. Whatever it does instead of answering
 * is an {@link OutgoingFetchError} without the request's secrets: it is the
 * application's own code, and has seen all of them.
 *
 * Once the request's signal is aborted, nothing more comes of it.
 */
export function sendByApplication(outgoingFetch: OutgoingFetch): SendRequest {
  return async function send(url, request, secrets) {
    const { signal } = request;
    const failure = (error: unknown): OutgoingFetchError =>
      error instanceof OutgoingFetchError
        ? error
        : new OutgoingFetchError(
            `failed: ${printable(withoutSecrets(wordsOf(error), secrets))}`,
          );
    try {
      const { status, statusText, headers, body } = checked(
        await outgoingFetch(url, request),
      );
      const bytes = body && streamOf(body, signal, failure);
      const isBodiless = BODILESS.has(status);
      if (signal.aborted || isBodiless) await bytes?.cancel();
      signal.throwIfAborted();
      return new Response(isBodiless ? null : bytes, {
        status,
        statusText,
        headers: [...headers],
      });
    } catch (error) {
      throw failure(error);
    }
  };
}

/** What is read piece by piece: a `ReadableStream` of whatever library, or another iterable. */
type Body = AsyncIterable<unknown> & Partial<ReadableStream<unknown>>;

interface CheckedAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Iterable<[string, string]>;
  readonly body: Body | null;
}

/** It may be another library's `Response`, so its members count and not its class. */
function checked(answer: unknown): CheckedAnswer {
  if (typeof answer !== "object" || answer === null) {
    throw new OutgoingFetchError("answered no Response");
  }
  const { status, statusText, headers, body, redirected } = answer as Record<
    string,
    unknown
  >;
  if (redirected === true) {
    throw new OutgoingFetchError(
      "followed a redirect, and with it went what the request held in confidence; pass init.redirect on",
    );
  }
  if (
    !Number.isInteger(status) ||
    Number(status) < 200 ||
    Number(status) > 599
  ) {
    throw new OutgoingFetchError("answered no status between 200 and 599");
  }
  if (!hasIterator(headers, Symbol.iterator)) {
    throw new OutgoingFetchError("answered without Headers");
  }
  if (body !== null && !hasIterator(body, Symbol.asyncIterator)) {
    throw new OutgoingFetchError("answered with a body that is no stream");
  }
  return {
    status,
    statusText: typeof statusText === "string" ? statusText : "",
    headers,
    body,
  } as CheckedAnswer;
}

function hasIterator(value: unknown, name: symbol): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as Record<symbol, unknown>)[name] === "function"
  );
}

/** The body as it comes: read when it is asked for, given up when nobody reads on. */
function streamOf(
  body: Body,
  over: AbortSignal,
  failure: ToFailure,
): ReadableStream<Uint8Array> {
  const { next, cancel } = piecesOf(body);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await unlessAborted(over, next);
          if (done === true) controller.close();
          else if (isUint8Array(value)) controller.enqueue(value);
          else {
            throw new OutgoingFetchError(
              "answered with a body that is not bytes",
            );
          }
        } catch (error) {
          giveUp(cancel);
          throw over.aborted ? (over.reason as Error) : failure(error);
        }
      },
      cancel: () => {
        giveUp(cancel);
      },
    },
    // Nothing is read before somebody reads.
    { highWaterMark: 0 },
  );
}

interface Pieces {
  readonly next: () => Promise<{ done?: boolean | undefined; value?: unknown }>;
  readonly cancel: () => unknown;
}

/** A stream's reader ends a read that waits; its iterator would wait for it. */
function piecesOf(body: Body): Pieces {
  if (typeof body.getReader === "function") {
    const reader = body.getReader();
    return { next: () => reader.read(), cancel: () => reader.cancel() };
  }
  const iterator = body[Symbol.asyncIterator]();
  return { next: () => iterator.next(), cancel: () => iterator.return?.() };
}

/** Nobody wants the rest: how giving it up goes is nobody's concern. */
function giveUp(cancel: () => unknown): void {
  new Promise((resolve) => {
    resolve(cancel());
  }).catch(() => undefined);
}

/** Most causes of an error that are looked at. */
const MAX_CAUSES = 6;

/** What an error and its causes say: a network error says it in a cause. */
function wordsOf(error: unknown): string {
  const words: string[] = [];
  let link = error;
  for (let depth = 0; depth < MAX_CAUSES; depth += 1) {
    if (typeof link !== "object" || link === null) {
      if (depth === 0) words.push(String(link));
      break;
    }
    const { message, code, cause } = link as Record<string, unknown>;
    if (typeof message === "string") words.push(message);
    if (typeof code === "string") words.push(`(${code})`);
    link = cause;
  }
  return words.join(" ");
}
