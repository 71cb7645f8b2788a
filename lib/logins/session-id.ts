/** Which session a request belongs to, and the login id that follows from it. */
import { createHash } from "node:crypto";
import { parse } from "cookie";
import { unsign } from "cookie-signature";
import type { IncomingMessage } from "node:http";
import { BoundedMap } from "../base/bounded-map.js";
import type { Config } from "../config/config.js";

/** A request whose headers are enough: also one that asks for an upgrade. */
export type RequestHead = Pick<IncomingMessage, "headers">;

/** Which kit an express-session store belongs to; an application's own belongs to none. */
const kitOfStore = new WeakMap<object, Config>();

/** Sessions that were read from a kit's store, or written there. */
const known = new WeakSet();

/** Notes that a kit's store knows this session. */
export function noteSession(session: object): void {
  known.add(session);
}

/** Whether a store may know this session. The application's own may know any. */
export function mayBeStored(store: object, session: object): boolean {
  return !isKitStore(store) || known.has(session);
}

/** Whether the sessions of a store are those of a kit, and not an application's own. */
export function isKitStore(store: object): boolean {
  return kitOfStore.has(store);
}

/** Notes that the sessions of this store are those of a kit. */
export function noteSessionStore(store: object, config: Config): void {
  kitOfStore.set(store, config);
}

/** Whether the session that is on this request is another kit's: it says nothing about this kit's logins. */
export function hasForeignSession(req: RequestHead, config: Config): boolean {
  const { sessionStore } = req as RequestHead & { sessionStore?: object };
  if (sessionStore === undefined) return false;
  const kit = kitOfStore.get(sessionStore);
  return kit !== undefined && kit !== config;
}

/** The mark that express-session puts before a signed id. */
const SIGNED = "s:";

/**
 * The id of the request's session.
 *
 * Where express-session ran before, its id counts: it has checked that the
 * session still exists. One that it has just made belongs to no login. Elsewhere the signed cookie is read directly, which
 * spares a guarded route the loading of the whole session. That of another
 * kit in the same application does not count.
 */
export function sessionIdOf(
  req: RequestHead,
  config: Config,
): string | undefined {
  // The type promises what only express-session brings.
  const { sessionID, sessionStore, session } = req as RequestHead & {
    sessionID?: string;
    sessionStore?: object;
    session?: object;
  };
  if (sessionID === undefined || hasForeignSession(req, config)) {
    return signedCookie(req, config);
  }
  const isNew =
    sessionStore !== undefined &&
    session !== undefined &&
    !mayBeStored(sessionStore, session);
  return isNew ? undefined : sessionID;
}

/** Whether the browser has had a session here, alive or not. */
export function hasSessionCookie(req: RequestHead, config: Config): boolean {
  return signedCookie(req, config) !== undefined;
}

/** All sessions that the request names: express-session's, and the cookie's where express-session found it lost. */
export function sessionIdsOf(
  req: RequestHead,
  config: Config,
): ReadonlySet<string> {
  const ids = [sessionIdOf(req, config), signedCookie(req, config)];
  return new Set(ids.filter((id) => id !== undefined));
}

/** How many sessions are remembered with their checked cookies and login ids. */
const MAX_REMEMBERED = 10_000;

const loginIds = new BoundedMap<string>(MAX_REMEMBERED);

/**
 * The login id of a session id: the key of its record, and safe to log. It
 * cannot be turned back into the session id (SHA-256, 132 bits kept).
 */
export function loginIdOf(sessionId: string): string {
  let loginId = loginIds.get(sessionId);
  if (loginId === undefined) {
    const hash = createHash("sha256").update(sessionId);
    loginId = hash.digest("base64url").slice(0, 22);
    loginIds.set(sessionId, loginId);
  }
  return loginId;
}

/** Session ids by signed value. Secrets do not change during the life of a configuration. */
const checked = new WeakMap<Config, BoundedMap<string>>();

function signedCookie(req: RequestHead, config: Config): string | undefined {
  const header = req.headers.cookie;
  if (header === undefined) return undefined;
  const value = parse(header)[config.session.cookieName];
  if (value?.startsWith(SIGNED) !== true) return undefined;
  let ofKit = checked.get(config);
  if (ofKit === undefined) {
    ofKit = new BoundedMap(MAX_REMEMBERED);
    checked.set(config, ofKit);
  }
  const checkedId = ofKit.get(value);
  if (checkedId !== undefined) return checkedId;
  const sessionId = unsigned(value, config);
  if (sessionId !== undefined) ofKit.set(value, sessionId);
  return sessionId;
}

function unsigned(
  value: string,
  { session: { secrets } }: Config,
): string | undefined {
  for (const secret of secrets) {
    const sessionId = unsign(value.slice(SIGNED.length), secret);
    if (sessionId !== false) return sessionId;
  }
  return undefined;
}
