/** Notices that a sign-in begins at another host than baseUrl's, before the trip to the provider. */
import escapeHtml from "escape-html";
import type { Request, Response } from "express";
import { isLoopback } from "../base/loopback.js";
import { browserPath } from "../config/base-url.js";
import type { Config } from "../config/config.js";
import { printable } from "../base/printable.js";
import { noticeOnce } from "../telling/notice.js";
import type { Handler } from "./answer.js";
import { isFromElsewhere } from "./cross-site.js";
import { isPageLoad } from "./navigation.js";
import { sendPage } from "./page.js";

/** What proxies say of themselves. One that does so may change Host. */
const OF_PROXIES = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
];

// The browser knows where it is. At baseUrl a proxy has changed Host, and the
// link, followed from there, says so by its Referer.
const SCRIPT = `const link = document.querySelector("a.action");
if (link.origin === location.origin) link.click();`;

/**
 * Wraps the login endpoint. The provider sends the browser to `baseUrl`, and the
 * cookie of a sign-in stays with the host where that began: the answer would
 * find no cookie.
 *
 * A proxy in front may have changed what the request says. Where that cannot be
 * told, the sign-in goes on.
 */
export function atBaseUrl(config: Config, login: Handler): Handler {
  return function loginAtBaseUrl(req, res, next) {
    const asked = noticedElsewhere(req, config);
    if (asked === undefined) return login(req, res, next);
    const [baseUrl] = config.baseUrls;
    // Cookies know no ports. Beyond this machine there mostly is a proxy in
    // front, which need not say so.
    const own = new URL(baseUrl);
    const isOtherHost = isLoopback(own) && hostIn(req) !== own.hostname;
    const isSeen = isPageLoad(req) && req.get("Sec-Fetch-Dest") === "document";
    if (!config.explainsErrors || !isOtherHost || !isSeen) {
      return login(req, res, next);
    }
    sendExplanation(req, res, config, asked);
  };
}

/**
 * Where a sign-in begins, where that is another address than baseUrl and no proxy
 * explains it. Then it could not come to its end, and the developer is told.
 */
export function noticedElsewhere(
  req: Request,
  config: Config,
): string | undefined {
  const asked = otherAddress(req, config);
  if (asked === undefined) return undefined;
  const [baseUrl] = config.baseUrls;
  noticeOnce(
    config,
    `a sign-in was begun at ${asked}, but baseUrl is ${baseUrl}: the provider sends the browser there, and browsers bring no cookie from one host, or from https, to another. Open the application at ${baseUrl}, or correct the option baseUrl. If a proxy in front changes host or protocol, let it send X-Forwarded-Host and X-Forwarded-Proto.`,
    "a sign-in at another address",
  );
  return asked;
}

/** Where the sign-in began, where that is another address than baseUrl and no proxy explains it. */
function otherAddress(req: Request, { baseUrls }: Config): string | undefined {
  const [baseUrl, ...others] = baseUrls;
  const host = req.get("Host") ?? "";
  // Of several hosts the request's chooses, and another one is refused.
  if (others.length > 0 || host === "") return undefined;
  if (OF_PROXIES.some((name) => req.get(name) !== undefined)) return undefined;
  // A page at baseUrl may lead to another host, too.
  const isFromBase = (req.get("Referer") ?? "").startsWith(`${baseUrl}/`);
  if (isFromBase && !isFromElsewhere(req)) return undefined;
  const asked = `${req.protocol}://${host.toLowerCase()}`;
  return asked === baseUrl ? undefined : printable(asked);
}

/** HTTP/1.0 has none, although the type promises one. */
function hostIn(req: Request): string {
  const { hostname = "" } = req as { readonly hostname?: string };
  return hostname;
}

function sendExplanation(
  req: Request,
  res: Response,
  config: Config,
  asked: string,
): void {
  const [baseUrl] = config.baseUrls;
  const address = baseUrl + browserPath(req.originalUrl, config);
  res.status(421);
  res.set({ "Cache-Control": "no-store", "Referrer-Policy": "same-origin" });
  sendPage(res, config, (say) => ({
    title: say("ERR_HOST_UNKNOWN.title"),
    content: `<p>You opened <code>${escapeHtml(asked)}</code>, and the option <code>baseUrl</code> is <code>${escapeHtml(baseUrl)}</code>. A browser does not bring the cookies of one host to another, so the sign-in could not come to its end.</p>
<p>Open the application at <code>${escapeHtml(baseUrl)}</code>, or correct <code>baseUrl</code> in the options of <code>createLoginKit</code>.</p>
<p><a class="action" href="${escapeHtml(address)}">Go on at ${escapeHtml(baseUrl)}</a></p>
<p><code>ERR_HOST_UNKNOWN</code> &middot; for developers; not shown in production</p>`,
    script: SCRIPT,
  }));
}
