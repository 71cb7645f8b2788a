/** Tells a single-page app whether there is a login, and no token. */
import type { Config } from "../config.js";
import type { Handler } from "../session/answer.js";
import type { CurrentLogin } from "../session/current-login.js";
import type { LoginAttempts } from "../sign-in/login-attempts.js";
import { requireMethod } from "../session/method.js";

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
export interface SessionStatusDeps {
  readonly config: Config;
  readonly currentLogin: CurrentLogin;
  readonly loginAttempts: LoginAttempts;
  readonly now: () => number;
}

/** Creates `GET /session`. Asking does not extend the login. */
export function createSessionStatus({
  config,
  currentLogin,
  loginAttempts,
  now,
}: SessionStatusDeps): Handler {
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
