/** What the URL of a resource server must be, beyond absolute and https. */
import { isIP } from "node:net";
import { parseUrl } from "./parse-url.js";
import { laxSegmentsOf, pathProblem } from "./plain-path.js";

/** A resource server as an application describes it. */
interface Described {
  readonly url: string;
  readonly allowSemicolonsInPaths?: boolean | undefined;
  readonly allowEncodedSlashesInPaths?: boolean | undefined;
}

/** What is wrong with the URL of the server of this name, as lines for people. It must be one that parses. */
export function resourceUrlProblems(
  name: string,
  servers: Readonly<Record<string, Described>>,
): string[] {
  const server = servers[name];
  if (server === undefined) return [];
  const option = `resourceServers.${name}.url`;
  const url = new URL(server.url);
  if (/[?#]/.test(server.url) || `${url.username}${url.password}` !== "") {
    return [`${option}: must have no query, fragment or user name`];
  }
  const problems: string[] = [];
  if (!isReachable(url)) {
    problems.push(
      `${option}: ${url.host} is no host that can be reached; it must be one name or address, without a placeholder and without a dot at its end`,
    );
  } else if (!isWrittenAsSent(server.url, url)) {
    problems.push(`${option}: must be written as it is sent: ${url.href}`);
  }
  const problem = pathProblem(url.pathname, {
    allowSemicolonsInPaths: server.allowSemicolonsInPaths === true,
    allowEncodedSlashesInPaths: server.allowEncodedSlashesInPaths === true,
  });
  if (problem !== undefined) {
    problems.push(`${option}: its path must not hold ${problem}`);
  }
  const twin = Object.entries(servers).find(
    ([other, { url: address }]) => other !== name && isSameBase(address, url),
  );
  if (twin !== undefined) {
    problems.push(
      `${option}: is that of resourceServers.${twin[0]} too, so that nobody could say whose token to send; give each a host or path of its own`,
    );
  }
  return problems;
}

/** One name of the DNS, or an address that is not the one of no host (RFC 1122 3.2.1.3, RFC 4291 2.5.2). */
function isReachable({ hostname, port }: URL): boolean {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (port === "0") return false;
  return isIP(address) === 0
    ? hostname.length <= 253 && HOST_NAME.test(hostname)
    : !NO_HOST.has(address);
}

// Underscores are no letters of host names, but services of containers have them.
const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const HOST_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

const NO_HOST = new Set(["0.0.0.0", "::", "::ffff:0:0"]);

/** Whether parsing has changed nothing but the case of the host and a default port. */
function isWrittenAsSent(text: string, { pathname }: URL): boolean {
  const written = /^https?:\/\/[^/\\@\s]+(?<path>\/.*)?$/is.exec(text)?.groups;
  return written !== undefined && (written["path"] ?? "/") === pathname;
}

/** Whether servers that ignore case and slashes at the end take both for the same. */
function isSameBase(text: string, { origin, pathname }: URL): boolean {
  const other = parseUrl(text);
  return (
    other?.origin === origin &&
    laxSegmentsOf(other.pathname).join("/") ===
      laxSegmentsOf(pathname).join("/")
  );
}
