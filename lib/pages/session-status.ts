/** Tells a single-page app whether there is a login, and extends it where the user wants that. */
import { LoginKitError } from "../base/errors.js";
import { baseUrlOf } from "../config/base-url.js";
import type { Handler } from "../http/answer.js";
import { refuseUnlessOwnPage } from "../http/cross-site.js";
import { loginUrl, pageBehind } from "../http/login-url.js";
import { requireMethod } from "../http/method.js";
import type { Parts } from "../parts.js";

/** The answer of `GET /session`. */
export type SessionStatus =
  | { readonly active: false; readonly login_url: string }
  | {
      readonly active: true;
      /** Those that the option `sessionClaims` names. */
      readonly claims: Readonly<Record<string, unknown>>;
      /** Until the login ends if it is not used again. */
      readonly seconds_left: number;
      /** Until it ends even if it is used. Not less than `seconds_left`. */
      readonly absolute_seconds_left: number;
      readonly logout_url: string;
    };

/** What the status endpoint works with. */
type StatusParts = Pick<
  Parts,
  "config" | "currentLogin" | "loginAttempts" | "now"
>;

/**
 * Creates `GET /session`, which does not extend the login, and `POST /session`,
 * which does: "stay signed in". Only pages of this application may ask for that,
 * and their helper does so only by the user's doing (browser/browser.ts).
 */
export function createSessionStatus({
  config,
  currentLogin,
  loginAttempts,
  now,
}: StatusParts): Handler {
  return async function sessionStatus(req, res) {
    requireMethod(req, "GET", "HEAD", "POST");
    const extend = req.method === "POST";
    if (extend) refuseUnlessOwnPage(req, baseUrlOf(req, config));
    const login = await currentLogin.find(req, { extend });
    if (extend && login === undefined) {
      throw new LoginKitError("ERR_LOGIN_REQUIRED", {
        loginUrl: loginUrl(config, pageBehind(req, config)),
      });
    }
    if (login !== undefined) loginAttempts.forget(req.headers.cookie, res);
    const status: SessionStatus =
      login === undefined
        ? { active: false, login_url: config.paths.login }
        : {
            active: true,
            claims: Object.fromEntries(
              Object.entries(login.record.identity.claims).filter(([name]) =>
                config.sessionClaims.includes(name),
              ),
            ),
            seconds_left: secondsUntil(login.expiresAt, now()),
            absolute_seconds_left: secondsUntil(login.record.endsAt, now()),
            logout_url: config.paths.logout,
          };
    res.set({
      "Cache-Control": "no-store",
      "Cross-Origin-Resource-Policy": "same-origin",
      "X-Content-Type-Options": "nosniff",
    });
    res.json(status);
  };
}

function secondsUntil(end: number, now: number): number {
  return Math.floor((end - now) / 1000);
}
