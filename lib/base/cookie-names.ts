/** What the kit's cookies are called, so that two kits on one host keep theirs apart. */
import { parseUrl } from "./parse-url.js";

/** Each sign-in in progress has a cookie of its own; what follows this is ten characters of its state. */
const SIGN_IN = "-login-";

/** Each form that waits for a login has a cookie of its own; what follows this is ten characters of its name. */
const KEPT_FORM = "-form-";

/** Counts how often a browser comes back from the provider. */
const ATTEMPTS = "-sign-in-attempts";

/** Remembers when the browser was last asked in silence. */
const SILENCE = "-sign-in-silence";

/**
 * The session cookie's name where the application gives none.
 *
 * Cookies know no ports (RFC 6265 section 8.5), and all have the path `/`. Two
 * applications on one host would sign each other out, so the name ends in the
 * port and the path where there are any.
 */
export function defaultCookieName(baseUrl: string): string {
  const { port = "", pathname = "/" } = parseUrl(baseUrl) ?? {};
  const parts = [port, ...pathname.split("/")].filter((part) => part !== "");
  return ["session", ...parts].join("-").replace(/[^\w-]/g, "_");
}

/** How the names of the cookies of sign-ins in progress begin. */
export function signInCookiePrefix(sessionCookie: string): string {
  return sessionCookie + SIGN_IN;
}

/** How the names of the cookies of kept forms begin. */
export function keptFormCookiePrefix(sessionCookie: string): string {
  return sessionCookie + KEPT_FORM;
}

/** The cookie that counts how often a browser comes back from the provider. */
export function attemptsCookieName(sessionCookie: string): string {
  return sessionCookie + ATTEMPTS;
}

/** The cookie that remembers when the browser was last asked in silence. */
export function silenceCookieName(sessionCookie: string): string {
  return sessionCookie + SILENCE;
}

/** Whether a kit with this session cookie sets a cookie of this name. */
export function isKitCookie(name: string, sessionCookie: string): boolean {
  return (
    name === sessionCookie ||
    name === attemptsCookieName(sessionCookie) ||
    name === silenceCookieName(sessionCookie) ||
    name.startsWith(signInCookiePrefix(sessionCookie)) ||
    name.startsWith(keptFormCookiePrefix(sessionCookie))
  );
}
