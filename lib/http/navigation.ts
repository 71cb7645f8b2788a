/** Is this a page load or a fetch? */
import type { Request } from "express";

/**
 * Whether the answer will be shown as a page, so that a redirect or an HTML
 * page helps. Fetch Metadata decides; without it, `text/html` named in Accept.
 */
export function isPageLoad(req: Request): boolean {
  const mode = req.get("Sec-Fetch-Mode");
  if (mode !== undefined) return mode === "navigate";
  return /\btext\/html\b/.test(req.get("Accept") ?? "");
}

/** Whether redirecting to login loses nothing: a page load by GET. */
export function isPageRequest(req: Request): boolean {
  return req.method === "GET" && isPageLoad(req);
}
