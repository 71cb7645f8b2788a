/** How Redis is reached: credentials and TLS, from the options or from URLs. */

import type { RedisAccess } from "./redis-options.js";

/** Access as node-redis takes it: it encrypts only where `tls` is true. */
export function withTls(access: RedisAccess = {}): RedisAccess {
  const { socket, ...credentials } = access;
  const given = Object.values(socket ?? {}).some(
    (value) => value !== undefined,
  );
  return { ...credentials, ...(given && { socket: { ...socket, tls: true } }) };
}

/**
 * What the URLs of a Cluster say of all its nodes: node-redis itself uses it
 * only for the nodes that the URLs name, not for those found through them.
 */
export function accessIn(urls: readonly string[]): RedisAccess {
  const [first, ...others] = urls.map((url) => {
    const { protocol, username, password } = readUrl("cluster.urls", url);
    return {
      ...(username !== "" && { username: decodeURIComponent(username) }),
      ...(password !== "" && { password: decodeURIComponent(password) }),
      ...(protocol === "rediss:" && { socket: { tls: true } as const }),
    };
  });
  const same = (other: RedisAccess): boolean =>
    JSON.stringify(other) === JSON.stringify(first);
  if (!others.every(same)) {
    throw new Error(
      "redisClient: cluster.urls differ in scheme, user name or password; all nodes of a Cluster are reached in one way, so give every URL the same, or none and use options",
    );
  }
  return first ?? {};
}

/** @throws {Error} that does not repeat the URL, which may hold a password. */
export function readUrl(option: string, url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^rediss?:$/.test(parsed.protocol)) {
    throw new Error(
      `redisClient: ${option} must be like redis://host:6379, or with TLS rediss://user:password@host:6379`,
    );
  }
  return parsed;
}
