/** Signs a browser out: its login ends, and its session goes. */
import type { Request } from "express";
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import type { LoginKitEmitter } from "../events.js";
import type { EndedLogin, LoginStore } from "../login-store/login-store.js";
import type { LoginEnding } from "./login-ending.js";
import { loginEnd } from "./login-lifetime.js";
import { settled } from "./next-session.js";
import { loginIdOf, sessionIdsOf } from "./session-id.js";

/**
 * Ends the request's login and session. Gives the login that ended; also one
 * that had ended a moment ago, so that who asks twice gets the same answer
 * twice. None: there was none, or it had run out. More than one: the session's
 * first, then the cookie's, because its session was lost.
 *
 * @throws {LoginKitError} `ERR_STORE_UNAVAILABLE` when it is not sure that the login is over
 */
export type SignOut = (req: Request) => Promise<readonly EndedLogin[]>;

/** What {@link createSignOut} works with. */
export interface SignOutDeps {
  readonly config: Config;
  readonly loginStore: LoginStore;
  readonly loginEnding: LoginEnding;
  readonly events: LoginKitEmitter;
  readonly now: () => number;
}

/** Creates the function behind `POST /logout`. */
export function createSignOut({
  config,
  loginStore,
  loginEnding,
  events,
  now,
}: SignOutDeps): SignOut {
  /** Another kit on the same Redis may have another provider: its users are not ours. */
  const ours = ({ identity }: EndedLogin["record"]): boolean =>
    identity.claims.iss === config.issuer;

  const remainsOf = async (id: string): Promise<EndedLogin | undefined> => {
    const remains = await loginStore.remainsOf(id);
    return remains !== undefined && ours(remains.record) ? remains : undefined;
  };
  const endLogin = async (id: string): Promise<EndedLogin | undefined> => {
    const record = await loginStore.readLogin(id);
    if (record === undefined) return remainsOf(id);
    if (!ours(record)) return undefined;
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
