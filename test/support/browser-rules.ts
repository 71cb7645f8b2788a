/**
 * What a browser decides about a request: fetch metadata, `Origin`, which cookies
 * go along, what a redirect turns it into.
 */
import { isIP } from "node:net";

import { getPublicSuffix } from "tough-cookie";

/** What a test may say about a request; a browser decides the rest. */
export interface BrowserRequest {
  /** Default GET. */
  readonly method?: string;
  /** Win over the headers that the browser would send. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `URLSearchParams` are sent as a form. */
  readonly body?: string | URLSearchParams | undefined;
  readonly signal?: AbortSignal;
  /**
   * URL of the page that causes the request: a link, a form, a script on it.
   *
   * Decides `Sec-Fetch-Site`, `Origin` and which SameSite cookies are sent.
   * Default: for navigations none, as if the URL were typed into the address bar;
   * for `fetchJson` a page of the URL's own origin.
   */
  readonly initiator?: string | URL;
  /** `Referrer-Policy` of the initiator: "no-referrer" makes `Origin: null`. */
  readonly referrerPolicy?: string;
  /** Where a navigation is shown; "iframe" is not a top-level navigation. Default "document". */
  readonly destination?: "document" | "iframe";
}

/** What a request is for, beyond what the test said about it. */
export interface Purpose {
  readonly mode: "navigate" | "cors";
  readonly destination: "document" | "iframe" | "empty";
  readonly accept: string;
  /** The URLs a redirect chain came through, the request's own URL last. */
  readonly urls: readonly [URL, ...URL[]];
}

/** The URL of a request: the last one of its redirect chain. */
export function last(urls: readonly [URL, ...URL[]]): URL {
  return urls[urls.length - 1] ?? urls[0];
}

/** Where a response redirects to, if it does. */
export function redirectTarget(response: Response, from: URL): URL | undefined {
  const location = response.headers.get("location");
  const redirects = [301, 302, 303, 307, 308].includes(response.status);
  return redirects && location !== null ? new URL(location, from) : undefined;
}

/** Where a page goes on to by itself at once (HTML, "shared declarative refresh steps"). */
export function refreshTarget(response: Response): URL | undefined {
  const refresh = response.headers.get("refresh") ?? "";
  const [, url] = /^0; url=(.+)$/.exec(refresh) ?? [];
  return url === undefined ? undefined : new URL(url);
}

/** The request that follows a redirect (Fetch, "HTTP-redirect fetch"). */
export function redirected(
  init: BrowserRequest,
  status: number,
): BrowserRequest {
  const method = init.method ?? "GET";
  const becomesGet =
    ([301, 302].includes(status) && method === "POST") ||
    (status === 303 && method !== "GET" && method !== "HEAD");
  if (!becomesGet) return init;
  const headers = Object.entries(init.headers ?? {}).filter(
    ([name]) => !/^content-/i.test(name),
  );
  return {
    ...init,
    method: "GET",
    body: undefined,
    headers: Object.fromEntries(headers),
  };
}

/**
 * `Sec-Fetch-Site`: how the initiator relates to the farthest URL of the redirect
 * chain (Fetch Metadata Request Headers, section 2.3).
 */
export function fetchSite(
  { initiator }: BrowserRequest,
  { urls }: Purpose,
): string {
  if (initiator === undefined) return "none";
  const from = new URL(initiator);
  if (urls.some((url) => siteOf(url) !== siteOf(from))) return "cross-site";
  return urls.some((url) => url.origin !== from.origin)
    ? "same-site"
    : "same-origin";
}

/** Which cookies may go along (RFC 6265bis, sections 5.2 and 5.7.3). */
export function sameSiteContext(
  { initiator, method = "GET" }: BrowserRequest,
  { destination, urls }: Purpose,
): "strict" | "lax" | "none" {
  if (initiator === undefined) return "strict";
  if (siteOf(new URL(initiator)) === siteOf(last(urls))) return "strict";
  const isSafe = ["GET", "HEAD"].includes(method);
  return destination === "document" && isSafe ? "lax" : "none";
}

/** The `Origin` header, if there is one (Fetch, "append a request `Origin` header"). */
export function originHeader(
  { initiator, method = "GET", referrerPolicy }: BrowserRequest,
  { mode, urls }: Purpose,
): string | undefined {
  if (initiator === undefined) return undefined;
  const { origin } = new URL(initiator);
  const isSameOrigin = last(urls).origin === origin;
  const isSafe = ["GET", "HEAD"].includes(method);
  if (isSafe && (mode === "navigate" || isSameOrigin)) return undefined;
  if (mode === "cors") return origin;
  // Chromium hides who began from every other origin that a redirect leads to. (The
  // standard does so only when it leads from one foreign origin to another.)
  const isRedirected = urls.some((url) => url.origin !== urls[0].origin);
  if (isRedirected || referrerPolicy === "no-referrer") return "null";
  return referrerPolicy === "same-origin" && !isSameOrigin ? "null" : origin;
}

/** Scheme and registrable domain; the port is no part of a site. */
function siteOf({ protocol, hostname }: URL): string {
  const isAddress = hostname.startsWith("[") || isIP(hostname) !== 0;
  const domain = isAddress
    ? undefined
    : getPublicSuffix(hostname, {
        allowSpecialUseDomain: true,
        ignoreError: true,
      });
  return `${protocol}//${domain ?? hostname}`;
}
