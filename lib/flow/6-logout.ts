/** Ends the login here, then at the provider. */
import type { Request, Response } from "express";
import type { Config } from "../config.js";
import { withinDeadline } from "../deadline.js";
import { LoginKitError } from "../errors.js";
import type { LoginKitEmitter } from "../events.js";
import type { LoginStore, TokenSet } from "../login-store/login-store.js";
import type { EndSessionUrl } from "../provider/end-session.js";
import type { TokenRequests } from "../provider/token-requests.js";
import type { Secret } from "../secret.js";
import type { Handler } from "../session/answer.js";
import { refuseCrossSite } from "../session/cross-site.js";
import {
  subjectOf,
  type CurrentLogin,
  type LiveLogin,
} from "../session/current-login.js";
import { requireMethod } from "../session/method.js";
import { isPageLoad } from "../session/navigation.js";

/** How long a sign-out waits for the revocation, in milliseconds. */
const REVOKE_WITHIN = 2000;

/** What `logout` works with. */
export interface LogoutDeps {
  readonly config: Config;
  readonly currentLogin: CurrentLogin;
  readonly loginStore: LoginStore;
  readonly endSessionUrl: EndSessionUrl;
  readonly tokenRequests: TokenRequests;
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
      const ending = await loginToEnd(req, deps);
      // Here first, so that a provider that is down cannot keep the user signed in.
      await currentLogin.end(req, "logout");
      clearSessionCookie(res, config);
      if (ending !== undefined) await revoke(ending, deps);
      const location =
        ending === undefined
          ? config.postLogoutReturnTo
          : await locationAfter(ending.tokens.idToken, deps);
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

interface EndingLogin {
  readonly login: LiveLogin;
  readonly tokens: TokenSet;
}

async function loginToEnd(
  req: Request,
  { currentLogin, loginStore }: LogoutDeps,
): Promise<EndingLogin | undefined> {
  const login = await currentLogin.find(req, { extend: false });
  if (login === undefined) return undefined;
  const stored = await loginStore.readTokens(login.id);
  return stored && { login, tokens: stored.tokens };
}

/** The tokens are gone here; the provider is told, but not for longer than a user waits. */
async function revoke(
  { login, tokens }: EndingLogin,
  { tokenRequests, events }: LogoutDeps,
): Promise<void> {
  try {
    await withinDeadline(
      tokenRequests.revoke(tokens),
      REVOKE_WITHIN,
      () =>
        new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
          message: "the revocation takes longer than a user waits",
        }),
    );
  } catch (error) {
    if (!(error instanceof LoginKitError)) throw error;
    events.emit("token.revocation_failed", {
      ...subjectOf(login.id, login.record.identity),
      code: error.code,
    });
  }
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
