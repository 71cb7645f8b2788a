/** Lets a request through only with a live, strong enough login. */
import type { Request, RequestHandler, Response } from "express";
import { checkedRule, type AuthRule } from "../base/calls.js";
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import { localPath } from "../return-to.js";
import { answering, type AnswerDeps, type Handler } from "../session/answer.js";
import { isUnsafe, refuseCrossSite } from "../session/cross-site.js";
import type {
  CurrentLogin,
  LiveLogin,
  Login,
} from "../session/current-login.js";
import type { Closeable } from "../session/live-logins.js";
import type { LoginAttempts } from "../sign-in/login-attempts.js";
import { loginUrl, pageBehind } from "../session/login-url.js";
import { isPageRequest } from "../session/navigation.js";
import { isStrongEnough } from "../session/strength.js";
import type { ExpectAnswer } from "../session/unanswered.js";

/**
 * Creates guards.
 *
 * @throws {ConfigError} at once for a rule that cannot be understood
 */
export type RequireAuth = (
  ...given: readonly [rule?: AuthRule]
) => RequestHandler;

/** What `requireAuth` works with. */
export interface RequireAuthDeps {
  readonly config: Config;
  readonly currentLogin: CurrentLogin;
  readonly loginAttempts: LoginAttempts;
  readonly answer: AnswerDeps;
  readonly expectAnswer: ExpectAnswer;
  /** `req.oidc` of a live login. */
  readonly toLogin: (login: LiveLogin, connection: Closeable) => Login;
  readonly now: () => number;
}

/**
 * Creates `requireAuth`. Its guards refuse with `ERR_LOGIN_REQUIRED`,
 * `ERR_STRONGER_LOGIN_REQUIRED`, `ERR_CROSS_SITE_REQUEST` (unsafe methods) or
 * `ERR_STORE_UNAVAILABLE`; they never let a request through unchecked.
 */
export function createRequireAuth(deps: RequireAuthDeps): RequireAuth {
  const { config, currentLogin, loginAttempts, answer, toLogin, now } = deps;
  return function requireAuth(...given) {
    const rule = checkedRule(given);
    return answering(answer, async function guard(req, res, next) {
      forgetLogin(req);
      if (isUnsafe(req)) refuseCrossSite(req, config.baseUrl);
      const login = await currentLogin.find(req);
      // What depends on the session must not be stored by anyone in between.
      res.setHeader("Cache-Control", "no-store");
      if (login === undefined) {
        sendToLogin("ERR_LOGIN_REQUIRED", rule, req, res, deps);
      } else if (!isStrongEnough(login, rule, config, now())) {
        sendToLogin("ERR_STRONGER_LOGIN_REQUIRED", rule, req, res, deps);
      } else {
        loginAttempts.forget(req, res);
        req.oidc = toLogin(login, res);
        next();
      }
    });
  };
}

/** Creates a handler that sets `req.oidc` where there is a login and lets everyone through. */
export function createIdentify({
  currentLogin,
  loginAttempts,
  toLogin,
}: RequireAuthDeps): Handler {
  return async function identify(req, res, next) {
    forgetLogin(req);
    const login = await currentLogin.find(req);
    res.set("Cache-Control", "no-store");
    if (login !== undefined) {
      loginAttempts.forget(req, res);
      req.oidc = toLogin(login, res);
    }
    next();
  };
}

/** What another kit in this application has found is not this kit's. */
function forgetLogin(req: Request): void {
  if (req.oidc !== undefined) delete req.oidc;
}

function sendToLogin(
  code: "ERR_LOGIN_REQUIRED" | "ERR_STRONGER_LOGIN_REQUIRED",
  rule: AuthRule,
  req: Request,
  res: Response,
  { config, expectAnswer }: RequireAuthDeps,
): void {
  expectAnswer(req, config.paths.login);
  const redirect = wantsRedirect(rule, req);
  const address = loginUrl(
    config,
    redirect ? localPath(req.originalUrl) : pageBehind(req, config),
    code === "ERR_STRONGER_LOGIN_REQUIRED" ? rule : {},
  );
  if (!redirect) throw new LoginKitError(code, { loginUrl: address });
  res.redirect(303, address);
}

function wantsRedirect({ unauthenticated = "auto" }: AuthRule, req: Request) {
  return unauthenticated === "auto"
    ? isPageRequest(req)
    : unauthenticated === "redirect";
}
