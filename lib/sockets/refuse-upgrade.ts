/** How a refused upgrade is told: problem+json on a socket that is then closed. */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { LoginKitError } from "../base/errors.js";
import { oneLine } from "../base/printable.js";
import { challengeHeader, problemOf, type Answering } from "../http/answer.js";

/** Answers a request for an upgrade with a failure, and closes its socket. Never throws. */
export type RefuseUpgrade = (
  req: IncomingMessage,
  error: LoginKitError,
) => void;

/** Creates the function. */
export function createRefuseUpgrade({
  config,
  events,
}: Answering): RefuseUpgrade {
  return function refuseUpgrade(req, error) {
    events.emit("request.refused", {
      code: error.code,
      method: req.method ?? "GET",
      path: (req.url ?? "").replace(/\?.*$/s, ""),
      diagnosis: oneLine(error.message),
      address: req.socket.remoteAddress,
    });
    if (error.status >= 500) events.emit("error", error);
    const { socket } = req;
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    try {
      res.assignSocket(socket);
    } catch {
      // An earlier request on this connection has not been answered yet, so
      // nothing can be said here.
      socket.destroy();
      return;
    }
    res.once("finish", () => {
      socket.destroySoon();
    });
    const problem = problemOf(error, error.loginUrl ?? config.paths.login);
    res.writeHead(error.status, {
      ...error.headers,
      ...(error.status === 401 && challengeHeader(config)),
      "Cache-Control": "no-store",
      "Content-Length": Buffer.byteLength(problem),
      "Content-Type": "application/problem+json; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
    });
    res.end(problem);
  };
}
