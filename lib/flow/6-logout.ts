/** Ends the login here, then at the provider. */
import type { Request, Response } from "express";
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import type { LoginKitEmitter } from "../events.js";
import type { LoginStore } from "../login-store/login-store.js";
import type { EndSessionUrl } from "../provider/end-session.js";
import type { Secret } from "../secret.js";
import type { Handler } from "../session/answer.js";
import { refuseCrossSite } from "../session/cross-site.js";
import type { CurrentLogin } from "../session/current-login.js";
import { requireMethod } from "../session/method.js";
import { isPageLoad } from "../session/navigation.js";

/** What `logout` works with. */
export interface LogoutDeps {
  readonly config: Config;
  readonly currentLogin: CurrentLogin;
  readonly loginStore: LoginStore;
  readonly endSessionUrl: EndSessionUrl;
  readonly events: LoginKitEmitter;
}

/** The logout endpoint and the page the provider sends the browser back to. */
export interface LogoutHandlers {
  /** `POST /logout`: a page load is redirected, a fetch gets `{ "location": … }` to navigate to. */
  readonly logout: Handler;
  /** `GET /logged-out`: needs no session and trusts nothing in its address. */
  readonly loggedOut: Handler;
}

/** Creates both handlers (RP-Initiated Logout 1.0). */
export function createLogout(deps: LogoutDeps): LogoutHandlers {
  const { config, currentLogin } = deps;
  return {
    async logout(req, res) {
      requireMethod(req, "POST");
      refuseCrossSite(req, config.baseUrl);
      const hint = await idTokenHint(req, deps);
      // Here first, so that a provider that is down cannot keep the user signed in.
      await currentLogin.end(req, "logout");
      clearSessionCookie(res, config);
      const location =
        hint === undefined
          ? config.postLogoutReturnTo
          : await locationAfter(hint, deps);
      res.set({
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
      });
      if (isPageLoad(req)) res.redirect(303, location);
      else res.json({ location });
    },
    loggedOut(req, res) {
      requireMethod(req, "GET");
      res.set("Cache-Control", "no-store");
      res.redirect(303, config.postLogoutReturnTo);
    },
  };
}

async function idTokenHint(
  req: Request,
  { currentLogin, loginStore }: LogoutDeps,
): Promise<Secret | undefined> {
  const login = await currentLogin.find(req, { extend: false });
  if (login === undefined) return undefined;
  return (await loginStore.readTokens(login.id))?.tokens.idToken;
}

async function locationAfter(
  hint: Secret,
  { config, endSessionUrl, events }: LogoutDeps,
): Promise<string> {
  try {
    return (await endSessionUrl(hint))?.href ?? config.postLogoutReturnTo;
  } catch (error) {
    if (!(error instanceof LoginKitError)) throw error;
    // The login is over here; only the provider could not be told.
    events.emit("error", error);
    return config.postLogoutReturnTo;
  }
}

/** express-session never takes its cookie back. */
function clearSessionCookie(res: Response, config: Config): void {
  res.clearCookie(config.session.cookieName, {
    httpOnly: true,
    path: "/",
    sameSite: "lax",
    secure: config.secureCookies,
  });
}
