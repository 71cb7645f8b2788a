/** Notes what a relying party asks the lying provider, and disturbs nothing. */
import type { RequestHandler } from "express";

import type { ReceivedRequest } from "../../lib/testing/index.js";
import type { LyingProvider } from "./lying-provider.js";

/** The record. */
export interface RecordedRequests {
  /** The only request to this path so far, or the newest of several. */
  readonly last: (path: string) => ReceivedRequest;
  readonly all: (path: string) => readonly ReceivedRequest[];
}

/** Records from now on; `then` runs where the provider's own handlers would. */
export function recordRequests(
  provider: LyingProvider,
  then: RequestHandler = (_req, _res, next) => {
    next();
  },
): RecordedRequests {
  const requests: ReceivedRequest[] = [];
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
