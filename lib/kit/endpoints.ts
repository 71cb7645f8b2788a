/** The handlers of one kit, made of its parts. */
import type { RequestHandler } from "express";
import { checkStartArguments } from "../base/calls.js";
import { baseUrlOf } from "../config/base-url.js";
import { createCookieSession } from "../express/cookie-session.js";
import { GuardedSessionStore } from "../express/session-store.js";
import {
  createLogin,
  createStartLogin,
  createThirdPartyLogin,
  type StartLogin,
} from "../flow/1-login.js";
import { createCallback } from "../flow/2-callback.js";
import { createLogout } from "../flow/5-logout.js";
import { createBackchannelLogout } from "../flow/6-backchannel-logout.js";
import { createFrontchannelLogout } from "../flow/7-frontchannel-logout.js";
import { answerError, answering, type Handler } from "../http/answer.js";
import { atBaseUrl } from "../http/wrong-host.js";
import { limited } from "../http/limited.js";
import { expected } from "../http/unanswered.js";
import type { Endpoints } from "../http/routes.js";
import { createCheckSession } from "../pages/check-session.js";
import { createKeptForm } from "../pages/kept-form.js";
import { createSessionEvents } from "../pages/session-events.js";
import { createSessionStatus } from "../pages/session-status.js";
import { createLoginDone } from "../pages/login-done.js";
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

/** Creates `kit.startLogin`: what fails is answered as the kit's endpoints answer it; other errors reject. */
export function createAnsweredStart(parts: Parts): StartLogin {
  const start = createStartLogin(parts);
  const { watched } = parts;
  return (...given) =>
    new Promise((resolve, reject) => {
      checkStartArguments(given);
      const [req, res, options] = given;
      res.once("close", resolve);
      const answered = (): Promise<void> =>
        start(req, res, options).then(resolve, (error: unknown) => {
          answerError(parts, error, req, res, reject);
          if (res.closed) resolve();
        });
      if (watched.by === undefined) void answered();
      else watched.by(req, res, answered);
    });
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
  const { limits } = parts.config;
  return {
    login: expected(
      limited(
        limits.login,
        answered(atBaseUrl(parts.config, createLogin(parts))),
      ),
    ),
    initiateLogin: limited(
      limits.initiateLogin,
      answered(createThirdPartyLogin(parts)),
    ),
    callback: expected(
      limited(limits.callback, withSession(createCallback(parts))),
    ),
    logout: answered(logout),
    loggedOut: answered(loggedOut),
    session: answered(createSessionStatus(parts)),
    sessionEvents: answered(createSessionEvents(parts)),
    checkSession: answered(createCheckSession(parts)),
    keptForm: answered(createKeptForm(parts)),
    loginDone: answered(createLoginDone(parts)),
    // The provider asks here: it gets no page.
    backchannelLogout: limited(
      limits.backchannelLogout,
      answering({ ...parts, pages: false }, createBackchannelLogout(parts)),
    ),
    frontchannelLogout: answered(createFrontchannelLogout(parts)),
  };
}
