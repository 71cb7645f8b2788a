/** A resource server that refuses the token of a request. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers that the token does not do, with this challenge. */
export function refuse(
  res: ServerResponse,
  challenge: string | readonly string[],
  status = 401,
): void {
  res.writeHead(status, { "WWW-Authenticate": challenge as string });
  res.end("no");
}

/** What the request brought in Authorization. */
export function tokenOf({ headers }: Pick<IncomingMessage, "headers">): string {
  return String(headers.authorization);
}
