/** How Redis is reached: credentials and TLS, from the options or from URLs. */
import type { RedisAccess } from "./redis-options.js";

/** Access as node-redis takes it: it encrypts only where `tls` is true. */
export function withTls(access: RedisAccess = {}): RedisAccess {
  const { socket, ...credentials } = access;
  return {
    ...credentials,
    ...(socket !== undefined && { socket: { ...socket, tls: true } }),
  };
}

/**
 * What the URLs of a Cluster, which agree, say of all its nodes: node-redis
 * itself uses it only for the nodes that the URLs name, not for those found
 * through them.
 */
export function accessIn([url]: readonly string[]): RedisAccess {
  if (url === undefined) return {};
  const { protocol, username, password } = new URL(url);
  return {
    ...(username !== "" && { username: decodeURIComponent(username) }),
    ...(password !== "" && { password: decodeURIComponent(password) }),
    ...(protocol === "rediss:" && { socket: { tls: true } as const }),
  };
}
