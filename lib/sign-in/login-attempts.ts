/** Notices a browser that comes back from the provider again and again and is never signed in. */
import { parse } from "cookie";
import type { Request, Response } from "express";
import type { Config } from "../config/config.js";
import { attemptsCookieName } from "../base/cookie-names.js";
import { LoginKitError } from "../base/errors.js";
import { requestFacts } from "../http/request-facts.js";
import { isKitStore } from "../logins/session-id.js";
import { signInCookieOptions } from "./sign-in-cookies.js";

/**
 * How often a browser may come back within the window without being signed in.
 * Chromium gives up after 20 redirects, and a round takes five or six.
 */
const MAX_ATTEMPTS = 2;

const WINDOW_MS = 60_000;

/** Counts how often a browser comes back from the provider. */
export interface LoginAttempts {
  /**
   * Counts one more.
   *
   * @throws {LoginKitError} `ERR_LOGIN_LOOP`
   */
  count: (req: Request, res: Response) => void;
  /**
   * The browser has shown that it is signed in: what came before is forgotten.
   *
   * @param cookies the request's header `Cookie`
   */
  forget: (cookies: string | undefined, res: Response) => void;
}

/**
 * The times are in a cookie of the browser, because what is to be noticed is
 * that its session is lost. A browser that alters them harms only itself, and
 * one that keeps no cookie at all does not get this far.
 */
export function createLoginAttempts(
  config: Config,
  now: () => number,
  forgetSilence: LoginAttempts["forget"],
): LoginAttempts {
  const name = attemptsCookieName(config.session.cookieName);
  const options = signInCookieOptions(config);
  return {
    count(req, res) {
      const time = now();
      const attempts = (parse(req.headers.cookie ?? "")[name] ?? "")
        .slice(0, 100)
        .split(".")
        .map((attempt) => parseInt(attempt, 36))
        .filter((attempt) => attempt <= time && time - attempt < WINDOW_MS);
      if (attempts.length >= MAX_ATTEMPTS) {
        throw new LoginKitError("ERR_LOGIN_LOOP", {
          message: `the browser came back from the provider ${String(attempts.length + 1)} times in a minute and was not signed in afterwards; ${ownSessionFault(req) ?? requestFacts(req, config, (names) => sessionFacts(names, config))}`,
          headers: { "Retry-After": "60" },
        });
      }
      const value = [...attempts, time].map((one) => one.toString(36));
      res.cookie(name, value.join("."), { ...options, maxAge: WINDOW_MS });
    },
    forget(cookies, res) {
      if (cookies?.includes(name) === true) {
        res.clearCookie(name, options);
      }
      forgetSilence(cookies, res);
    },
  };
}

/** What keeps the cookie of the application's own express-session from coming back. */
function ownSessionFault(req: Request): string | undefined {
  if (isKitStore(req.sessionStore)) return undefined;
  // Another package may have set req.session.
  const { cookie } = req.session as Partial<typeof req.session>;
  const { secure, sameSite } = cookie ?? {};
  if (secure === true && !req.secure) {
    return 'the application\'s own express-session has cookie.secure, and sets no cookie because Express does not take this request for https: behind a proxy that ends TLS write app.set("trust proxy", 1), at plain http leave cookie.secure out';
  }
  return sameSite === "strict" || sameSite === true
    ? 'the application\'s own express-session has cookie.sameSite "strict", and browsers keep such a cookie back when the provider has sent them; write sameSite: "lax"'
    : undefined;
}

function sessionFacts(
  names: readonly string[],
  { session: { cookieName } }: Config,
): string {
  return names.includes(cookieName)
    ? `the session cookie (${cookieName}) came along, but there is no login for it: is the store shared by all processes, and are session.secret, redisKeyPrefix, issuer and clientId the same everywhere?`
    : `the browser keeps cookies, but not the session cookie (${cookieName}): does something in front of the application remove or rename it, or another cookie of that name replace it?`;
}
