/** Ends the login here, then at the provider. */
import escapeHtml from "escape-html";
import type { Request, Response } from "express";
import { baseUrlOf } from "../config/base-url.js";
import type { Config } from "../config/config.js";
import type { Parts } from "../parts.js";
import { LoginKitError } from "../base/errors.js";
import type { EndedLogin } from "../stores/login-store.js";
import type { EndSessionRequest } from "../provider/end-session.js";
import type { Handler } from "../http/answer.js";
import { clearSessionCookie } from "../express/cookie-session.js";
import { refuseCrossSite } from "../http/cross-site.js";
import { requireMethod } from "../http/method.js";
import { isPageLoad } from "../http/navigation.js";
import { sendPage } from "../http/page.js";
import { ownerOf } from "../logins/login-owner.js";
import { witness } from "../telling/witness.js";
import { hasSessionCookie } from "../logins/session-id.js";
import { queryOf } from "../http/query.js";

/** Longest address that every server on the way takes, in characters. */
const MAX_URL = 4000;

/** What `logout` works with. */
type LogoutParts = Pick<
  Parts,
  | "config"
  | "knownProviders"
  | "currentLogin"
  | "signOut"
  | "loginAttempts"
  | "silence"
  | "providers"
  | "logoutRevocation"
  | "events"
>;

/** The logout endpoint and the page the provider sends the browser back to. */
export interface LogoutHandlers {
  /** `POST /logout`: a page load gets a page that goes on to the provider, a fetch gets `{ "location": … }` to navigate to. `GET` asks first. */
  readonly logout: Handler;
  /** `GET /logged-out`: needs no session. Its address says at most that tokens which are to be revoked need not wait any longer. */
  readonly loggedOut: Handler;
}

/** Creates both handlers (RP-Initiated Logout 1.0). */
export function createLogout(parts: LogoutParts): LogoutHandlers {
  const { config, signOut, loginAttempts, silence, logoutRevocation } = parts;
  return {
    async logout(req, res) {
      res.set("Cache-Control", "no-store");
      if (config.logoutByGet === "confirm") requireMethod(req, "GET", "POST");
      else requireMethod(req, "POST");
      if (req.method === "GET") {
        await askFirst(req, res, parts);
        return;
      }
      refuseCrossSite(req, baseUrlOf(req, config));
      // Here first, so that a provider that is down cannot keep the user signed in.
      const logins = await signOut(req);
      const [ended] = logins;
      // Who signs out was signed in.
      if (ended !== undefined) loginAttempts.forget(req.headers.cookie, res);
      clearSessionCookie(res, config);
      silence.signedOut(res);
      clearSiteData(res, config);
      res.set("Referrer-Policy", "no-referrer");
      // A login that ran out here may go on at the provider.
      const was = ended !== undefined || hasSessionCookie(req, config);
      const request = was ? await requestFor(req, ended, parts) : undefined;
      const ids = logins.map(({ id }) => id);
      // The provider ends its session while it still knows the client.
      if (request !== undefined) witness()?.leaves(request.url);
      if (request !== undefined) logoutRevocation.sentAway(request.state, ids);
      else await logoutRevocation.staysHere(ids);
      sendOn(req, res, request, config);
    },
    loggedOut(req, res) {
      requireMethod(req, "GET");
      res.set("Cache-Control", "no-store");
      const [state, ...more] = queryOf(req).getAll("state");
      if (state !== undefined && more.length === 0) {
        logoutRevocation.cameBack(state);
      }
      res.redirect(303, config.postLogoutReturnTo);
    },
  };
}

/**
 * A GET must not sign out: any page could make a browser send one. It may ask,
 * with a button that posts (RP-Initiated Logout 6, ASVS 3.5.3).
 */
async function askFirst(
  req: Request,
  res: Response,
  { config, currentLogin }: LogoutParts,
): Promise<void> {
  const login = await currentLogin.find(req, { extend: false });
  if (login === undefined) {
    res.redirect(303, config.postLogoutReturnTo);
    return;
  }
  // The button's request needs its Origin for browsers without Fetch Metadata.
  res.set("Referrer-Policy", "same-origin");
  sendPage(res, config, (say) => ({
    title: say("sign-out.title"),
    content: `<form method="post" action="${escapeHtml(config.paths.logout)}">
<p>${say("sign-out.text")}</p>
<p><button class="action">${say("action.sign-out")}</button></p>
</form>`,
    back: say("action.stay-signed-in"),
    forms: "here",
  }));
}

/** What the provider is to be asked; undefined when it cannot be. */
async function requestFor(
  req: Request,
  ended: EndedLogin | undefined,
  { config, knownProviders, providers, events }: LogoutParts,
): Promise<EndSessionRequest | undefined> {
  const { only } = knownProviders;
  try {
    const baseUrl = baseUrlOf(req, config);
    if (ended === undefined) {
      // Of several nobody knows which one it was.
      if (only === undefined) return undefined;
      return await (await providers.named(only.name)).endSession(baseUrl);
    }
    const { record, tokens } = ended;
    const provider = await providers.of(ownerOf(record.identity));
    return await provider.endSession(baseUrl, {
      claims: record.identity.claims,
      idToken: tokens?.newestIdToken ?? tokens?.idToken,
    });
  } catch (error) {
    if (!(error instanceof LoginKitError)) throw error;
    // The login is over here; only the provider could not be told.
    events.emit("error", error);
    return undefined;
  }
}

function sendOn(
  req: Request,
  res: Response,
  request: EndSessionRequest | undefined,
  config: Config,
): void {
  const { postLogoutReturnTo } = config;
  if (!isPageLoad(req)) {
    res.json({ location: locationOf(request) ?? postLogoutReturnTo });
  } else if (request === undefined) res.redirect(303, postLogoutReturnTo);
  else if (request.url.href.length <= MAX_URL)
    sendLink(res, config, request.url);
  else sendForm(res, config, request);
}

/** The address to navigate to; without the ID Token where that makes it too long. */
function locationOf(
  request: EndSessionRequest | undefined,
): string | undefined {
  if (request === undefined) return undefined;
  const url = new URL(request.url);
  if (url.href.length > MAX_URL) url.searchParams.delete("id_token_hint");
  return url.href;
}

/**
 * No redirect: Chromium holds the redirect of a form against the `form-action`
 * of the page with the button, and `'self'` is what helmet sends. A page that
 * goes on by itself is held against nothing.
 */
function sendLink(res: Response, config: Config, { href }: URL): void {
  res.set("Refresh", `0; url=${href}`);
  sendPage(res, config, (say) => ({
    title: say("signing-out.title"),
    content: `<p>${say("signing-out.text")}</p>
<p><a class="action" href="${escapeHtml(href)}">${say("action.continue")}</a></p>`,
  }));
}

/** A long ID Token goes by POST, which the endpoint takes as well (RP-Initiated Logout 2). */
function sendForm(
  res: Response,
  config: Config,
  { endpoint, parameters }: EndSessionRequest,
): void {
  const fields = [...parameters].map(
    ([name, value]) =>
      `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  sendPage(res, config, (say) => ({
    title: say("signing-out.title"),
    content: `<form method="post" action="${escapeHtml(endpoint.href)}">
${fields.join("\n")}
<p>${say("signing-out.text")}</p>
<p><button class="action">${say("action.continue")}</button></p>
</form>`,
    script: "document.forms[0].submit();",
    forms: "anywhere",
  }));
}

function clearSiteData(res: Response, { clearSiteData: kinds }: Config): void {
  if (kinds.length === 0) return;
  res.set("Clear-Site-Data", kinds.map((kind) => `"${kind}"`).join(", "));
}
