/** The handlers of one kit, made of its parts. */
import type { RequestHandler } from "express";
import { baseUrlOf } from "../config/base-url.js";
import { createCookieSession } from "../express/cookie-session.js";
import { GuardedSessionStore } from "../express/session-store.js";
import { createLogin, createThirdPartyLogin } from "../flow/1-login.js";
import { createCallback } from "../flow/2-callback.js";
import { createLogout } from "../flow/5-logout.js";
import { createBackchannelLogout } from "../flow/6-backchannel-logout.js";
import { createFrontchannelLogout } from "../flow/7-frontchannel-logout.js";
import { answerError, answering, type Handler } from "../http/answer.js";
import type { Endpoints } from "../http/routes.js";
import { createCheckSession } from "../pages/check-session.js";
import { createSessionEvents } from "../pages/session-events.js";
import { createSessionStatus } from "../pages/session-status.js";
import type { Parts } from "../parts.js";

/** Creates `kit.session`: express-session whose failures are answered as the kit's. */
export function createSessionMiddleware(parts: Parts): RequestHandler {
  const store = new GuardedSessionStore(
    parts,
    parts.loginEnding,
    parts.sessionBackend,
  );
  const cookieSession = createCookieSession(parts.config, store);
  return function session(req, res, next) {
    try {
      baseUrlOf(req, parts.config);
    } catch (error) {
      answerError(parts, error, req, res, next);
      return;
    }
    void cookieSession(req, res, (error?: unknown) => {
      if (error === undefined) next();
      else answerError(parts, error, req, res, next);
    });
  };
}

/** Creates the endpoints. */
export function createEndpoints(
  parts: Parts,
  session: RequestHandler,
): Endpoints {
  const answered = (handler: Handler): RequestHandler =>
    answering(parts, handler);
  const withSession = (handler: Handler): RequestHandler => {
    const withAnswers = answered(handler);
    return (req, res, next) =>
      session(req, res, (error?: unknown) => {
        if (error === undefined) void withAnswers(req, res, next);
        else next(error);
      });
  };
  const { logout, loggedOut } = createLogout(parts);
  return {
    login: answered(createLogin(parts)),
    initiateLogin: answered(createThirdPartyLogin(parts)),
    callback: withSession(createCallback(parts)),
    logout: answered(logout),
    loggedOut: answered(loggedOut),
    session: answered(createSessionStatus(parts)),
    sessionEvents: answered(createSessionEvents(parts)),
    checkSession: answered(createCheckSession(parts)),
    // The provider asks here: it gets no page.
    backchannelLogout: answering(
      { ...parts, pages: false },
      createBackchannelLogout(parts),
    ),
    frontchannelLogout: answered(createFrontchannelLogout(parts)),
  };
}
