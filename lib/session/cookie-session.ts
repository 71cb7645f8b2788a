/** express-session with our cookie rules. */
import type { RequestHandler, Response } from "express";
import "./no-session-debug.js";
import session, { type Store } from "express-session";
import type { Config } from "../config.js";

/**
 * The session middleware: an opaque, signed id in a cookie, everything else in
 * the store.
 *
 * `__Host-` prefix, Secure, HttpOnly, SameSite=Lax, Path=/, no Domain and no
 * Max-Age (ASVS 3.3). Lax and not Strict, because the browser comes back from
 * the provider by a cross-site navigation.
 */
export function createCookieSession(
  config: Config,
  store: Store,
): RequestHandler {
  const middleware = session({
    name: config.session.cookieName,
    secret: [...config.session.secrets],
    store,
    resave: false,
    saveUninitialized: false,
    // Never "destroy": express-session also takes a session that could not be
    // loaded for one that was unset, and would end a login because Redis failed.
    unset: "keep",
    cookie: {
      httpOnly: true,
      path: "/",
      sameSite: "lax",
      secure: config.secureCookies,
    },
  });
  return function cookieSession(req, res, next) {
    // Mounted twice, or behind the application's own session: once is enough.
    if ((req.session as unknown) !== undefined) {
      next();
      return;
    }
    if (config.secureCookies && !req.secure) {
      // baseUrl says that browsers come by https, so a proxy ends TLS before
      // us. express-session asks this property whether it may set the cookie.
      Object.defineProperty(req, "secure", { value: true });
    }
    middleware(req, res, next);
  };
}

/** Takes the session's cookie back, which express-session never does. */
export function clearSessionCookie(res: Response, config: Config): void {
  res.clearCookie(config.session.cookieName, {
    httpOnly: true,
    path: "/",
    sameSite: "lax",
    secure: config.secureCookies,
  });
}
