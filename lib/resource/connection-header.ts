/** Reads `Connection`: which fields it takes out, and which it must not name. */
import type { IncomingHttpHeaders } from "node:http";
import { LoginKitError } from "../base/errors.js";
import { isNeverPassed } from "../config/resource-server-options.js";

// RFC 9110 7.6.1 and RFC 9112 C.2.2: fields and options of one connection.
const OF_ONE_HOP = new Set([
  "close",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
]);

// What a request means, wherever it is read: what it is about, what its body
// is, on which condition it holds. A field that some server takes the method or
// the path from means as much.
const OF_ALL_HOPS =
  /^(?:accept(?:-.*)?|content-.*|date|from|idempotency-key|if-.*|last-event-id|max-forwards|pragma|prefer|range|referer|user-agent|via|x-http-method.*|x-method-override|x-original-.*|x-request-id|x-rewrite-.*)$/;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/**
 * Refuses a request whose `Connection` names a field that we pass on, set or
 * decide by, or that says where the body ends.
 *
 * Whoever takes such a field out and whoever does not would see two requests:
 * in the worst case the body of one is the next one of somebody else. No client
 * has a reason to (RFC 9110 7.6.1: a sender must not name a field that is for
 * all recipients). Fields of one connection and unknown ones may be named; they
 * are not passed on anyway.
 *
 * @param passed further fields that are passed on, in small letters
 * @throws {LoginKitError} `ERR_FORWARD_REQUEST_INVALID`
 */
export function refuseNamedFields(
  { connection }: IncomingHttpHeaders,
  passed: readonly string[],
): void {
  for (const name of namedIn(connection)) {
    if (OF_ONE_HOP.has(name)) continue;
    if (
      !TOKEN.test(name) ||
      isNeverPassed(name) ||
      OF_ALL_HOPS.test(name) ||
      passed.includes(name)
    ) {
      throw new LoginKitError("ERR_FORWARD_REQUEST_INVALID", {
        message: "Connection names a field that is not for one connection only",
      });
    }
  }
}

/**
 * The fields of an answer without those that its `Connection` names.
 *
 * The answer gets framing of our own, so nothing that is missing here changes
 * where it ends.
 */
export function withoutNamedFields(
  headers: IncomingHttpHeaders,
): IncomingHttpHeaders {
  const named = namedIn(headers.connection);
  if (named.length === 0) return headers;
  const kept = { ...headers };
  for (const name of named) Reflect.deleteProperty(kept, name);
  // A cache that does not know what the answer varies with must not keep it.
  if (named.includes("vary")) delete kept["cache-control"];
  return kept;
}

const NONE: readonly string[] = [];

/** In small letters; none where it only says whether the connection stays, as nearly always. */
function namedIn(connection: string | undefined): readonly string[] {
  if (
    connection === undefined ||
    connection === "keep-alive" ||
    connection === "close"
  ) {
    return NONE;
  }
  return connection
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
