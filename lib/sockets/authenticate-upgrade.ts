/** Lets a WebSocket through only with a live login, and closes it when the login ends. */
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Config } from "../config/config.js";
import type { Parts } from "../parts.js";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { baseUrlOf } from "../config/base-url.js";
import { CSRF_HEADER } from "../http/cross-site.js";
import { loginUrl } from "../http/login-url.js";
import {
  checkedUpgradeRule,
  type CheckedRule,
  type UpgradeRule,
} from "../logins/auth-rule.js";
import type { Login } from "../logins/current-login.js";
import { lackOf, permissionMissing, type Lack } from "../logins/lacking.js";
import { createRefuseUpgrade } from "./refuse-upgrade.js";

/** What the application has for saying goodbye when a login ends, in milliseconds. */
const GOODBYE = 250;

/**
 * Checks the request of a server's `upgrade` event: same origin, live login, and
 * what the rule asks of it, as `requireAuth` does.
 *
 * Undefined: it was refused, the refusal is sent and the socket closed; do
 * nothing more. Otherwise the login: its `signal` is aborted when it ends, and
 * the socket is closed a quarter of a second later, so that the application
 * can send a close frame first. Rejects with `ERR_CONFIG`, and closes the
 * socket, where it is itself a listener or a handler of Express.
 */
export type AuthenticateUpgrade = (
  req: IncomingMessage,
  rule?: UpgradeRule,
) => Promise<Login | undefined>;

/** What `authenticateUpgrade` works with. */
type GuardParts = Pick<
  Parts,
  | "config"
  | "currentLogin"
  | "loginFor"
  | "events"
  | "watched"
  | "now"
  | "scopeOnDemand"
>;

/** Creates `kit.authenticateUpgrade`. */
export function createAuthenticateUpgrade(
  parts: GuardParts,
): AuthenticateUpgrade {
  const { config, currentLogin, loginFor, now, scopeOnDemand } = parts;
  const refuseUpgrade = createRefuseUpgrade(parts);
  return async function authenticateUpgrade(
    req: IncomingMessage | undefined,
    ...given: readonly unknown[]
  ) {
    if (req === undefined) throw misused();
    const { socket } = req;
    let rule: CheckedRule;
    try {
      rule = ruleOf(given);
      scopeOnDemand.name(rule.scope ?? []);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    // Nobody else listens between the event and the upgrade.
    socket.on("error", () => undefined);
    try {
      refuseForeignOrigin(req, config);
      const live = await currentLogin.find(req);
      const lack = lackOf(live, rule, now());
      if (live === undefined || lack !== undefined) {
        throw refusalFor(lack ?? { code: "ERR_LOGIN_REQUIRED" }, rule, config);
      }
      const login = loginFor(live, socket);
      login.signal.addEventListener(
        "abort",
        () => {
          setTimeout(() => socket.destroy(), GOODBYE);
        },
        { once: true },
      );
      return login;
    } catch (error) {
      if (!(error instanceof LoginKitError)) {
        socket.destroy();
        throw error;
      }
      refuseUpgrade(req, error);
      return undefined;
    }
  };
}

/** The rule that stands behind the request. A listener of the server would be handed a socket there, a handler a response. */
function ruleOf([rule, ...others]: readonly unknown[]): CheckedRule {
  if (others.length > 0 || rule instanceof EventEmitter) throw misused();
  return checkedUpgradeRule("kit.authenticateUpgrade", rule);
}

/** What a page can do is to sign in again, with what was lacking. */
function refusalFor(
  { code, missing, hint }: Lack,
  rule: CheckedRule,
  config: Config,
): LoginKitError {
  if (missing !== undefined) return permissionMissing(missing, hint);
  return new LoginKitError(code, {
    loginUrl: loginUrl(
      config,
      undefined,
      code === "ERR_LOGIN_REQUIRED" ? {} : rule,
    ),
  });
}

/** As a listener or handler of its own it would answer nobody, and nobody would wait for what it finds. */
function misused(): ConfigError {
  return new ConfigError(
    [
      'takes the request, and a rule if there is one, and its result must be waited for: server.on("upgrade", async (req, socket, head) => { const login = await kit.authenticateUpgrade(req); ... })',
    ],
    "kit.authenticateUpgrade",
  );
}

/**
 * Browsers let any page open a WebSocket to anywhere, cookies included, and
 * always say which page it was (RFC 6455 10.2).
 */
function refuseForeignOrigin(req: IncomingMessage, config: Config): void {
  const { headers } = req;
  const { origin } = headers;
  const baseUrl = baseUrlOf(req, config);
  const isOurs =
    origin === undefined
      ? headers[CSRF_HEADER] !== undefined
      : origin === baseUrl;
  if (!isOurs) throw new LoginKitError("ERR_CROSS_SITE_REQUEST");
}
