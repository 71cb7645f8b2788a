/** One streamed HTTP exchange with a resource server, with limits. */
import type { IncomingHttpHeaders } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import type { Agent } from "undici";
import { LoginKitError } from "../errors.js";

/** Sockets to one origin; more requests than that wait. */
const CONNECTIONS = 128;

/** How long a connection may take to open, in milliseconds. */
const CONNECT_TIMEOUT = 5000;

/** One exchange. */
export interface Exchange {
  readonly req: Request;
  readonly res: Response;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly answerHeaders: (
    received: IncomingHttpHeaders,
  ) => Record<string, string>;
  /** Longest silence before and within the answer. */
  readonly timeoutSeconds: number;
}

/**
 * Sends a request on and streams the answer back, with back-pressure both ways.
 *
 * Rejects with `ERR_RESOURCE_UNAVAILABLE` or `ERR_RESOURCE_TIMEOUT`. When the
 * answer breaks off, the connection to the browser is closed, so that half an
 * answer never looks like a whole one.
 */
export type Send = (exchange: Exchange) => Promise<void>;

/** Creates the sender; its connections are kept alive and shared. */
export function createSend(): Send {
  // undici takes longer to load than everything else here: on first use.
  let agent: Promise<Agent> | undefined;
  const connect = (): Promise<Agent> =>
    (agent ??= import("undici").then(
      ({ Agent }) =>
        new Agent({
          connections: CONNECTIONS,
          connect: { timeout: CONNECT_TIMEOUT },
        }),
    ));

  return async function send(exchange) {
    const { req, res, url, timeoutSeconds } = exchange;
    const client = await connect();
    const body = hasBody(req);
    const abort = new AbortController();
    const onClose = (): void => {
      if (!res.writableFinished) abort.abort();
    };
    res.once("close", onClose);
    try {
      // A redirect is answered as it is: following it would send the token along.
      const answer = await client.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: req.method,
        headers: body ? exchange.headers : withoutBody(exchange.headers),
        body: body ? req : null,
        signal: abort.signal,
        headersTimeout: timeoutSeconds * 1000,
        bodyTimeout: timeoutSeconds * 1000,
      });
      const headers = exchange.answerHeaders(answer.headers);
      res.status(answer.statusCode);
      if (BODILESS.has(answer.statusCode)) {
        // It may name the length of the body that it does not have.
        delete headers["content-length"];
        await answer.body.dump();
      }
      // Not Express's set(), which would complete types on its own.
      for (const [name, value] of Object.entries(headers)) {
        res.setHeader(name, value);
      }
      if (BODILESS.has(answer.statusCode)) res.end();
      else await pipeline(answer.body, res);
    } catch (error) {
      // The browser went away: nobody is left to answer.
      if (abort.signal.aborted) return;
      throw sendError(error, url);
    } finally {
      res.off("close", onClose);
    }
  };
}

/** Answers without a body (RFC 9110 15.3.5, 15.4.5). */
const BODILESS = new Set([204, 304]);

function hasBody(req: Request): boolean {
  // A body of a GET means nothing, and servers disagree where it ends.
  if (req.method === "GET" || req.method === "HEAD") return false;
  return (
    req.headers["transfer-encoding"] !== undefined ||
    Number(req.headers["content-length"] ?? 0) > 0
  );
}

function withoutBody(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith("content-")),
  );
}

const TIMEOUTS = new Set([
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function sendError(error: unknown, url: URL): LoginKitError {
  const { code } = error as { code?: unknown };
  return new LoginKitError(
    typeof code === "string" && TIMEOUTS.has(code)
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
