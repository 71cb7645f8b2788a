/** One streamed HTTP exchange with a resource server, with limits. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Response } from "express";
import type { Dispatcher } from "undici";
import type { ResourceServer } from "../config.js";
import { LoginKitError } from "../errors.js";
import type { PassedHeaders } from "./request-headers.js";

/** How long a connection may take to open, in milliseconds. */
const CONNECT_TIMEOUT = 5000;

/** How often a long exchange is looked at, in milliseconds. */
const LOOK_EVERY = 1000;

/** An answer that nobody wants is read up to this size, in bytes; of a longer one the connection is closed. */
const DROPPED = 64 * 1024;

/** A request for a resource server. */
export interface Outgoing {
  readonly server: ResourceServer;
  readonly method: string;
  readonly url: URL;
  readonly headers: PassedHeaders;
  readonly body: IncomingMessage | Buffer | null;
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: AbortSignal;
}

/** The beginning of an answer. */
export interface Incoming {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /**
   * Streams the answer on, with back-pressure. Rejects when it breaks off.
   *
   * `long` is called when the exchange turns out to last.
   */
  readonly pass: (
    res: Response,
    headers: PassedHeaders,
    long: () => void,
  ) => Promise<void>;
  /** Reads a short answer to nowhere, so that its connection can serve the next one. */
  readonly drop: () => void;
}

/**
 * Sends a request and resolves when its answer begins.
 *
 * Rejects with `ERR_RESOURCE_UNAVAILABLE` or `ERR_RESOURCE_TIMEOUT`, or with
 * anything at all once `gone` is aborted.
 */
export type Send = (outgoing: Outgoing) => Promise<Incoming>;

/** Creates the sender; connections are kept alive and shared, for each server apart. */
export function createSend(): Send {
  const lines = new Map<ResourceServer, Promise<Send>>();
  return async function send(outgoing) {
    const { server } = outgoing;
    let line = lines.get(server);
    if (line === undefined) {
      line = openLine(server);
      lines.set(server, line);
    }
    return (await line)(outgoing);
  };
}

/** One server's connections, and its circuit breaker if it has one. */
async function openLine(server: ResourceServer): Promise<Send> {
  // undici takes longer to load than everything else here: on first use.
  const { Agent } = await import("undici");
  const agent = new Agent({
    connections: server.maxConnections,
    connect: { timeout: CONNECT_TIMEOUT },
  }).compose((dispatch) => (options, handler) => {
    const begin = handler.onRequestStart?.bind(handler);
    handler.onRequestStart = (controller, context) => {
      // It has left the queue for a connection.
      (options as { opaque?: () => void }).opaque?.();
      begin?.(controller, context);
    };
    return dispatch(options, handler);
  });
  const send: Send = (outgoing) => exchange(agent, outgoing);
  return server.circuitBreaker === undefined
    ? send
    : withBreaker(send, server.circuitBreaker);
}

async function exchange(
  agent: Dispatcher,
  { server, method, url, headers, body, gone }: Outgoing,
): Promise<Incoming> {
  const limits = new AbortController();
  const silence = server.timeoutSeconds * 1000;
  const stop = (): void => {
    limits.abort();
  };
  const inQueue = setTimeout(stop, silence);
  const upload = watchUpload(body, silence, stop);
  const inAll =
    server.totalTimeoutSeconds === undefined
      ? undefined
      : setTimeout(stop, server.totalTimeoutSeconds * 1000);
  gone.addEventListener("abort", stop, { once: true });
  const done = (): void => {
    clearTimeout(inQueue);
    clearTimeout(inAll);
    clearInterval(upload);
    gone.removeEventListener("abort", stop);
  };
  const failure = (error: unknown): unknown =>
    gone.aborted ? error : sendError(error, url, limits.signal.aborted);
  if (gone.aborted) stop();

  try {
    // A redirect is answered as it is: following it would send the token along.
    const request = agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: method,
      headers,
      body,
      signal: limits.signal,
      headersTimeout: silence,
      // Silence within the answer is noticed by `pass`.
      bodyTimeout: 0,
      opaque: () => {
        clearTimeout(inQueue);
      },
    });
    // undici itself gives up a request only once it has left the queue.
    const answer = await Promise.race([request, rejectedBy(limits.signal)]);
    return {
      status: answer.statusCode,
      headers: answer.headers,
      async pass(res, passed, long) {
        const watch = watchProgress(res, {
          // An event stream has nothing to say for as long as nothing happens.
          silence: isEventStream(answer.headers) ? Infinity : silence,
          stop,
          long,
        });
        try {
          await passOn(answer, res, passed);
        } catch (error) {
          throw failure(error);
        } finally {
          clearInterval(watch);
          done();
        }
      },
      drop() {
        done();
        answer.body
          .dump({ limit: DROPPED, signal: AbortSignal.timeout(LOOK_EVERY) })
          .catch(() => undefined);
      },
    };
  } catch (error) {
    done();
    throw failure(error);
  }
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const giveUp = (): void => {
      reject(new Error("given up"));
    };
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
  });
}

