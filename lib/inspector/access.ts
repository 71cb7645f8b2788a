/** Who may look: a developer at this very machine, by a page of this very application. */
import type { Request } from "express";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { isLoopback } from "../base/loopback.js";
import { parseUrl } from "../base/parse-url.js";
import type { Config } from "../config/config.js";
import { refuseCrossSite } from "../http/cross-site.js";

/** Headers by which proxies, and those who deliver for others, say whom they speak for. */
const OF_PROXIES =
  /^(?:forwarded|via|x-forwarded.*|x-original-.*|x-real-ip|(?:.*-)?(?:client|connecting)-ip)$/;

/** @throws {ConfigError} in production, unless it is allowed */
export function refuseProduction(
  isAllowed: boolean,
  nodeEnv: string | undefined,
): void {
  if (nodeEnv !== "production" || isAllowed) return;
  throw new ConfigError(
    [
      "production: NODE_ENV is production, and the inspector shows how users sign in; mount it in development only, or allow it with production: true",
    ],
    "inspector",
  );
}

/**
 * Refuses who is elsewhere: another machine, a proxy that speaks for one, a name
 * that only seems to be this machine (DNS rebinding), a page of another origin.
 *
 * @param allowed whether other machines may look, and whether it is only the page, which says nothing: a link may lead there
 * @throws {LoginKitError} `ERR_CROSS_SITE_REQUEST`
 */
export function refuseOthers(
  req: Request,
  config: Config,
  {
    isRemoteAllowed,
    isPage,
  }: { readonly isRemoteAllowed: boolean; readonly isPage: boolean },
): void {
  const host = req.headers.host ?? "";
  const url = parseUrl(`http://${host}`);
  const isOurs =
    url !== undefined &&
    (isLoopback(url) ||
      config.baseUrls.some((baseUrl) => new URL(baseUrl).host === host));
  const isHere =
    isRemoteAllowed ||
    (isLoopbackAddress(req.socket.remoteAddress) &&
      !Object.keys(req.headers).some((name) => OF_PROXIES.test(name)));
  if (!isOurs || !isHere) {
    throw new LoginKitError("ERR_CROSS_SITE_REQUEST", {
      message: isOurs
        ? "the inspector answers this machine only, and no proxy; inspector(kit, { remote: true }) lets others in"
        : "the inspector is asked by a host that is neither this machine nor baseUrl",
    });
  }
  const protocol = new URL(config.baseUrls[0]).protocol;
  if (!isPage) refuseCrossSite(req, `${protocol}//${host}`);
}

function isLoopbackAddress(address: string | undefined): boolean {
  return (
    address === "::1" || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/.test(address ?? "")
  );
}
