/** Lets a request through only with a live, strong enough login. */
import type { Request, RequestHandler, Response } from "express";
import { checkedRule, type AuthRule } from "../base/calls.js";
import type { Parts } from "../parts.js";
import { LoginKitError } from "../base/errors.js";
import { localPath } from "../base/return-to.js";
import { answering, type Handler } from "../http/answer.js";
import { isUnsafe, refuseCrossSite } from "../http/cross-site.js";
import { loginUrl, pageBehind } from "../http/login-url.js";
import { isPageRequest } from "../http/navigation.js";
import { isStrongEnough } from "../logins/strength.js";

/**
 * Creates guards.
 *
 * @throws {ConfigError} at once for a rule that cannot be understood
 */
export type RequireAuth = (
  ...given: readonly [rule?: AuthRule]
) => RequestHandler;

/** What a guard works with. */
type GuardParts = Pick<
  Parts,
  | "config"
  | "currentLogin"
  | "loginAttempts"
  | "events"
  | "expectAnswer"
  | "loginFor"
  | "now"
>;

/**
 * Creates `requireAuth`. Its guards refuse with `ERR_LOGIN_REQUIRED`,
 * `ERR_STRONGER_LOGIN_REQUIRED`, `ERR_CROSS_SITE_REQUEST` (unsafe methods) or
 * `ERR_STORE_UNAVAILABLE`; they never let a request through unchecked.
 */
export function createRequireAuth(parts: GuardParts): RequireAuth {
  const { config, currentLogin, loginAttempts, loginFor, now } = parts;
  return function requireAuth(...given) {
    const rule = checkedRule(given);
    return answering(parts, async function guard(req, res, next) {
      forgetLogin(req);
      if (isUnsafe(req)) refuseCrossSite(req, config.baseUrl);
      const login = await currentLogin.find(req);
      // What depends on the session must not be stored by anyone in between.
      res.setHeader("Cache-Control", "no-store");
      if (login === undefined) {
        sendToLogin("ERR_LOGIN_REQUIRED", rule, req, res, parts);
      } else if (!isStrongEnough(login, rule, config, now())) {
        sendToLogin("ERR_STRONGER_LOGIN_REQUIRED", rule, req, res, parts);
      } else {
        loginAttempts.forget(req, res);
        req.oidc = loginFor(login, res);
        next();
      }
    });
  };
}

/** Creates a handler that sets `req.oidc` where there is a login and lets everyone through. */
export function createIdentify({
  currentLogin,
  loginAttempts,
  loginFor,
}: GuardParts): Handler {
  return async function identify(req, res, next) {
    forgetLogin(req);
    const login = await currentLogin.find(req);
    res.set("Cache-Control", "no-store");
    if (login !== undefined) {
      loginAttempts.forget(req, res);
      req.oidc = loginFor(login, res);
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
  { config, expectAnswer }: GuardParts,
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
