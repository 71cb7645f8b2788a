/** express-session with our cookie rules. */
import type { Request, RequestHandler, Response } from "express";
import "./no-session-debug.js";
import { sessionCookieOptions } from "./bare-session.js";
import session, { type Store } from "express-session";
import type { Config } from "../config/config.js";
import { ConfigError } from "../base/errors.js";
import { isReplaced, noteOwnSession } from "./mounting.js";
import { noticeOnce } from "../telling/notice.js";
import { hasForeignSession, noteSessionStore } from "../logins/session-id.js";

/**
 * The session middleware: an opaque, signed id in a cookie, everything else in
 * the store.
 *
 * The cookie has the `__Host-` prefix and, unless `persistSeconds` is set, no end
 * (ASVS 3.3).
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
    cookie: sessionCookieOptions(config),
  });
  noteSessionStore(store, config);
  return function cookieSession(req, res, next) {
    if (hasForeignSession(req, config)) {
      next(foreignSession());
      return;
    }
    // Mounted twice, or behind the application's own session: once is enough.
    if ((req.session as unknown) !== undefined) {
      next();
      return;
    }
    noteOwnSession(config);
    const goOn = (error?: unknown): void => {
      if (error === undefined) keepOnAnswering(req, res, config);
      next(error);
    };
    if (!config.secureCookies || req.secure) {
      middleware(req, res, goOn);
      return;
    }
    // baseUrl says that browsers come by https, so a proxy ends TLS before us.
    // express-session asks `req.secure`, when the headers are written, whether
    // it may set the cookie: it alone hears yes. Before and after, and to the
    // application, the request is what Express says. Its own hook is the one
    // between these two.
    const own = Object.getOwnPropertyDescriptor(req, "secure");
    beforeHeaders(res, () => {
      if (own === undefined) Reflect.deleteProperty(req, "secure");
      else Reflect.defineProperty(req, "secure", own);
    });
    middleware(req, res, (error?: unknown) => {
      beforeHeaders(res, () => {
        Reflect.defineProperty(req, "secure", {
          value: true,
          configurable: true,
        });
      });
      goOn(error);
    });
  };
}

/**
 * Another package may set `req.session` behind ours, as cookie-session does.
 * express-session, which finds something else there, would fail while it answers,
 * and the request would never end.
 */
function keepOnAnswering(req: Request, res: Response, config: Config): void {
  const { session: own } = req;
  const restore = (): void => {
    if (!isReplaced(req)) return;
    noticeOnce(
      config,
      "req.session was replaced behind kit.session, by another package such as cookie-session or by an assignment, so kit.session does not keep what it holds. Leave that package out, or kit.session; set members of req.session, and not req.session itself.",
    );
    Reflect.defineProperty(req, "session", {
      value: own,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  };
  const end = res.end.bind(res) as (...parameters: unknown[]) => Response;
  res.end = (...parameters: unknown[]) => {
    restore();
    return end(...parameters);
  };
  beforeHeaders(res, restore);
}

/** Runs `before` when the headers are about to be written; the last that was added runs first. */
function beforeHeaders(res: Response, before: () => void): void {
  const writeHead = res.writeHead.bind(res) as (
    ...parameters: unknown[]
  ) => Response;
  res.writeHead = (...parameters: unknown[]) => {
    before();
    return writeHead(...parameters);
  };
}

/**
 * One request has one `req.session`. Another kit's, used as this kit's own,
 * would be emptied and renamed by this kit's logins, and tell of them.
 */
function foreignSession(): ConfigError {
  return new ConfigError(
    [
      "another kit's session is on this request already; mount this kit's routes before that kit's session, or each kit's session only on the paths of its own pages",
    ],
    "kit.session",
  );
}

/** Takes the session's cookie back, which express-session never does. */
export function clearSessionCookie(res: Response, config: Config): void {
  res.clearCookie(config.session.cookieName, sessionCookieOptions(config));
}
