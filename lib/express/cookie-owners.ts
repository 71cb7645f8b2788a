/** Notices two kits of one process that take each other's cookie away. */
import { BoundedMap } from "../base/bounded-map.js";
import type { Config } from "../config/config.js";

/** So many cookies are remembered. */
const MAX_COOKIES = 1000;

/** Applications by origin and cookie. */
const owners = new BoundedMap<string>(MAX_COOKIES);

/**
 * Whether an earlier kit has the same cookie at the same origin, for another
 * provider or client. The same kit twice is the same application.
 */
export function sharesCookie({
  baseUrls,
  session,
  keyPrefix,
}: Pick<Config, "baseUrls" | "session" | "keyPrefix">): boolean {
  const shared = baseUrls.map((baseUrl) => {
    const cookie = `${baseUrl} ${session.cookieName}`;
    const before = owners.get(cookie);
    owners.set(cookie, keyPrefix);
    return before !== undefined && before !== keyPrefix;
  });
  return shared.includes(true);
}
