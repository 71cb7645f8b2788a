/** Is this request from our own pages? (CSRF) */
import { LoginKitError } from "../base/errors.js";
import { isPageLoad, type RequestHead } from "./navigation.js";

/**
 * A header that a foreign page cannot send without a CORS preflight, which
 * this application never grants. For clients that are not browsers, and for
 * browsers without Fetch Metadata.
 */
export const CSRF_HEADER = "x-csrf-protection";

type Headed = Pick<RequestHead, "headers">;

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Whether a request may change something (RFC 9110 9.2.1). */
export function isUnsafe({ method = "" }: RequestHead): boolean {
  return !SAFE_METHODS.has(method);
}

/**
 * Refuses a request that another site may have caused with this browser's
 * cookie (OAuth for Browser-Based Applications 6.1.3.3).
 *
 * @throws {LoginKitError} `ERR_CROSS_SITE_REQUEST`
 */
export function refuseCrossSite(req: Headed, baseUrl: string): void {
  if (!isFromOwnPages(req, baseUrl)) {
    throw new LoginKitError("ERR_CROSS_SITE_REQUEST");
  }
}

/**
 * The same for what only pages of this application ask for. It refuses also
 * what seems to be the user's own doing: browsers say so of addresses that a
 * foreign page had them load in advance (speculation rules), and of redirects
 * from an address that the user was lured to type.
 *
 * @throws {LoginKitError} `ERR_CROSS_SITE_REQUEST`
 */
export function refuseUnlessOwnPage(req: Headed, baseUrl: string): void {
  if (req.headers["sec-fetch-site"] === "none") {
    throw new LoginKitError("ERR_CROSS_SITE_REQUEST", {
      message:
        "Sec-Fetch-Site is none: no page asked for it, as when an address is typed; call it from a page of this application, by a link, a form or fetch",
    });
  }
  refuseCrossSite(req, baseUrl);
}

/**
 * Whether a browser says that another site, or another origin of this one, has
 * caused the request. Not where it says nothing.
 */
export function isFromElsewhere({ headers }: Headed): boolean {
  const site = headers["sec-fetch-site"] ?? "none";
  return site !== "same-origin" && site !== "none";
}

function isFromOwnPages({ headers }: Headed, baseUrl: string): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) {
    // `none` is the user's own doing: address bar, bookmark, reload.
    return (
      site === "same-origin" || (site === "none" && isPageLoad({ headers }))
    );
  }
  const { origin } = headers;
  if (origin !== undefined) return origin === baseUrl;
  return headers[CSRF_HEADER] !== undefined;
}
