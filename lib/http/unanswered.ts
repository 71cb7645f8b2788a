/** Notices that browsers were sent to an address that the kit does not answer, because its endpoints are not mounted, or behind something else. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { RequestHandler } from "express";

/**
 * Looks at the next request for this path that reaches the server of this one.
 * Tells, once for a path, when it is answered by 404, or by 200 and not by the kit.
 */
export type ExpectAnswer = (req: IncomingMessage, path: string) => void;

/** How many paths are looked for at the same time. Beyond them nothing is noticed. */
const MAX_PATHS = 1000;

/** Responses to requests that have come to the kit. */
const reached = new WeakSet<ServerResponse>();

/** Wraps an endpoint that browsers are sent to: what comes here is answered by the kit. */
export function expected(endpoint: RequestHandler): RequestHandler {
  return (req, res, next) => {
    reached.add(res);
    return endpoint(req, res, next);
  };
}

/**
 * Creates the function.
 *
 * @param tell gets the path that the kit has not answered, and with which status it was answered
 */
export function createExpectAnswer(
  basePath: string,
  tell: (path: string, status: 200 | 404) => void,
): ExpectAnswer {
  const answered = new Set<string>();
  /** What is looked for. One listener for all: there may be thousands of providers. */
  const watched = new WeakMap<Server, Set<string>>();

  const watch = (server: Server, paths: Set<string>): void => {
    const look = (request: IncomingMessage, response: ServerResponse): void => {
      const { url = "" } = request;
      const [asked = ""] = url.split("?", 1);
      // A proxy may have taken the prefix away.
      const path = [asked, basePath + asked].find((one) => paths.has(one));
      if (path === undefined) return;
      paths.delete(path);
      if (paths.size === 0) server.off("request", look);
      response.once("finish", () => {
        const isFirst = !answered.has(path);
        answered.add(path);
        const { statusCode: status } = response;
        const isOdd =
          status === 404 || (status === 200 && !reached.has(response));
        if (isOdd && isFirst) tell(path, status);
      });
    };
    server.on("request", look);
  };

  return function expectAnswer(req, path) {
    if (answered.has(path)) return;
    // Node sets it for the sockets that a server has accepted.
    const { server } = req.socket as typeof req.socket & { server?: Server };
    if (server === undefined) return;
    const paths = watched.get(server) ?? new Set();
    watched.set(server, paths);
    if (paths.has(path) || paths.size === MAX_PATHS) return;
    paths.add(path);
    if (paths.size === 1) watch(server, paths);
  };
}
