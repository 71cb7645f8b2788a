/** What may pass between browser and resource server, in either direction. */
import type { IncomingHttpHeaders } from "node:http";
import type { Request } from "express";

// An allow-list: cookies, the browser's own Authorization, hop-by-hop fields
// and forged X-Forwarded-* never get through, known or not.
const REQUEST_HEADERS = [
  "accept",
  "accept-encoding",
  "accept-language",
  "content-encoding",
  "content-language",
  "content-length",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "prefer",
  "range",
  "traceparent",
  "tracestate",
  "user-agent",
  "x-request-id",
];

const RESPONSE_HEADERS = [
  "accept-patch",
  "accept-ranges",
  "age",
  "allow",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-range",
  "content-type",
  "date",
  "deprecation",
  "etag",
  "expires",
  "last-modified",
  "link",
  "location",
  "preference-applied",
  "retry-after",
  "sunset",
  "vary",
  "x-request-id",
];

/** Headers for the resource server. */
export function requestHeaders(
  req: Request,
  accessToken: string,
): Record<string, string> {
  const headers = allowed(req.headers, REQUEST_HEADERS);
  headers["authorization"] = `Bearer ${accessToken}`;
  return headers;
}

/** Headers for the browser. */
export function responseHeaders(
  received: IncomingHttpHeaders,
): Record<string, string> {
  const headers = allowed(received, RESPONSE_HEADERS);
  // The answer is this user's: no shared cache may keep it, and the browser
  // only where the resource server says that it may, and only for this cookie.
  const cacheControl = received["cache-control"];
  headers["cache-control"] = isPrivate(cacheControl)
    ? cacheControl
    : "no-store";
  headers["vary"] = [headers["vary"], "Cookie"].filter(Boolean).join(", ");
  // Markup of a resource server must not act as a page of this application.
  headers["content-security-policy"] = "sandbox; default-src 'none'";
  headers["x-content-type-options"] = "nosniff";
  headers["cross-origin-resource-policy"] = "same-origin";
  return headers;
}

function isPrivate(cacheControl: string | undefined): cacheControl is string {
  const directives = (cacheControl ?? "")
    .split(",")
    .map((directive) => directive.trim().toLowerCase());
  return (
    !directives.includes("public") &&
    (directives.includes("private") || directives.includes("no-store"))
  );
}

function allowed(
  headers: IncomingHttpHeaders,
  names: readonly string[],
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) kept[name] = [value].flat().join(", ");
  }
  return kept;
}
