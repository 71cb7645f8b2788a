/** What is kept for a browser now: its cookies, and the keys in the store. */
import { parse } from "cookie";
import type { Request } from "express";
import { isKitCookie } from "../base/cookie-names.js";
import { loginIdIn } from "../logins/session-id.js";
import type { Parts } from "../parts.js";
import type { Hide } from "./hide.js";
import type { Held } from "./model.js";
import { VIEWER_COOKIE } from "./viewers.js";

/** Looks at what is there now. */
export async function heldFor(
  req: Request,
  { config, currentLogin, loginStore, sessionBackend }: Parts,
  hide: Hide,
): Promise<Held> {
  const { cookieName } = config.session;
  const cookies = Object.entries(parse(req.headers.cookie ?? ""));
  const id = loginIdIn(req, config);
  const login = await currentLogin.find(req, { extend: false });
  const keys =
    id === undefined
      ? []
      : await loginStore.heldFor(id, login?.record.identity, sessionBackend);
  return {
    browser: cookies
      .filter(
        ([name]) =>
          isKitCookie(name, cookieName) || name.endsWith(VIEWER_COOKIE),
      )
      .map(([cookie, value = ""]) => ({
        cookie,
        what: whatIs(cookie, cookieName),
        value: hide(value),
      })),
    store: { name: storeName(config), keys },
  };
}

function whatIs(cookie: string, session: string): string {
  if (cookie === session) {
    return "The session: a random id, signed. It says nothing by itself.";
  }
  if (cookie.endsWith(VIEWER_COOKIE))
    return "The inspector: what to record for whom.";
  return cookie.startsWith(`${session}-login-`)
    ? "A login that is under way: it opens the sealed record with state, nonce and code verifier."
    : "A cookie of the login kit.";
}

function storeName({ redis, store }: Parts["config"]): string {
  if (redis !== undefined) return "Redis";
  return store === undefined
    ? "the memory of this process"
    : "the option store";
}
