/** What of a session's data the next login may have. */
import type { Request } from "express";
import type { Session } from "express-session";
import type { Config } from "../config/config.js";
import { groupName, groupsOf } from "../stores/login-groups.js";
import type { Identity } from "../stores/login-store.js";
import type { LiveLogin } from "../logins/current-login.js";
import { isOfApplication, type SessionMark } from "./bare-session.js";

/**
 * What of the request's session is kept for the one who signs in now.
 *
 * What one user has left is not the next one's. The user who is signed in and
 * signs in again keeps everything; whoever was nobody, or was here before, what
 * the option `carryOver` names.
 *
 * @param replaced what the browser is signed in with
 */
export function keptFor(
  identity: Identity,
  replaced: readonly LiveLogin[],
  req: Request,
  { carryOver }: Config,
): Record<string, unknown> {
  const session: Session & SessionMark = req.session;
  const user = groupName(groupsOf(identity)[0]);
  const others = replaced.map(({ record }) =>
    groupName(groupsOf(record.identity)[0]),
  );
  if (others.some((other) => other !== user)) return {};
  const { loginKit } = session;
  // A mark without a live login means that somebody was there. One that does
  // not say who may be anybody's.
  if (loginKit !== undefined && loginKit.user !== user) {
    if (loginKit.user !== undefined || others.length === 0) return {};
  }
  return Object.fromEntries(
    Object.entries(session).filter(
      ([name]) =>
        isOfApplication(name) &&
        (others.length > 0 || carryOver.includes(name)),
    ),
  );
}
