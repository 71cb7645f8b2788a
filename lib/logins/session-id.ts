/** Which login a request belongs to: what its session's id stands for. */
import { hash } from "node:crypto";
import { parse } from "cookie";
import { unsign } from "cookie-signature";
import type { IncomingMessage } from "node:http";
import { BoundedMap } from "../base/bounded-map.js";
import { Secret } from "../base/secret.js";
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

/** The texts of a request that name sessions. */
export interface SessionNames {
  /** The id of the session that express-session has put on the request. */
  readonly sessionId: string | undefined;
  /** The header `Cookie`. */
  readonly cookie: string | undefined;
}

/**
 * What names the sessions of a request, for whoever keeps it: what holds the
 * request itself keeps all that hangs on it through the next garbage
 * collections, which takes them longer than the guard.
 */
export function sessionNamesIn(req: RequestHead): SessionNames {
  // The type promises what only express-session brings. One look where it did
  // not run: what is looked for and not there costs most.
  const { sessionID } = req as RequestHead & { readonly sessionID?: string };
  return { sessionId: sessionID, cookie: req.headers.cookie };
}

/**
 * The id of the request's login.
 *
 * Where express-session ran before, its session counts: it has checked that
 * this still exists. One that it has just made belongs to no login. Elsewhere
 * the signed cookie is read directly, which spares a guarded route the loading
 * of the whole session. The session of another kit in the same application does
 * not count.
 *
 * @param names of this request
 */
export function loginIdIn(
  req: RequestHead,
  config: Config,
  { sessionId, cookie }: SessionNames = sessionNamesIn(req),
): string | undefined {
  if (sessionId === undefined || hasForeignSession(req, config)) {
    return loginIdInCookie(cookie, config);
  }
  const { sessionStore, session } = req as RequestHead & {
    sessionStore?: object;
    session?: object;
  };
  const isNew =
    sessionStore !== undefined &&
    session !== undefined &&
    !mayBeStored(sessionStore, session);
  return isNew ? undefined : loginIdOf(sessionId);
}

/** Whether the browser has had a session here, alive or not. */
export function hasSessionCookie(req: RequestHead, config: Config): boolean {
  return loginIdInCookie(req.headers.cookie, config) !== undefined;
}

/** The ids of all logins that the request names: express-session's, and the cookie's where express-session found it lost. `names` are those of this request. */
export function loginIdsIn(
  req: RequestHead,
  config: Config,
  names: SessionNames = sessionNamesIn(req),
): ReadonlySet<string> {
  const ids = [
    loginIdIn(req, config, names),
    loginIdInCookie(names.cookie, config),
  ];
  return new Set(ids.filter((id) => id !== undefined));
}

/**
 * The login id of a session id: the key of its record, and safe to log. It
 * cannot be turned back into the session id (SHA-256, 132 bits kept).
 */
export function loginIdOf(sessionId: string): string {
  return hash("sha256", sessionId, "base64url").slice(0, 22);
}

/**
 * What the browser has of the key to the tokens of its login.
 *
 * @param id of a login that the request names
 */
export function browserPartIn(
  { sessionId: ofSession, cookie }: SessionNames,
  config: Config,
  id: string,
): Secret | undefined {
  const candidates = [ofSession, sessionIdIn(cookie, config)];
  // It needs no signature: nothing else has this id.
  const sessionId = candidates.find(
    (candidate) => candidate !== undefined && loginIdOf(candidate) === id,
  );
  return sessionId === undefined ? undefined : new Secret(sessionId);
}

/** Cookies as they were sent: to decode all of a request takes longer than to know one again. */
const AS_SENT = { decode: (text: string): string => text };

/** How many cookies are remembered that were checked. */
const MAX_REMEMBERED = 10_000;

/** Login ids by the hash of a signed cookie as it was sent: whoever reads this memory can sign in as no one. Secrets do not change during the life of a configuration. */
const checked = new WeakMap<Config, BoundedMap<string>>();

function loginIdInCookie(
  header: string | undefined,
  config: Config,
): string | undefined {
  if (header === undefined) return undefined;
  const sent = parse(header, AS_SENT)[config.session.cookieName];
  if (sent === undefined) return undefined;
  let ofKit = checked.get(config);
  if (ofKit === undefined) {
    ofKit = new BoundedMap(MAX_REMEMBERED);
    checked.set(config, ofKit);
  }
  const cookie = hash("sha256", sent, "base64url");
  const known = ofKit.get(cookie);
  if (known !== undefined) return known;
  const value = signedCookieIn(header, config);
  const sessionId = value === undefined ? undefined : unsigned(value, config);
  if (sessionId === undefined) return undefined;
  const loginId = loginIdOf(sessionId);
  ofKit.set(cookie, loginId);
  return loginId;
}

/** The value of the session cookie, unchecked. */
function signedCookieIn(
  header: string | undefined,
  config: Config,
): string | undefined {
  if (header === undefined) return undefined;
  const value = parse(header)[config.session.cookieName];
  return value?.startsWith(SIGNED) === true ? value : undefined;
}

/** The session id in the cookie, unchecked. */
function sessionIdIn(
  header: string | undefined,
  config: Config,
): string | undefined {
  return signedCookieIn(header, config)
    ?.slice(SIGNED.length)
    .replace(/\.[^.]*$/, "");
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
