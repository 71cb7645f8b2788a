/** Lets a request through only with a live, strong enough login. */
import type { Request, RequestHandler, Response } from "express";
import { checkedRule, type AuthRule } from "../base/calls.js";
import type { Config } from "../config/config.js";
import { isProviderName } from "../config/several-providers-options.js";
import type { Parts } from "../parts.js";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { localPath } from "../base/return-to.js";
import { answering, type Handler } from "../http/answer.js";
import { baseUrlOf, browserPath } from "../config/base-url.js";
import { isUnsafe, refuseCrossSite } from "../http/cross-site.js";
import { loginUrl, pageBehind } from "../http/login-url.js";
import { isPageRequest } from "../http/navigation.js";
import type { LiveLogin } from "../logins/current-login.js";
import { isStrongEnough } from "../logins/strength.js";

/**
 * Creates guards.
 *
 * @throws {ConfigError} at once for a rule that cannot be understood
 */
export type RequireAuth = (
  ...given: readonly [rule?: AuthRule]
) => RequestHandler;

/** What a login can lack. */
type Refusal = "ERR_LOGIN_REQUIRED" | "ERR_STRONGER_LOGIN_REQUIRED";

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
    refuseUnknownProvider(rule, config);
    return answering(parts, async function guard(req, res, next) {
      forgetLogin(req);
      if (isUnsafe(req)) refuseCrossSite(req, baseUrlOf(req, config));
      const login = await currentLogin.find(req);
      // What depends on the session must not be stored by anyone in between.
      res.setHeader("Cache-Control", "no-store");
      const refusal = refusalOf(login, rule, now());
      if (login === undefined || refusal !== undefined) {
        const code = refusal ?? "ERR_LOGIN_REQUIRED";
        sendToLogin(code, login, rule, req, res, parts);
        return;
      }
      loginAttempts.forget(req, res);
      req.oidc = loginFor(login, res);
      next();
    });
  };
}

/** A rule that no login could fulfil stops the start. */
function refuseUnknownProvider(
  { provider }: AuthRule,
  { providers, findProvider, hasSeveralProviders }: Config,
): void {
  if (provider === undefined || providers.has(provider)) return;
  if (findProvider !== undefined && isProviderName(provider)) return;
  throw new ConfigError(
    [
      hasSeveralProviders
        ? `provider: there is none with the name ${provider}; there are ${[...providers.keys()].join(", ")}`
        : "provider: there is one provider, and it has no name; leave it out, or set the option providers",
    ],
    "kit.requireAuth",
  );
}

/** Why a login is not let in; undefined: it is. */
function refusalOf(
  login: LiveLogin | undefined,
  rule: AuthRule,
  now: number,
): Refusal | undefined {
  if (login === undefined) return "ERR_LOGIN_REQUIRED";
  const { provider = login.provider.name } = rule;
  // A user of another provider is somebody else.
  if (provider !== login.provider.name) return "ERR_LOGIN_REQUIRED";
  return isStrongEnough(login, rule, now)
    ? undefined
    : "ERR_STRONGER_LOGIN_REQUIRED";
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
  code: Refusal,
  login: LiveLogin | undefined,
  rule: AuthRule,
  req: Request,
  res: Response,
  { config, expectAnswer }: GuardParts,
): void {
  expectAnswer(req, config.paths.login);
  const redirect = wantsRedirect(rule, req);
  const isWeak = code === "ERR_STRONGER_LOGIN_REQUIRED";
  const provider = rule.provider ?? (isWeak ? login?.provider.name : undefined);
  const address = loginUrl(
    config,
    redirect
      ? localPath(browserPath(req.originalUrl, config))
      : pageBehind(req, config),
    {
      ...(isWeak && rule),
      ...(config.hasSeveralProviders && { provider }),
    },
  );
  if (!redirect) throw new LoginKitError(code, { loginUrl: address });
  res.redirect(303, address);
}

function wantsRedirect({ unauthenticated = "auto" }: AuthRule, req: Request) {
  return unauthenticated === "auto"
    ? isPageRequest(req)
    : unauthenticated === "redirect";
}
