/** The query as it was sent: Express's parser would merge or nest repeated names. */
import type { Request } from "express";

/** The request's query parameters, repeated ones included. */
export function queryOf(req: Request): URLSearchParams {
  const start = req.url.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : req.url.slice(start + 1));
}
