/** Signs a browser out: its login ends, and its session goes. */
import type { Request } from "express";
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import type {
  BrowserPart,
  EndedLogin,
  LoginRecord,
} from "../stores/login-store.js";
import type { LoginEnding } from "../logins/login-ending.js";
import { loginEnd } from "../logins/login-lifetime.js";
import { ownerOf } from "../logins/login-owner.js";
import type { SessionBackend } from "../stores/session-backend.js";
import { settled } from "./next-session.js";
import {
  browserPartIn,
  isKitStore,
  loginIdsIn,
  sessionNamesIn,
} from "../logins/session-id.js";

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
  { config, knownProviders, loginStore, events, now }: Ground,
  loginEnding: LoginEnding,
  backend: SessionBackend,
): SignOut {
  const isOurs = async ({ identity }: LoginRecord): Promise<boolean> => {
    try {
      return (await knownProviders.of(ownerOf(identity))) !== undefined;
    } catch (error) {
      // Where nobody knows, the user's word counts.
      if (!(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
      return true;
    }
  };
  const remainsOf = async (
    id: string,
    browserPart: BrowserPart,
  ): Promise<EndedLogin | undefined> => {
    const remains = await loginStore.remainsOf(id, browserPart);
    return remains !== undefined && (await isOurs(remains.record))
      ? remains
      : undefined;
  };
  /** What a login was; its session is gone with it unless somebody else has ended it. */
  const endLogin = async (
    id: string,
    browserPart: BrowserPart,
  ): Promise<{
    readonly was?: EndedLogin;
    readonly isSessionLeft: boolean;
  }> => {
    const record = await loginStore.readLogin(id);
    if (record !== undefined && !(await isOurs(record))) {
      return { isSessionLeft: true };
    }
    if (record !== undefined && loginEnd(record, config) <= now()) {
      await loginEnding.end(id, "expired");
      return { isSessionLeft: true };
    }
    const ended = record && (await loginEnding.signOut(id, browserPart));
    const was = ended ?? (await remainsOf(id, browserPart));
    return { ...(was && { was }), isSessionLeft: ended === undefined };
  };

  return async function signOut(req) {
    const logins: EndedLogin[] = [];
    const left: string[] = [];
    const names = sessionNamesIn(req);
    for (const id of loginIdsIn(req, config, names)) {
      const { was, isSessionLeft } = await endLogin(id, () =>
        browserPartIn(names, config, id),
      );
      if (was !== undefined) logins.push(was);
      if (isSessionLeft) left.push(id);
    }
    try {
      for (const id of left) await backend.remove(id);
      await dropSession(req);
    } catch (error) {
      // The user is signed out, and a session without its login is never given out.
      if (logins.length === 0 || !(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
    }
    return logins;
  };
}

/** The request has no session any more. One of the application's own store is destroyed there. */
async function dropSession(req: Request): Promise<void> {
  // The type promises what only express-session brings.
  if ((req.session as unknown) === undefined) return;
  if (isKitStore(req.sessionStore)) {
    Reflect.deleteProperty(req, "session");
  } else await settled((done) => req.session.destroy(done));
}
