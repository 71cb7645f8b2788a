/** Which URL belongs to which resource server: the allow-list. */
import type { Config, ResourceServer } from "../config.js";
import { LoginKitError } from "../errors.js";

/** @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED` */
export function resourceServerNamed(
  config: Config,
  name: string,
): ResourceServer {
  const server = config.resourceServers.get(name);
  if (server !== undefined) return server;
  throw new LoginKitError("ERR_RESOURCE_NOT_ALLOWED", {
    message: `resourceServers has no entry named ${name}`,
  });
}

/**
 * The server that an absolute URL belongs to, with the URL in the form that is
 * sent: one parse decides and travels.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED`
 */
export function resourceServerOf(
  config: Config,
  address: string | URL,
): { server: ResourceServer; url: URL } {
  const url = URL.canParse(String(address)) ? new URL(address) : undefined;
  if (url?.username === "" && url.password === "" && isPlain(url.pathname)) {
    for (const server of config.resourceServers.values()) {
      if (isInside(url, server.url)) return { server, url };
    }
  }
  throw new LoginKitError("ERR_RESOURCE_NOT_ALLOWED", {
    message: `no resource server is configured for ${url?.origin ?? "a text that is no URL"}`,
  });
}

// What RFC 3986 allows in a path and a query. Everything else, a backslash
// above all, is read differently by different parsers.
const TARGET =
  /^(?<path>\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*)(?<query>\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?[\]|"^`{}]*)?$/;

// A dot, a slash, a backslash, a percent sign or a control character that was encoded to be decoded later.
// Also a percent sign that encodes nothing: decoders disagree about it.
const HIDDEN = /%(?:2e|2f|5c|25|[01][0-9a-f]|7f|(?![0-9a-f]{2}))/i;

// Some servers cut off what follows a semicolon before they resolve dots.
// So dots may only be followed by what is plainly part of a name.
const DOTS = /^\.{1,2}(?:[;%]|$)/;

/**
 * Where a forwarded request goes: the rest of its path below the server's base.
 *
 * @param target the request target below the mount path, such as `/17?page=2`
 * @throws {LoginKitError} `ERR_FORWARD_TARGET_INVALID`
 */
export function forwardTarget(server: ResourceServer, target: string): URL {
  const { path, query = "" } = TARGET.exec(target)?.groups ?? {};
  if (path === undefined || !isPlain(path)) {
    throw new LoginKitError("ERR_FORWARD_TARGET_INVALID");
  }
  const url = new URL(server.url);
  const base = url.pathname.replace(/\/$/, "");
  url.pathname = path === "/" ? base : base + path;
  url.search = query;
  if (!isInside(url, server.url)) {
    throw new LoginKitError("ERR_FORWARD_TARGET_INVALID");
  }
  return url;
}

function isPlain(path: string): boolean {
  return (
    isUtf8(path) &&
    !HIDDEN.test(path) &&
    !path.includes("//") &&
    !path.split("/").some((segment) => DOTS.test(segment))
  );
}

/** Whether what is encoded is text: an overlong dot or slash is one to lax decoders only. */
function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** Same origin, and the same path or one below it by whole segments. */
function isInside(url: URL, base: URL): boolean {
  const prefix = base.pathname.replace(/\/$/, "");
  return (
    url.origin === base.origin &&
    (url.pathname === prefix || url.pathname.startsWith(`${prefix}/`))
  );
}
