/** Notes what a relying party asks the lying provider, and disturbs nothing. */
import type { IncomingHttpHeaders } from "node:http";

import type { RequestHandler } from "express";

import type { LyingProvider } from "./lying-provider.js";

/** A request as it arrived. */
export interface ProviderRequest {
  readonly method: string;
  /** Below the issuer's path, without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
}

/** The record. */
export interface RecordedRequests {
  /** The only request to this path so far, or the newest of several. */
  readonly last: (path: string) => ProviderRequest;
  readonly all: (path: string) => readonly ProviderRequest[];
}

/** Records from now on; `then` runs where the provider's own handlers would. */
export function recordRequests(
  provider: LyingProvider,
  then: RequestHandler = (_req, _res, next) => {
    next();
  },
): RecordedRequests {
  const requests: ProviderRequest[] = [];
  provider.misbehave = {
    ...provider.misbehave,
    intercept(req, res, next) {
      const { method, path } = req;
      // A copy: `then` may change them.
      const headers = { ...req.headers };
      const [, query = ""] = req.url.split("?");
      let body = "";
      req.on("data", (chunk: Buffer) => (body += chunk.toString()));
      req.on("end", () =>
        requests.push({
          method,
          path,
          headers,
          query: new URLSearchParams(query),
          form: new URLSearchParams(body),
        }),
      );
      return then(req, res, next);
    },
  };
  const all = (path: string) =>
    requests.filter((request) => request.path === path);
  return {
    all,
    last(path) {
      const request = all(path).at(-1);
      if (request === undefined) throw new Error(`${path} was not asked`);
      return request;
    },
  };
}
