/** What a request shows about why its cookies may be missing, for developers. */
import { parse } from "cookie";
import type { Request } from "express";
import type { Config } from "../config/config.js";
import { printable } from "../base/printable.js";

/** What browsers call frames. */
const FRAMES = new Set(["iframe", "frame", "fencedframe", "embed", "object"]);

/**
 * Facts and what follows from them; never a cookie's value.
 *
 * @param otherwise what it means that some cookies came along
 */
export function requestFacts(
  req: Request,
  { baseUrls, secureCookies }: Config,
  otherwise: (names: readonly string[]) => string,
): string {
  const names = Object.keys(parse(req.headers.cookie ?? ""));
  const facts = [
    names.length === 0
      ? "the browser sent no cookie: it blocks them, or what it got was for another host or for https"
      : otherwise(names),
  ];
  // HTTP/1.0 has none, although the type promises one. Cookies know no ports.
  const { hostname = "" } = req as { readonly hostname?: string };
  const host = printable(hostname);
  if (!baseUrls.some((one) => new URL(one).hostname === host)) {
    facts.push(
      `the request is for ${host === "" ? "no host" : host}, but baseUrl is ${baseUrls.join(", ")}: a browser does not send cookies of one host to another (a proxy that changes Host explains it too: see "trust proxy")`,
    );
  }
  if (secureCookies && req.protocol !== "https") {
    facts.push(
      "the request came by http: if the browser's address bar says http as well, it keeps no Secure cookie",
    );
  }
  if (FRAMES.has(req.get("Sec-Fetch-Dest") ?? "")) {
    facts.push(
      "the page is in a frame, where browsers send no SameSite=Lax cookie to another site: open the application in a window of its own",
    );
  }
  return facts.join("; ");
}
