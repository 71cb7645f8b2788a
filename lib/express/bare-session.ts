/** A session that says no more than its login's record says, and so is not stored. */
import { Cookie, type CookieOptions, type SessionData } from "express-session";
import type { Config } from "../config/config.js";
import { groupName, groupsOf } from "../stores/login-groups.js";
import type { LoginRecord } from "../stores/login-store.js";

/**
 * What a session itself holds of its login: only what cannot change. It says
 * that there was one, and whose: `user` names a user without telling who that is.
 */
export interface SessionMark {
  loginKit?: LoginMark;
}

interface LoginMark {
  readonly loginId: string;
  readonly user?: string;
}

/** What the kit and express-session themselves keep in a session. */
const OWN = new Set(["cookie", "loginKit"]);

/** Whether the application has put this member into a session. */
export function isOfApplication(name: string): boolean {
  return !OWN.has(name);
}

/** The mark of a login's session. */
export function markOf(
  loginId: string,
  { identity }: Pick<LoginRecord, "identity">,
): LoginMark {
  const [user] = groupsOf(identity);
  return { loginId, user: groupName(user) };
}

/** Marked as its login's: what is put into it does not outlive the login either. */
export function bareSession(
  loginId: string,
  record: LoginRecord,
  config: Config,
): SessionData & SessionMark {
  return {
    cookie: sessionCookie(config),
    loginKit: markOf(loginId, record),
  };
}

/**
 * Whether a session is what {@link bareSession} makes of its login.
 *
 * @param key the login id that it would be stored under
 */
export function isBare(
  key: string,
  session: SessionData & SessionMark,
  config: Config,
): boolean {
  return (
    session.loginKit?.loginId === key &&
    !Object.keys(session).some(isOfApplication) &&
    textOf(session.cookie, config) === textOf(sessionCookie(config), config)
  );
}

/** As express-session makes it for a new session. */
export function sessionCookie(config: Config): Cookie {
  return Object.assign(new Cookie(), sessionCookieOptions(config));
}

/** When a cookie ends that persists is made anew from the login's beginning. */
const END = new Set(["originalMaxAge", "expires"]);

function textOf(cookie: CookieOptions, { session }: Config): string {
  return JSON.stringify(cookie, (name, value: unknown) =>
    session.persistSeconds !== undefined && END.has(name) ? undefined : value,
  );
}

/**
 * How the session cookie is set: Secure, HttpOnly, SameSite=Lax, Path=/, no
 * Domain. Lax and not Strict, because the browser comes back from the provider
 * by a cross-site navigation.
 */
export function sessionCookieOptions({ secureCookies }: Config): {
  readonly httpOnly: true;
  readonly path: "/";
  readonly sameSite: "lax";
  readonly secure: boolean;
} {
  return { httpOnly: true, path: "/", sameSite: "lax", secure: secureCookies };
}
