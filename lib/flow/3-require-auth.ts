/** Lets a request through only with a live, strong enough login. */
import type { Request, RequestHandler, Response } from "express";
import type { ForwardOptions } from "../base/calls.js";
import type { Config } from "../config/config.js";
import { isProviderName } from "../config/several-providers-options.js";
import type { Parts } from "../parts.js";
import { ConfigError, everydayRefusal } from "../base/errors.js";
import { localPath } from "../base/return-to.js";
import { answering, type Handler } from "../http/answer.js";
import { baseUrlOf, browserPath } from "../config/base-url.js";
import { isUnsafe, refuseCrossSite } from "../http/cross-site.js";
import { refuseWrongOrder } from "../express/mounting.js";
import { loginUrl, pageBehind } from "../http/login-url.js";
import { isPageRequest } from "../http/navigation.js";
import {
  checkedRule,
  type AuthRule,
  type CheckedRule,
} from "../logins/auth-rule.js";
import type { LiveLogin, Login } from "../logins/current-login.js";
import { sessionNamesIn } from "../logins/session-id.js";
import { lackOf, permissionMissing, type Lack } from "../logins/lacking.js";

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
  | "knownProviders"
  | "currentLogin"
  | "loginAttempts"
  | "scopeOnDemand"
  | "events"
  | "watched"
  | "expectAnswer"
  | "keptForms"
  | "loginFor"
  | "justFound"
  | "now"
>;

/** What lets requests through that a guard or `identify` has seen. */
export interface Guards {
  readonly requireAuth: RequireAuth;
  /** Sets `req.oidc` where there is a login, and lets everyone through. */
  readonly identify: Handler;
}

/**
 * Creates `requireAuth` and `identify`. Guards refuse with `ERR_LOGIN_REQUIRED`,
 * `ERR_STRONGER_LOGIN_REQUIRED`, `ERR_MORE_SCOPE_REQUIRED`,
 * `ERR_PERMISSION_MISSING`, `ERR_CROSS_SITE_REQUEST` (unsafe methods) or
 * `ERR_STORE_UNAVAILABLE`; they never let a request through unchecked.
 *
 * @param forward makes the handler of the rule's `forward`
 */
export function createGuards(
  parts: GuardParts,
  forward: (resourceServer: string, options?: ForwardOptions) => Handler,
): Guards {
  const { config, currentLogin, loginAttempts, scopeOnDemand } = parts;
  const { loginFor, justFound } = parts;
  return {
    requireAuth(...given) {
      const rule = checkedRule(given);
      refuseUnknownProvider(rule, config);
      scopeOnDemand.name(rule.scope ?? []);
      const goOn = goingOn(rule, forward);
      return answering(parts, async function guard(req, res, next) {
        const { oidc } = req;
        const known = justFound(oidc, res);
        if (oidc !== undefined) forgetLogin(req);
        if (isUnsafe(req)) refuseCrossSite(req, baseUrlOf(req, config));
        const names = sessionNamesIn(req);
        const live = known?.live ?? (await currentLogin.find(req, { names }));
        // What depends on the session must not be stored by anyone in between.
        res.setHeader("Cache-Control", "no-store");
        const lack = lackOf(live, rule, parts.now());
        if (live === undefined || lack !== undefined) {
          if (live === undefined) {
            await refuseWrongOrder(req, config, currentLogin);
          }
          const lacking = lack ?? { code: "ERR_LOGIN_REQUIRED" };
          await refuse({ ...lacking, login: live, rule }, req, res, parts);
          return;
        }
        const login = loginFor(live, res, known?.foundAt);
        if (rule.allow !== undefined) await askApplication(rule, login, req);
        loginAttempts.forget(names.cookie, res);
        req.oidc = login;
        return goOn(req, res, next);
      });
    },
    async identify(req, res, next) {
      const { oidc } = req;
      const known = justFound(oidc, res);
      if (oidc !== undefined) forgetLogin(req);
      const names = sessionNamesIn(req);
      const login = known?.live ?? (await currentLogin.find(req, { names }));
      res.set("Cache-Control", "no-store");
      if (login !== undefined) {
        loginAttempts.forget(names.cookie, res);
        req.oidc = loginFor(login, res, known?.foundAt);
      }
      next();
    },
  };
}

