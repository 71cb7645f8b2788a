/** Is this a page load or a fetch? */
import type { IncomingMessage } from "node:http";

/** What of a request says where it comes from, and what for. */
export type RequestHead = Pick<IncomingMessage, "method" | "headers">;

/**
 * Whether the answer will be shown as a page, so that a redirect or an HTML
 * page helps. Fetch Metadata decides; without it, `text/html` named in Accept.
 */
export function isPageLoad({ headers }: Pick<RequestHead, "headers">): boolean {
  const mode = headers["sec-fetch-mode"];
  if (mode !== undefined) return mode === "navigate";
  return /\btext\/html\b/.test(headers.accept ?? "");
}

/** Whether redirecting to login loses nothing: a page load by GET. */
export function isPageRequest(req: RequestHead): boolean {
  return req.method === "GET" && isPageLoad(req);
}
