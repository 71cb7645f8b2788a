/** Which URL belongs to which resource server: the allow-list. */
import { parseUrl } from "../base/parse-url.js";
import { laxSegmentsOf, pathProblem, segmentsOf } from "../base/plain-path.js";
import type {
  Config,
  ProviderConfig,
  ResourceServer,
} from "../config/config.js";
import { LoginKitError } from "../base/errors.js";
import { hasAccessToken } from "./query-token.js";

/** @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED` */
export function resourceServerNamed(
  config: Config,
  name: string,
): ResourceServer {
  const server = config.resourceServers.get(name);
  if (server !== undefined) return server;
  const names = [...config.resourceServers.keys()].join(", ");
  throw new LoginKitError("ERR_RESOURCE_NOT_ALLOWED", {
    message: `resourceServers has no entry named ${name}; ${names === "" ? "it has none" : `there are ${names}`}`,
  });
}

/**
 * The server with a name, for tokens of this provider.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED`, `ERR_RESOURCE_OF_OTHER_PROVIDER`
 */
export function serverFor(
  config: Config,
  provider: ProviderConfig,
  name: string,
): ResourceServer {
  const server = resourceServerNamed(config, name);
  if (provider.resourceServers.has(name)) return server;
  throw new LoginKitError("ERR_RESOURCE_OF_OTHER_PROVIDER", {
    message: `resourceServers.${name}.providers does not name ${provider.name}`,
  });
}

/**
 * The server that an absolute URL belongs to, with the URL in the form that is
 * sent: one parse decides and travels. Of servers below each other the one with
 * the longest path is meant.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED`, `ERR_FORWARD_TARGET_INVALID` for a query that holds a token
 */
export function resourceServerOf(
  config: Config,
  address: string | URL,
): { server: ResourceServer; url: URL } {
  const url = parseUrl(String(address));
  const server =
    url?.username === "" && url.password === ""
      ? ownerOf(config, url, segmentsOf)
      : undefined;
  if (url === undefined || server === undefined) {
    throw notAllowed(
      `no resource server is configured for ${url?.origin ?? "a text that is no URL"}`,
    );
  }
  const problem = pathProblem(url.pathname, server);
  if (problem !== undefined) {
    throw notAllowed(`the path for ${server.name} holds ${problem}`);
  }
  // A server that takes the path for one below another base would get the wrong token.
  const other = ownerOf(config, url, laxSegmentsOf);
  if (other !== server) {
    throw notAllowed(
      `some servers read the path for ${server.name} as one for ${other?.name ?? "none"}: write it as in resourceServers`,
    );
  }
  refuseTokenIn(url.search);
  return { server, url };
}

function notAllowed(message: string): LoginKitError {
  return new LoginKitError("ERR_RESOURCE_NOT_ALLOWED", { message });
}

/** The server of this origin whose path is the longest that the URL's begins with. */
function ownerOf(
  { resourceServers }: Config,
  url: URL,
  segmentsIn: (path: string) => readonly string[],
): ResourceServer | undefined {
  const segments = segmentsIn(url.pathname);
  let owner: ResourceServer | undefined;
  let longest = -1;
  for (const server of resourceServers.values()) {
    if (server.url.origin !== url.origin) continue;
    const base = segmentsIn(server.url.pathname);
    if (base.length <= longest) continue;
    if (base.some((segment, index) => segments[index] !== segment)) continue;
    owner = server;
    longest = base.length;
  }
  return owner;
}

// What RFC 3986 allows in a path and a query. Everything else, a backslash
// above all, is read differently by different parsers.
const TARGET =
  /^(?<path>\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*)(?<query>\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?[\]|"^`{}]*)?$/;

/**
 * Where a forwarded request goes: the rest of its path below the server's base.
 *
 * @param target the request target below the mount path, such as `/17?page=2`
 * @throws {LoginKitError} `ERR_FORWARD_TARGET_INVALID`
 */
export function forwardTarget(server: ResourceServer, target: string): URL {
  const { path, query = "" } = TARGET.exec(target)?.groups ?? {};
  if (path === undefined) throw new LoginKitError("ERR_FORWARD_TARGET_INVALID");
  const problem = pathProblem(path, server);
  if (problem !== undefined) {
    throw new LoginKitError("ERR_FORWARD_TARGET_INVALID", {
      message: `the path holds ${problem}`,
    });
  }
  refuseTokenIn(query);
  const url = new URL(server.url);
  const base = url.pathname.replace(/\/$/, "");
  url.pathname = path === "/" ? base : base + path;
  url.search = query;
  if (!isInside(url, server.url)) {
    throw new LoginKitError("ERR_FORWARD_TARGET_INVALID");
  }
  return url;
}

function refuseTokenIn(query: string): void {
  if (!hasAccessToken(query)) return;
  throw new LoginKitError("ERR_FORWARD_TARGET_INVALID", {
    message: "the query holds an access token of its own (RFC 6750 section 2)",
  });
}

/** Same origin, and the same path or one below it by whole segments. */
function isInside(url: URL, base: URL): boolean {
  const prefix = base.pathname.replace(/\/$/, "");
  return (
    url.origin === base.origin &&
    (url.pathname === prefix || url.pathname.startsWith(`${prefix}/`))
  );
}
