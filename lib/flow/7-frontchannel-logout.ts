/** Ends logins when the provider loads an address of ours in a frame (Front-Channel Logout 1.0). */
import type { Request } from "express";
import type { Parts } from "../parts.js";
import { LoginKitError } from "../base/errors.js";
import type { LoginGroup } from "../stores/login-store.js";
import type { Handler } from "../http/answer.js";
import { clearSessionCookie } from "../express/cookie-session.js";
import { requireMethod } from "../http/method.js";
import { providerNameIn } from "../http/provider-name.js";
import { queryOf } from "../http/query.js";
import type { Provider } from "../provider/provider.js";
import { loginIdsIn } from "../logins/session-id.js";

/** What the front-channel endpoint works with. */
type FrontchannelParts = Pick<
  Parts,
  "config" | "providers" | "loginStore" | "userLogins" | "events"
>;

/**
 * Creates the endpoint for `frontchannel_logout_uri`.
 *
 * Browsers send no SameSite=Lax cookie from a frame of another site, so the
 * login is found by `sid`, which only the provider and its relying parties
 * know. Without both `iss` and `sid` nothing ends: any page could load the
 * address. For that reason nothing is written for a `sid` that is not known,
 * and a login that is just being completed is not ended.
 */
export function createFrontchannelLogout(parts: FrontchannelParts): Handler {
  const { config, providers, userLogins, events } = parts;
  return async function frontchannelLogout(req, res) {
    res.set("Cache-Control", "no-store");
    requireMethod(req, "GET");
    const query = queryOf(req);
    const [issuer, ...moreIssuers] = query.getAll("iss");
    const [providerSessionId, ...more] = query.getAll("sid");
    const name = providerNameIn(req, config.paths.frontchannelLogout, config);
    const meant = await providers.issuing(issuer ?? "", name);
    if (
      issuer === undefined ||
      moreIssuers.length > 0 ||
      meant.length === 0 ||
      providerSessionId === undefined ||
      more.length > 0
    ) {
      throw new LoginKitError("ERR_LOGOUT_REQUEST_INVALID");
    }
    let isOwn = false;
    let ended = 0;
    for (const { config: provider } of meant) {
      const group = { provider: provider.name, issuer, providerSessionId };
      isOwn ||= await isIn(group, req, parts);
      ended += await userLogins.endAll(group, "provider_logout");
    }
    events.emit("logout.received", { channel: "front", ended });
    if (isOwn) clearSessionCookie(res, config);
    // Whatever the application's own headers say: the provider frames this.
    res.removeHeader("X-Frame-Options");
    res.set({
      "Content-Security-Policy": `default-src 'none'; frame-ancestors ${(await originsOf(issuer, meant)).join(" ")}`,
      "Cross-Origin-Resource-Policy": "cross-origin",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    });
    res.type("html");
    res.send(
      '<!doctype html>\n<html lang="en">\n<title>Signed out</title>\n<p>Signed out.</p>\n</html>\n',
    );
  };
}

/** Whether the request's own login is one of a group. */
async function isIn(
  group: LoginGroup & { readonly providerSessionId: string },
  req: Request,
  { config, loginStore }: FrontchannelParts,
): Promise<boolean> {
  const own = [...loginIdsIn(req, config)];
  if (own.length === 0) return false;
  const ids = await loginStore.loginsOf(group);
  if (own.some((id) => ids.includes(id))) return true;
  // It may have ended a moment ago, by a request that could not be answered.
  const remains = await Promise.all(own.map((id) => loginStore.remainsOf(id)));
  return remains.some(
    (login) =>
      login?.record.identity.provider === group.provider &&
      login.record.identity.claims.iss === group.issuer &&
      login.record.identity.providerSessionId === group.providerSessionId,
  );
}

/** Where the provider's logout pages may be. */
async function originsOf(
  issuer: string,
  providers: readonly Provider[],
): Promise<readonly string[]> {
  const known = [issuer];
  for (const provider of providers) {
    try {
      const { endSession } = await provider.pages();
      if (endSession !== undefined) known.push(endSession);
    } catch (error) {
      // The logins are over; only the frame may stay blank.
      if (!(error instanceof LoginKitError)) throw error;
    }
  }
  return [...new Set(known.map((address) => new URL(address).origin))];
}
