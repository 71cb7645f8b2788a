/** Notices handlers that are mounted in the wrong order, by a request that a guard refuses. */
import type { Request } from "express";
import { ConfigError } from "../base/errors.js";
import { askedPath } from "../config/base-url.js";
import type { Config } from "../config/config.js";
import { WITH_PROVIDER } from "../http/routes.js";
import type { CurrentLogin } from "../logins/current-login.js";
import { isKitStore } from "../logins/session-id.js";

/** Endpoints that are asked without a login, by their nature. */
const WITHOUT_LOGIN = [
  "login",
  "initiateLogin",
  "callback",
  "loggedOut",
  "backchannelLogout",
  "frontchannelLogout",
] as const;

/** Kits whose own session has been used. */
const ownSessions = new WeakSet<Config>();

/** Notes that the kit's own session is used, because none was there before. */
export function noteOwnSession(config: Config): void {
  ownSessions.add(config);
}

/** Whether something else than express-session has set `req.session` behind it. */
export function isReplaced({ session }: Request): boolean {
  // The type promises what only express-session brings; it unsets it itself.
  const found = session as Partial<Request["session"]> | null | undefined;
  return found != null && found.touch === undefined;
}

/**
 * Refuses to go round in circles. For a request in which a guard found no login:
 * one that was found is in the right session.
 *
 * @throws {ConfigError} where a guard stands before the kit's endpoints, or something else that sets `req.session` between them and a guard
 */
export async function refuseWrongOrder(
  req: Request,
  config: Config,
  currentLogin: CurrentLogin,
): Promise<void> {
  if (isAskedWithoutLogin(req, config)) {
    throw new ConfigError(
      [
        `a guard stands before the kit's endpoints and refuses ${req.method} ${askedPath(req, config)}, so nobody can sign in; write app.use(kit.routes) before app.use(kit.requireAuth())`,
      ],
      "kit.requireAuth",
    );
  }
  // The type promises what only express-session brings.
  const { sessionStore } = req as { readonly sessionStore?: object };
  if (sessionStore === undefined) return;
  if (isKitStore(sessionStore)) {
    if (!isReplaced(req)) return;
    throw new ConfigError(
      [
        "another package, such as cookie-session, sets req.session behind kit.session, so the guard looks at another session than the one that was signed in; leave that package out and use kit.session's req.session, or leave kit.session out: guards do not need it",
      ],
      "kit.requireAuth",
    );
  }
  if (!ownSessions.has(config)) return;
  const logins = await currentLogin.allOf(req);
  if (logins.length === 0) return;
  throw new ConfigError(
    [
      "the application's own express-session is mounted behind kit.routes, so the guard looks at another session than the one that was signed in; write app.use(session(...)) before app.use(kit.routes), or app.use(kit.session) in its place",
    ],
    "kit.requireAuth",
  );
}

function isAskedWithoutLogin(req: Request, config: Config): boolean {
  const asked = askedPath(req, config);
  return WITHOUT_LOGIN.some((name) => {
    const path = config.paths[name];
    if (asked === path) return true;
    if (!config.hasSeveralProviders || !WITH_PROVIDER.includes(name))
      return false;
    // Elsewhere below it the application may have pages of its own.
    return asked.slice(0, asked.lastIndexOf("/")) === path;
  });
}
