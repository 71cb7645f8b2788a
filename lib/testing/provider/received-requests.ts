/** Notes what reaches the test provider. */
import type { IncomingHttpHeaders } from "node:http";

import type { RequestHandler } from "express";

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string;
  /** Below the issuer's path, without the query: `/token`. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** What a POST carried. */
  readonly form: URLSearchParams;
}

/** Notes every request whose form is parsed, and disturbs nothing. */
export function noteRequests(received: ReceivedRequest[]): RequestHandler {
  return (req, _res, next) => {
    const [, query = ""] = req.url.split("?");
    received.push({
      method: req.method,
      path: req.path,
      headers: req.headers,
      query: new URLSearchParams(query),
      form: formOf(req.body as Readonly<Record<string, unknown>> | undefined),
    });
    next();
  };
}

function formOf(body: Readonly<Record<string, unknown>> = {}): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, values] of Object.entries(body)) {
    for (const value of [values].flat()) form.append(name, String(value));
  }
  return form;
}
