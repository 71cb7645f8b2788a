/** What a body parser of the application has made of a request's body. */
import type { Request } from "express";

/** The parsed body; undefined where no parser has read it yet. */
export function parsedBody(req: Request): unknown {
  const body: unknown = req.body;
  // Express 4's parsers leave {} on every request that is not theirs to read.
  return !req.readableDidRead && isEmpty(body) ? undefined : body;
}

function isEmpty(body: unknown): boolean {
  return (
    typeof body === "object" && body !== null && Object.keys(body).length === 0
  );
}