/** What happens to a request that is let through. */
function goingOn(
  { forward: to }: CheckedRule,
  forward: (resourceServer: string, options?: ForwardOptions) => Handler,
): Handler {
  if (to === undefined) {
    return (_req, _res, next) => {
      next();
    };
  }
  if (typeof to === "string") return forward(to);
  const { resourceServer, ...options } = to;
  return forward(resourceServer, options);
}

/** A rule that no login could fulfil stops the start. */
function refuseUnknownProvider(
  { provider }: CheckedRule,
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

/** @throws {LoginKitError} `ERR_PERMISSION_MISSING` for anything but `true` */
async function askApplication(
  { allow }: CheckedRule,
  login: Login,
  req: Request,
): Promise<void> {
  const answer: unknown = await allow?.(login, req);
  if (answer === true) return;
  throw permissionMissing(
    { allow: true },
    answer === false
      ? undefined
      : `it gave ${answer === null ? "null" : typeof answer}, and only true lets a request through`,
  );
}

/** What another kit in this application has found is not this kit's. */
function forgetLogin(req: Request): void {
  delete req.oidc;
}

/** A request that is not let through. */
interface Refused extends Lack {
  readonly login: LiveLogin | undefined;
  readonly rule: CheckedRule;
}

/** @throws {LoginKitError} where the browser is not sent to login */
async function refuse(
  { code, missing, hint, login, rule }: Refused,
  req: Request,
  res: Response,
  parts: GuardParts,
): Promise<void> {
  const { config, expectAnswer, keptForms } = parts;
  // No login brings a role; scope may be granted after all.
  if (missing !== undefined && missing.scope === undefined) {
    throw permissionMissing(missing, hint);
  }
  expectAnswer(req, config.paths.login);
  const redirect = wantsRedirect(rule, req);
  const isMore = code !== "ERR_LOGIN_REQUIRED";
  const provider = rule.provider ?? (isMore ? login?.provider.name : undefined);
  const addressBackTo = (returnTo: string | undefined): string =>
    loginUrl(config, returnTo, {
      ...(isMore && rule),
      scope: scopeFor(isMore ? login : undefined, rule, parts),
      ...(config.hasSeveralProviders && { provider }),
    });
  const keeps = rule.keepsForm === true && missing === undefined;
  if (keeps && (await keptForms.keep(req, res, addressBackTo))) return;
  const address = addressBackTo(
    redirect
      ? localPath(browserPath(req.originalUrl, config))
      : pageBehind(req, config),
  );
  if (missing !== undefined) {
    throw permissionMissing(missing).with({ loginUrl: address });
  }
  if (!redirect) throw everydayRefusal(code, { loginUrl: address });
  res.redirect(303, address);
}

/** What is asked for beside the configured scope: what is wanted, and what was granted on demand before. */
function scopeFor(
  login: LiveLogin | undefined,
  { scope = [] }: CheckedRule,
  { knownProviders, scopeOnDemand }: GuardParts,
): string[] {
  const provider = login?.provider ?? knownProviders.only;
  const configured = provider?.scope.split(" ") ?? [];
  const granted = (login?.record.scope ?? "").split(" ").filter(Boolean);
  const others = scopeOnDemand.unnamed(granted);
  const before = granted.filter((value) => !others.includes(value));
  return [...new Set([...before, ...scope])].filter(
    (value) => !configured.includes(value),
  );
}

function wantsRedirect(
  { unauthenticated = "auto" }: CheckedRule,
  req: Request,
) {
  return unauthenticated === "auto"
    ? isPageRequest(req)
    : unauthenticated === "redirect";
}
