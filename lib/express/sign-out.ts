/** Signs a browser out: its login ends, and its session goes. */
import type { Request } from "express";
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import type { EndedLogin } from "../stores/login-store.js";
import type { LoginEnding } from "../logins/login-ending.js";
import { belongsHere } from "../logins/belongs-here.js";
import { loginEnd } from "../logins/login-lifetime.js";
import { settled } from "./next-session.js";
import { loginIdOf, sessionIdsOf } from "../logins/session-id.js";

/**
 * Ends the request's login and session. Gives the login that ended; also one
 * that had ended a moment ago, so that who asks twice gets the same answer
 * twice. None: there was none, or it had run out. More than one: the session's
 * first, then the cookie's, because its session was lost.
 *
 * @throws {LoginKitError} `ERR_STORE_UNAVAILABLE` when it is not sure that the login is over
 */
export type SignOut = (req: Request) => Promise<readonly EndedLogin[]>;

/** Creates the function behind `POST /logout`. */
export function createSignOut(
  { config, loginStore, events, now }: Ground,
  loginEnding: LoginEnding,
): SignOut {
  const remainsOf = async (id: string): Promise<EndedLogin | undefined> => {
    const remains = await loginStore.remainsOf(id);
    return remains !== undefined && belongsHere(remains.record, config)
      ? remains
      : undefined;
  };
  const endLogin = async (id: string): Promise<EndedLogin | undefined> => {
    const record = await loginStore.readLogin(id);
    if (record === undefined) return remainsOf(id);
    if (!belongsHere(record, config)) return undefined;
    if (loginEnd(record, config) > now()) {
      return (await loginEnding.signOut(id)) ?? remainsOf(id);
    }
    await loginEnding.end(id, "expired");
    return undefined;
  };

  return async function signOut(req) {
    const logins: EndedLogin[] = [];
    for (const sessionId of sessionIdsOf(req, config)) {
      const ended = await endLogin(loginIdOf(sessionId));
      if (ended !== undefined) logins.push(ended);
    }
    try {
      await destroySession(req);
    } catch (error) {
      // The user is signed out, and a session without its login is never given out.
      if (logins.length === 0 || !(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
    }
    return logins;
  };
}

async function destroySession({ session }: Request): Promise<void> {
  // The type promises what only express-session brings.
  if ((session as unknown) === undefined) return;
  await settled((done) => session.destroy(done));
}
