/** Which session a request belongs to, and the login id that follows from it. */
import { createHash } from "node:crypto";
import { parse } from "cookie";
import { unsign } from "cookie-signature";
import type { Request } from "express";
import type { Config } from "../config.js";

/** The mark that express-session puts before a signed id. */
const SIGNED = "s:";

/**
 * The id of the request's session.
 *
 * Where express-session ran before, its id counts: it has checked that the
 * session still exists. Elsewhere the signed cookie is read directly, which
 * spares a guarded route the loading of the whole session.
 */
export function sessionIdOf(req: Request, config: Config): string | undefined {
  // The type promises what only express-session brings.
  const { sessionID } = req as { sessionID?: string };
  return sessionID ?? signedCookie(req, config);
}

/**
 * The login id of a session id: the key of its record, and safe to log. It
 * cannot be turned back into the session id (SHA-256, 132 bits kept).
 */
export function loginIdOf(sessionId: string): string {
  return createHash("sha256")
    .update(sessionId)
    .digest("base64url")
    .slice(0, 22);
}

function signedCookie(
  req: Request,
  { session: { cookieName, secrets } }: Config,
): string | undefined {
  const header = req.headers.cookie;
  if (header === undefined) return undefined;
  const value = parse(header)[cookieName];
  if (value?.startsWith(SIGNED) !== true) return undefined;
  for (const secret of secrets) {
    const sessionId = unsign(value.slice(SIGNED.length), secret);
    if (sessionId !== false) return sessionId;
  }
  return undefined;
}
