/** How long browsers keep the session cookie: the option `session.persistSeconds`. */
import type { Session } from "express-session";
import type { Config } from "../config/config.js";

/**
 * The cookie of a login's session goes with the browser's, unless the option
 * says otherwise: then it ends so long after the sign-in, however often it is set.
 *
 * @param createdAt when the user signed in, in milliseconds since 1970
 * @param now the same clock
 */
export function persistCookie(
  { cookie }: Pick<Session, "cookie">,
  createdAt: number,
  now: number,
  { session: { persistSeconds } }: Pick<Config, "session">,
): void {
  if (persistSeconds === undefined) return;
  cookie.maxAge = createdAt + persistSeconds * 1000 - now;
}
