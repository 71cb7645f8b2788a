/** The sessions that browsers have at the test provider. */
import { createHash, randomUUID } from "node:crypto";

import { parseCookie } from "cookie";
import type { Request, Response } from "express";

import type { OpSession } from "./parties.js";
import type { Claims } from "./signed-token.js";
import { nowSeconds, type ProviderState } from "./state.js";

/** The session of the browser that sent this request. */
export function sessionOf(
  state: ProviderState,
  req: Request,
): OpSession | undefined {
  const value = parseCookie(req.headers.cookie ?? "")[sessionCookie(state)];
  return state.sessions.get(value ?? "");
}

/** Signs someone in. A session of the same user goes on, with a new `auth_time`. */
export function signIn(
  state: ProviderState,
  res: Response,
  { user, current }: { user: string; current: OpSession | undefined },
): OpSession {
  if (current?.sub === user) {
    current.authTime = nowSeconds();
    return current;
  }
  if (current) forget(state, current);
  const { value, session } = startSession(state, user);
  res.cookie(sessionCookie(state), value, { httpOnly: true, sameSite: "lax" });
  setBrowserState(state, res, session.browserState);
  return session;
}

/** Starts a session, with claims beside those that its user has. */
export function startSession(
  { sessions, users }: ProviderState,
  sub: string,
  claims: Claims = {},
): { readonly value: string; readonly session: OpSession } {
  const session: OpSession = {
    sid: randomUUID(),
    sub,
    claims: { ...users.get(sub), ...claims },
    authTime: nowSeconds(),
    browserState: randomUUID(),
    clients: new Set(),
    consents: new Set(),
  };
  const value = randomUUID();
  sessions.set(value, session);
  return { value, session };
}

/** Ends a session; the check-session iframe then answers "changed". */
export function endOpSession(
  state: ProviderState,
  res: Response,
  session: OpSession | undefined,
): void {
  if (session) forget(state, session);
  res.clearCookie(sessionCookie(state));
  setBrowserState(state, res, randomUUID());
}

/** The cookie that the check-session iframe reads. */
export function browserStateCookie(state: ProviderState): string {
  return `op_browser_state_${portOf(state)}`;
}

/** Session Management 1.0 section 3: what the relying party compares, and its salt. */
export function sessionStateOf(
  { browserState }: OpSession,
  clientId: string,
  redirectUri: string,
): string {
  const salt = randomUUID();
  const { origin } = new URL(redirectUri);
  const hash = createHash("sha256")
    .update([clientId, origin, browserState, salt].join(" "))
    .digest("hex");
  return `${hash}.${salt}`;
}

/** Ends a session that no browser is asking about. */
export function forget({ sessions }: ProviderState, gone: OpSession): void {
  for (const [value, session] of sessions) {
    if (session === gone) sessions.delete(value);
  }
}

function sessionCookie(state: ProviderState): string {
  return `op_session_${portOf(state)}`;
}

function setBrowserState(
  state: ProviderState,
  res: Response,
  browserState: string,
): void {
  // Not HttpOnly: the iframe has no other way to know.
  res.cookie(browserStateCookie(state), browserState, { sameSite: "lax" });
}

/** Cookies do not know ports: without it, two providers would share theirs. */
function portOf({ issuer }: ProviderState): string {
  return new URL(issuer).port;
}