/** Answers without a body (RFC 9110 15.3.5, 15.4.5). */
const BODILESS = new Set([204, 304]);

async function passOn(
  answer: Dispatcher.ResponseData<unknown>,
  res: Response,
  headers: PassedHeaders,
): Promise<void> {
  res.status(answer.statusCode);
  // Not Express's set(), which would complete types on its own.
  for (const [name, value] of Object.entries(headers)) {
    res.setHeader(name, value);
  }
  if (BODILESS.has(answer.statusCode)) {
    // It may name the length of the body that it does not have.
    res.removeHeader("content-length");
    await answer.body.dump();
    res.end();
    return;
  }
  if (isEventStream(answer.headers)) res.flushHeaders();
  await pipeline(answer.body, res);
}

function isEventStream(headers: IncomingHttpHeaders): boolean {
  return /^text\/event-stream\b/i.test(headers["content-type"] ?? "");
}

/** Stops an upload that makes no progress: the browser sends nothing, or the resource server does not read. */
function watchUpload(
  body: Outgoing["body"],
  silence: number,
  stop: () => void,
): NodeJS.Timeout | undefined {
  if (body === null || Buffer.isBuffer(body)) return undefined;
  let read = body.socket.bytesRead;
  let progressAt = performance.now();
  return setInterval(
    () => {
      if (body.complete) return;
      if (body.socket.bytesRead !== read) {
        read = body.socket.bytesRead;
        progressAt = performance.now();
      } else if (performance.now() - progressAt >= silence) stop();
    },
    Math.min(LOOK_EVERY, silence),
  ).unref();
}

/**
 * Stops an answer that makes no progress: the resource server is silent, or
 * the browser does not read. Looks at what left this process, once a second,
 * which costs less than a timer for every piece.
 */
function watchProgress(
  res: Response,
  limits: {
    /** In milliseconds. */
    readonly silence: number;
    readonly stop: () => void;
    readonly long: () => void;
  },
): NodeJS.Timeout {
  if (limits.silence === Infinity) limits.long();
  let written = res.socket?.bytesWritten;
  let progressAt = performance.now();
  let looks = 0;
  return setInterval(
    () => {
      looks += 1;
      if (looks === 1 && limits.silence !== Infinity) limits.long();
      const writtenNow = res.socket?.bytesWritten;
      if (writtenNow !== written) {
        written = writtenNow;
        progressAt = performance.now();
      } else if (performance.now() - progressAt >= limits.silence) {
        limits.stop();
      }
    },
    Math.min(LOOK_EVERY, limits.silence),
  ).unref();
}

/**
 * Leaves a server alone that failed several times in a row: it gets time to
 * recover, and nobody waits for nothing.
 */
async function withBreaker(
  send: Send,
  { failures, seconds }: NonNullable<ResourceServer["circuitBreaker"]>,
): Promise<Send> {
  const {
    circuitBreaker,
    ConsecutiveBreaker,
    handleType,
    isBrokenCircuitError,
  } = await import("cockatiel");
  const breaker = circuitBreaker(
    handleType(LoginKitError).orWhenResult(
      (answer) => (answer as Incoming).status >= 500,
    ),
    {
      halfOpenAfter: seconds * 1000,
      breaker: new ConsecutiveBreaker(failures),
    },
  );
  return async function sendUnlessOpen(outgoing) {
    try {
      return await breaker.execute(() => send(outgoing));
    } catch (error) {
      if (!isBrokenCircuitError(error)) throw error;
      throw new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
        message: `${outgoing.url.origin} failed ${String(failures)} times in a row and is left alone for a while`,
      });
    }
  };
}

const TIMEOUTS = new Set([
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function sendError(
  error: unknown,
  url: URL,
  overLimit: boolean,
): LoginKitError {
  const { code } = error as { code?: unknown };
  const late = overLimit || (typeof code === "string" && TIMEOUTS.has(code));
  return new LoginKitError(
    late ? "ERR_RESOURCE_TIMEOUT" : "ERR_RESOURCE_UNAVAILABLE",
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
