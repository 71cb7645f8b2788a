/** What may pass between browser and resource server, in either direction. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Request } from "express";
import { baseUrlOf } from "../config/base-url.js";
import type { Config, ResourceServer } from "../config/config.js";
import { refuseNamedFields, withoutNamedFields } from "./connection-header.js";
import { hasBody } from "./outgoing-body.js";

// An allow-list: cookies, the browser's own Authorization, hop-by-hop fields
// and forged X-Forwarded-* never get through, known or not.
const REQUEST_HEADERS = [
  "accept",
  "accept-encoding",
  "accept-language",
  "content-encoding",
  "content-language",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-event-id",
  "prefer",
  "range",
  "user-agent",
  "x-request-id",
];

const BODILESS_REQUEST_HEADERS = REQUEST_HEADERS.filter(describesNoBody);

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

/** Headers of an exchange, by name in small letters. */
export type PassedHeaders = Record<string, string | string[]>;

/**
 * Headers for the resource server, but for those that tell where the body ends.
 *
 * @param head that of the request
 * @throws {LoginKitError} `ERR_FORWARD_REQUEST_INVALID`
 */
export function requestHeaders(
  head: Pick<IncomingMessage, "method" | "headers">,
  req: Request,
  server: ResourceServer,
  config: Config,
): PassedHeaders {
  const { headers } = head;
  refuseNamedFields(headers, server.requestHeaders);
  const kept = hasBody(head)
    ? allowed(headers, REQUEST_HEADERS, server.requestHeaders)
    : allowed(
        headers,
        BODILESS_REQUEST_HEADERS,
        server.requestHeaders.filter(describesNoBody),
      );
  // Not spread into one object: that takes five times as long.
  return Object.assign(
    kept,
    traceContext(headers),
    server.tellClientAddress && clientAddress(req, config),
  );
}

/** What a WebSocket's handshake needs (RFC 6455 4.1). */
const UPGRADE_HEADERS = [
  "accept-language",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "user-agent",
];

/**
 * Headers for the resource server of a request for a WebSocket.
 *
 * @throws {LoginKitError} `ERR_FORWARD_REQUEST_INVALID`
 */
export function upgradeHeaders(
  headers: IncomingHttpHeaders,
  server: ResourceServer,
): PassedHeaders {
  refuseNamedFields(headers, server.requestHeaders);
  return Object.assign(
    allowed(headers, UPGRADE_HEADERS, server.requestHeaders),
    traceContext(headers),
  );
}

/** What else of a request decides its answer. */
const VARY = "Cookie, Sec-Fetch-Dest";

/** Headers for the browser. */
export function responseHeaders(
  headers: IncomingHttpHeaders,
  server: ResourceServer,
  { keepsCaching }: { readonly keepsCaching: boolean },
): PassedHeaders {
  const received = withoutNamedFields(headers);
  const cookies = (received["set-cookie"] ?? []).filter((cookie) =>
    server.cookies.has(/^[^=;]*/.exec(cookie)?.[0].trim() ?? ""),
  );
  const cacheControl = received["cache-control"];
  const vary = received.vary;
  return Object.assign(
    allowed(received, RESPONSE_HEADERS, server.responseHeaders),
    cookies.length > 0 && { "set-cookie": cookies },
    {
      // The answer is this user's: no shared cache may keep it, and the browser
      // only where the resource server says that it may, and only for this cookie.
      "cache-control":
        cacheControl !== undefined && (keepsCaching || isPrivate(cacheControl))
          ? cacheControl
          : "no-store",
      // What a cache keeps for fetch must not run as a script.
      vary: vary === undefined ? VARY : `${vary}, ${VARY}`,
      // Markup of a resource server must not act as a page of this application.
      "content-security-policy": "sandbox; default-src 'none'",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    },
  );
}

function isPrivate(cacheControl: string): boolean {
  const directives = cacheControl
    .split(",")
    .map((directive) => directive.trim().toLowerCase());
  return (
    !directives.includes("public") &&
    (directives.includes("private") || directives.includes("no-store"))
  );
}

// W3C Trace Context 3.2: version 00, and no id of zeros only.
const TRACEPARENT =
  /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace that the request belongs to, if it names one. */
function traceContext({
  traceparent,
  tracestate,
}: IncomingHttpHeaders): PassedHeaders {
  if (typeof traceparent !== "string" || !TRACEPARENT.test(traceparent)) {
    return {};
  }
  return { traceparent, ...(tracestate !== undefined && { tracestate }) };
}

/** Who asked, by what Express trusts and by our own address; never what the request claims (RFC 7239). */
function clientAddress(req: Request, config: Config): PassedHeaders {
  const { host, protocol } = new URL(baseUrlOf(req, config));
  const proto = protocol.slice(0, -1);
  // A proxy may have taken over anything.
  const address = req.ip ?? "";
  const version = isIP(address);
  const node =
    version === 6 ? `"[${address}]"` : version === 4 ? address : "unknown";
  return {
    forwarded: `for=${node};host="${host}";proto=${proto}`,
    ...(version !== 0 && { "x-forwarded-for": address }),
    "x-forwarded-host": host,
    "x-forwarded-proto": proto,
  };
}

function describesNoBody(name: string): boolean {
  return !name.startsWith("content-");
}

function allowed(
  headers: IncomingHttpHeaders,
  ...lists: (readonly string[])[]
): PassedHeaders {
  const kept: PassedHeaders = {};
  for (const names of lists) {
    for (const name of names) {
      const value = headers[name];
      if (value === undefined) continue;
      kept[name] = typeof value === "string" ? value : value.join(", ");
    }
  }
  return kept;
}
