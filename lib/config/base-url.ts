/** Which of the application's addresses a request came to. */
import type { IncomingMessage } from "node:http";
import type { Application } from "express";
import { LoginKitError } from "../base/errors.js";
import { parseUrl } from "../base/parse-url.js";
import { printable } from "../base/printable.js";
import type { Config } from "./config.js";

/**
 * The origin of a request: the only one there is, or the one whose host was
 * asked. No header can name one that the options do not.
 *
 * @throws {LoginKitError} `ERR_HOST_UNKNOWN`
 */
export function baseUrlOf(
  req: Pick<IncomingMessage, "headers">,
  { baseUrls }: Pick<Config, "baseUrls">,
): string {
  const [first] = baseUrls;
  if (baseUrls.length === 1) return first;
  const host = hostOf(req);
  // What is more than a host may be read as another one by whoever is in front.
  const asked = /[/?#@\\\s]/.test(host)
    ? undefined
    : parseUrl(`${new URL(first).protocol}//${host}`)?.origin;
  const origin = baseUrls.find((one) => one === asked);
  if (origin !== undefined) return origin;
  throw new LoginKitError("ERR_HOST_UNKNOWN", {
    message: `the request is for ${host === "" ? "no host" : printable(host)}, which baseUrl does not name (a proxy that changes Host explains it: see "trust proxy")`,
  });
}

/** The host that the browser asked, as far as Express trusts a proxy that says so. */
function hostOf(req: Pick<IncomingMessage, "headers">): string {
  const { host = "", "x-forwarded-host": forwarded } = req.headers;
  const { app, socket } = req as IncomingMessage & {
    readonly app?: Application;
  };
  const trusts = app?.get("trust proxy fn") as
    ((address: string | undefined, hop: number) => boolean) | undefined;
  if (forwarded === undefined || trusts?.(socket.remoteAddress, 0) !== true) {
    return host;
  }
  return (String(forwarded).split(",", 1)[0] ?? "").trim();
}

/** A path as the browser sees it: a proxy, or a router it is mounted in, may have taken the prefix away. */
export function browserPath(
  url: string,
  { basePath }: Pick<Config, "basePath">,
): string {
  const isWhole =
    url.startsWith(basePath) && /^(?:$|[/?])/.test(url.slice(basePath.length));
  return isWhole ? url : basePath + url;
}

/** The path of a request as the browser sees it, without the query. */
export function askedPath(
  { originalUrl }: { readonly originalUrl: string },
  config: Pick<Config, "basePath">,
): string {
  return browserPath(originalUrl, config).split("?", 1)[0] ?? "";
}
