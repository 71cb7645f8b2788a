/** Tells a single-page app whether there is a login, and no token. */
import type { Parts } from "../parts.js";
import type { Handler } from "../http/answer.js";
import { requireMethod } from "../http/method.js";

/** The answer of `GET /session`. */
export type SessionStatus =
  | { readonly active: false; readonly login_url: string }
  | {
      readonly active: true;
      /** Those that the option `sessionClaims` names. */
      readonly claims: Readonly<Record<string, unknown>>;
      /** Until the login ends if it is not used again. */
      readonly seconds_left: number;
      readonly logout_url: string;
    };

/** What the status endpoint works with. */
type StatusParts = Pick<
  Parts,
  "config" | "currentLogin" | "loginAttempts" | "now"
>;

/** Creates `GET /session`. Asking does not extend the login. */
export function createSessionStatus({
  config,
  currentLogin,
  loginAttempts,
  now,
}: StatusParts): Handler {
  return async function sessionStatus(req, res) {
    requireMethod(req, "GET", "HEAD");
    const login = await currentLogin.find(req, { extend: false });
    if (login !== undefined) loginAttempts.forget(req, res);
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
            seconds_left: Math.floor((login.expiresAt - now()) / 1000),
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
