/** Notices two kits of one process that take each other's cookie or requests away. */
import { BoundedMap } from "../base/bounded-map.js";
import type { Config } from "../config/config.js";

/** So many cookies and addresses are remembered. */
const MAX_REMEMBERED = 1000;

/** Applications by what only one of them can have. */
const owners = new BoundedMap<string>(MAX_REMEMBERED);

/**
 * What an earlier kit has at the same origin, for another provider or client: its
 * cookie, or the path where a sign-in begins. The same kit twice is the same
 * application.
 */
export function sharedWithOthers({
  baseUrls,
  session,
  paths,
  keyPrefix,
}: Pick<Config, "baseUrls" | "session" | "paths" | "keyPrefix">): {
  readonly cookie: boolean;
  readonly paths: boolean;
} {
  const isTaken = (thing: string): boolean =>
    baseUrls
      .map((baseUrl) => {
        const before = owners.get(`${baseUrl} ${thing}`);
        owners.set(`${baseUrl} ${thing}`, keyPrefix);
        return before !== undefined && before !== keyPrefix;
      })
      .includes(true);
  return { cookie: isTaken(session.cookieName), paths: isTaken(paths.login) };
}
