/** The session that a request gets once its login is live. */
import type { Request } from "express";
import type { Session, SessionData } from "express-session";
import { ConfigError, LoginKitError } from "../base/errors.js";
import type { SessionMark } from "./bare-session.js";

/** A session, and the id that its cookie names. */
export interface IdentifiedSession {
  readonly sessionID: string;
  readonly session: Session & SessionMark;
}

/** A new id at login, so that nobody can plant one (session fixation). The request keeps the old one until it is live. */
export function nextSession(req: Request): IdentifiedSession {
  const { sessionID, session } = req;
  // The type promises what only express-session brings.
  const { sessionStore } = req as { readonly sessionStore?: object };
  if (sessionStore === undefined || !("generate" in sessionStore)) {
    throw new ConfigError(
      [
        "req.session is not a session of express-session (another package, such as cookie-session, has set it); mount kit.routes before that package, or use kit.session in its place",
      ],
      "kit.routes",
    );
  }
  req.sessionStore.generate(req);
  const next = { sessionID: req.sessionID, session: req.session };
  Object.assign(req, { sessionID, session });
  return next;
}

/**
 * Saves a session. express-session alone would send the answer before, or in
 * spite of, its save.
 *
 * @throws {LoginKitError} `ERR_STORE_UNAVAILABLE`
 */
export function saved(session: Session): Promise<void> {
  return settled((done) => session.save(done));
}

/**
 * Destroys a session, also one that no request has.
 *
 * @throws {LoginKitError} `ERR_STORE_UNAVAILABLE`
 */
export function destroyed(
  store: Request["sessionStore"],
  id: string,
): Promise<void> {
  return settled((done) => {
    store.destroy(id, done);
  });
}

/** Awaits a method of express-session; a store that fails is a store failure. */
export function settled(
  call: (done: (error?: unknown) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => {
      if (error === undefined || error === null) resolve();
      else if (error instanceof LoginKitError) reject(error);
      else reject(new LoginKitError("ERR_STORE_UNAVAILABLE", { cause: error }));
    });
  });
}

/**
 * Gives a request the session of this id, as if the browser had come with it.
 *
 * @returns false when there is none; then the request keeps its own
 * @throws {LoginKitError} `ERR_STORE_UNAVAILABLE`
 */
export async function resumeSession(
  req: Request,
  sessionID: string,
): Promise<boolean> {
  const { sessionStore } = req;
  let found: SessionData | null | undefined;
  await settled((done) => {
    sessionStore.get(sessionID, (error: unknown, session) => {
      found = session;
      done(error);
    });
  });
  if (found === null || found === undefined) return false;
  // A session that comes from the store alone has lost what the cookie is to be, but when it ends.
  const { cookie } = nextSession(req).session;
  const { expires } = found.cookie as { expires?: string | Date | null };
  if (expires != null) Object.assign(cookie, { expires: new Date(expires) });
  req.sessionID = sessionID;
  sessionStore.createSession(req, Object.assign(found, { cookie }));
  return true;
}
